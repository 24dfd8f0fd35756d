"""Folders that appear whole or not at all: ``<area>/<name>/<version>/``, and ``<area>/<name>/LATEST`` beside them."""

import errno
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.closest import closest_hint
from schemas.errors import RecipeError, StoreError
from schemas.recipe import check_name
from storage.disk_faults import explain_disk_faults
from storage.local_objects import sync_folder
from storage.store import Store

LATEST = "LATEST"

_VERSION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def publish_folder(
    store: Store, area: str, name: str, version: str, build: Callable[[Path], None], *, required: tuple[str, ...]
) -> Path:
    """Let ``build`` fill a new folder, sync it, and rename it into place; a version that exists is kept as it is.

    Raises:
        RecipeError: ``name`` or ``version`` cannot name a folder; nothing was touched.
        StoreError: ``build`` left out a file of ``required``, or the disk is full; nothing is published.
    """
    target = store.path(f"{area}/{checked_name(name)}/{checked_version(version)}")
    if _is_whole(target, required):
        return target
    with store.scratch("publish") as staging, explain_disk_faults(store.root, f"publishing {name}@{version}"):
        build(staging)
        missing = next((file for file in required if not (staging / file).is_file()), None)
        if missing is not None:
            raise StoreError(f"{name}@{version}: {missing} was not written.", "Nothing was published.")
        _step("before sync")
        _sync_tree(staging)
        _make_parents(store.root, target.parent)
        _step("before rename")
        _rename_if_absent(staging, target)
        _step("before folder sync")
        sync_folder(target.parent)
        _step("after rename")
    return target


def move_latest(store: Store, area: str, name: str, version: str) -> None:
    """Make ``version`` the one that ``name`` alone stands for."""
    key = f"{area}/{name}/{LATEST}"
    while (current := store.read_pointer(key)) != version:
        if store.swap_pointer(key, current, version):
            return


def find_folder(store: Store, area: str, name: str, version: str | None, required: tuple[str, ...]) -> Path:
    """The folder of ``version``, of the one version that begins so, or for None of ``LATEST``.

    Raises:
        RecipeError: no such name, no such version, or several that begin so; the message lists what exists.
        StoreError: ``LATEST`` names a version that is not there.
    """
    what = area.removesuffix("s")
    existing = folder_versions(store, area, checked_name(name), required)
    if not existing:
        raise RecipeError(
            f"there is no {what} {name!r}{closest_hint(name, folder_names(store, area))}.", _list_hint(area)
        )
    if version is None:
        latest = store.read_pointer(f"{area}/{name}/{LATEST}")
        if latest is None:
            listed = ", ".join(f"{name}@{found}" for found in existing)
            raise RecipeError(f"{what} {name!r} has no current version; it has: {listed}.", "Name one of them.")
        if latest not in existing:
            raise StoreError(
                f"{what} {name}: {LATEST} names {latest}, which is not there.", "Name a version: NAME@VERSION."
            )
        version = latest
    matches = [found for found in existing if found == version] or [
        found for found in existing if found.startswith(checked_version(version))
    ]
    if len(matches) != 1:
        listed = ", ".join(matches or existing)
        fault = "is the beginning of several versions" if matches else "is not a version"
        raise RecipeError(f"{version!r} {fault} of {what} {name!r}: {listed}.", "Name one of them.")
    return store.path(f"{area}/{name}/{matches[0]}")


def folder_names(store: Store, area: str) -> list[str]:
    """Names in ``area``, sorted."""
    return [entry.name for entry in _folders(store.path(area))]


def folder_versions(store: Store, area: str, name: str, required: tuple[str, ...]) -> list[str]:
    """Versions of ``name``, sorted."""
    return [entry.name for entry in _folders(store.path(f"{area}/{name}")) if _is_whole(entry, required)]


def parse_reference(text: str) -> tuple[str, str | None]:
    """``"NAME@VERSION"`` or ``"NAME"`` as (name, version or None).

    Raises:
        RecipeError: the name or the version is not one.
    """
    name, at, version = text.partition("@")
    return checked_name(name), checked_version(version) if at else None


def read_summary(file: Path) -> Mapping[str, Any]:
    """The JSON object in ``file``.

    Raises:
        StoreError: missing or damaged.
    """
    try:
        summary = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{file} cannot be read: {fault}.", "Remove its folder and publish again.") from None
    if not isinstance(summary, dict):
        raise StoreError(
            f"{file} holds {type(summary).__name__}, not an object.", "Remove its folder and publish again."
        )
    return summary


def checked_name(name: str) -> str:
    """``name`` if it can name a dataset or a model; RecipeError if not."""
    try:
        return check_name(name)
    except ValueError as fault:
        raise RecipeError(f"{fault}.", "Give another name.") from None


def checked_version(version: str) -> str:
    """``version``, or the beginning of one, if it can be; RecipeError if not."""
    if not _VERSION.fullmatch(version):
        raise RecipeError(f"{version[:80]!r} is not a version.", "Use 1 to 64 lower-case letters, digits and ._-.")
    return version


def _list_hint(area: str) -> str:
    return "Run a recipe that publishes it." if area == "datasets" else "Run `framefoundry retrain` first."


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(entry for entry in folder.iterdir() if entry.is_dir())


def _is_whole(folder: Path, required: tuple[str, ...]) -> bool:
    return all((folder / file).is_file() for file in required)


def _rename_if_absent(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as fault:
        if fault.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise  # else another process published the same rows first: equal by construction, so its folder stays


def _make_parents(root: Path, folder: Path) -> None:
    if folder != root and not folder.is_dir():
        _make_parents(root, folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            # Exports link thousands of frame images, which were synced when they were committed.
            if path.lstat().st_nlink == 1 and not path.is_symlink():
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        sync_folder(Path(parent))


def _step(name: str) -> None:
    """Called between the writes of a publication, for tests that kill the process there."""
