"""Dataset versions: ``datasets/<name>/<version>/``, all or nothing, and the one that is current."""

from collections.abc import Callable
from pathlib import Path

from storage.store import Store
from storage.versions import (
    PublishedFolder,
    folder_key,
    folder_names,
    folder_versions,
    move_latest,
    parse_reference,
    publish_folder,
    read_summary,
    resolve_version,
)

__all__ = ["DatasetVersion", "find_version", "list_datasets", "parse_reference", "publish_version"]

SUMMARY_FILE = "dataset.json"

_AREA = "datasets"
_REQUIRED = (SUMMARY_FILE,)


class DatasetVersion(PublishedFolder):
    """A published dataset; its summary is the content of its ``dataset.json``."""


def publish_version(store: Store, name: str, version: str, build: Callable[[Path], None]) -> DatasetVersion:
    """Publish what ``build`` writes into the empty folder that it is given, then make it the current version.

    All or nothing: if ``build`` fails or the process dies, no version is there. ``build`` must write ``dataset.json``
    and must not write the folder's own path into any file, because the folder is renamed. A version that exists is
    kept.

    Raises:
        RecipeError: ``name`` or ``version`` cannot name a folder.
        StoreError: no ``dataset.json`` was written, or the disk is full.
    """
    publish_folder(store, _AREA, name, version, build, required=_REQUIRED)
    move_latest(store, _AREA, name, version)
    return _load(store, name, version)


def replace_files(dataset: DatasetVersion, staging: Path) -> None:
    """Put the files and folders in ``staging`` in the place of those of the same names; ``dataset.json`` last."""
    dataset.store.folders.replace_in(dataset.key, staging, last=SUMMARY_FILE)


def find_version(store: Store, name: str, version: str | None = None) -> DatasetVersion:
    """A version by its name, or by the beginning of it that no other shares; None: the current one.

    Raises:
        RecipeError: none such; the message lists what exists.
    """
    return _load(store, name, resolve_version(store, _AREA, name, version, _REQUIRED))


def list_datasets(store: Store) -> list[DatasetVersion]:
    """Every version of every dataset: by name, the current version first, then by version."""
    found = []
    for name in folder_names(store, _AREA):
        current = current_version(store, name)
        versions = folder_versions(store, _AREA, name, _REQUIRED)
        versions.sort(key=lambda version: (version != current, version))
        found += [_load(store, name, version) for version in versions]
    return found


def is_published(store: Store, name: str, version: str) -> bool:
    """Whether exactly this version is there, whole."""
    return store.folders.exists(folder_key(_AREA, name, version), _REQUIRED)


def current_version(store: Store, name: str) -> str | None:
    """The version that ``name`` alone stands for; None before the first publication."""
    return store.read_pointer(f"{_AREA}/{name}/LATEST")


def _load(store: Store, name: str, version: str) -> DatasetVersion:
    key = folder_key(_AREA, name, version)
    return DatasetVersion(name, version, read_summary(store, key, SUMMARY_FILE), key, store)
