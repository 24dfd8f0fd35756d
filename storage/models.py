"""Trained detectors: ``models/<name>/<version>/{weights.pt, report.json}``; the current one is the promoted one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storage.store import Store
from storage.versions import (
    PublishedFolder,
    folder_key,
    folder_names,
    folder_versions,
    move_latest,
    publish_folder,
    read_summary,
    resolve_version,
)

WEIGHTS_FILE = "weights.pt"
REPORT_FILE = "report.json"

_AREA = "models"
_REQUIRED = (WEIGHTS_FILE, REPORT_FILE)


class ModelVersion(PublishedFolder):
    """A trained detector; its summary is the content of its ``report.json``."""

    @property
    def report(self) -> Mapping[str, Any]:
        """What training and judging it gave."""
        return self.summary

    @property
    def weights(self) -> Path:
        """The checkpoint on this machine."""
        return self.path / WEIGHTS_FILE


def publish_model(
    store: Store, name: str, version: str, build: Callable[[Path], None], *, promote: bool
) -> ModelVersion:
    """Store what ``build`` writes into the empty folder that it is given: ``weights.pt`` and ``report.json``.

    All or nothing, as :func:`storage.datasets.publish_version`. With ``promote`` it becomes the current version.

    Raises:
        RecipeError: ``name`` or ``version`` cannot name a folder.
        StoreError: a file is missing, or the disk is full.
    """
    publish_folder(store, _AREA, name, version, build, required=_REQUIRED)
    if promote:
        move_latest(store, _AREA, name, version)
    return _load(store, name, version)


def find_model(store: Store, name: str, version: str | None = None) -> ModelVersion:
    """A version by its name, or by the beginning of it that no other shares; None: the promoted one.

    Raises:
        RecipeError: none such, or none was promoted; the message lists what exists.
    """
    return _load(store, name, resolve_version(store, _AREA, name, version, _REQUIRED))


def list_models(store: Store) -> list[ModelVersion]:
    """Every version of every model, by name and version."""
    return [
        _load(store, name, version)
        for name in folder_names(store, _AREA)
        for version in folder_versions(store, _AREA, name, _REQUIRED)
    ]


def promoted_version(store: Store, name: str) -> str | None:
    """The version that was promoted last; None while none was."""
    return store.read_pointer(f"{_AREA}/{name}/LATEST")


def _load(store: Store, name: str, version: str) -> ModelVersion:
    key = folder_key(_AREA, name, version)
    return ModelVersion(name, version, read_summary(store, key, REPORT_FILE), key, store)
