"""Folders that appear whole or not at all: ``<area>/<name>/<version>/``, and ``<area>/<name>/LATEST`` beside them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.closest import closest_hint
from schemas.errors import RecipeError, StoreError
from schemas.recipe import check_name
from storage.store import Store

LATEST = "LATEST"

_VERSION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class PublishedFolder:
    """A published version.

    Attributes:
        name, version: ``name@version`` names it everywhere.
        summary: what it says of itself.
        key: of its folder.
        store: that it lies in.
    """

    name: str
    version: str
    summary: Mapping[str, Any] = field(repr=False)
    key: str = field(repr=False)
    store: Store = field(repr=False)

    @property
    def path(self) -> Path:
        """Its folder on this machine, immutable; of a remote store a copy, fetched when it is first asked for."""
        return self.store.folders.open(self.key)

    @property
    def location(self) -> str:
        """Where its folder lies, for people: a path or an address."""
        return self.store.where(self.key)

    def find_file(self, name: str) -> Path | None:
        """One of its files on this machine, without the others; None where it has none of that name."""
        return self.store.folders.find_file(self.key, name)


def publish_folder(
    store: Store, area: str, name: str, version: str, build: Callable[[Path], None], *, required: tuple[str, ...]
) -> None:
    """Let ``build`` fill a new folder of this machine and publish it whole; a version that exists is kept as it is.

    Raises:
        RecipeError: ``name`` or ``version`` cannot name a folder; nothing was touched.
        StoreError: ``build`` left out a file of ``required``, or the disk is full; nothing is published.
    """
    store.folders.publish(folder_key(area, name, version), build, required)


def move_latest(store: Store, area: str, name: str, version: str) -> None:
    """Make ``version`` the one that ``name`` alone stands for."""
    key = f"{area}/{name}/{LATEST}"
    while (current := store.read_pointer(key)) != version:
        if store.swap_pointer(key, current, version):
            return


def resolve_version(store: Store, area: str, name: str, version: str | None, required: tuple[str, ...]) -> str:
    """The whole name of ``version``, of the one version that begins so, or for None of ``LATEST``.

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
    return matches[0]


def folder_names(store: Store, area: str) -> list[str]:
    """Names in ``area``, sorted."""
    return store.folders.names_in(area)


def folder_versions(store: Store, area: str, name: str, required: tuple[str, ...]) -> list[str]:
    """Versions of ``name``, sorted."""
    found = store.folders.names_in(f"{area}/{name}")
    return [version for version in found if store.folders.exists(f"{area}/{name}/{version}", required)]


def folder_key(area: str, name: str, version: str) -> str:
    """The store's key of a version's folder.

    Raises:
        RecipeError: ``name`` or ``version`` cannot name a folder.
    """
    return f"{area}/{checked_name(name)}/{checked_version(version)}"


def parse_reference(text: str) -> tuple[str, str | None]:
    """``"NAME@VERSION"`` or ``"NAME"`` as (name, version or None).

    Raises:
        RecipeError: the name or the version is not one.
    """
    name, at, version = text.partition("@")
    return checked_name(name), checked_version(version) if at else None


def read_summary(store: Store, key: str, file: str) -> Mapping[str, Any]:
    """The JSON object in the file ``file`` of the folder ``key``.

    Raises:
        StoreError: missing or damaged.
    """
    where = f"{store.where(key)}/{file}"
    path = store.folders.find_file(key, file)
    try:
        if path is None:
            raise FileNotFoundError(f"no such file: {where}")
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{where} cannot be read: {fault}.", "Remove its folder and publish again.") from None
    if not isinstance(summary, dict):
        raise StoreError(
            f"{where} holds {type(summary).__name__}, not an object.", "Remove its folder and publish again."
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
