"""Folders in a bucket that appear whole or not at all: files first, and last, by a conditional write, their list.

``<folder>/index.json`` tells for every file of the folder which object holds it. A folder without one is not there.
Files lie under their own names, readable as they are; an image that the store has already is not stored again, and a
file whose name a killed publication has taken for other bytes goes to ``files/``, by its content. Objects are never
overwritten: to replace files in a folder is to move its list, by compare and swap.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import StoreError
from schemas.identity import canonical_json, digest
from storage.keys import check_key
from storage.local_folders import LocalFolders, check_required
from storage.s3_commits import write_if
from storage.s3_objects import S3Objects, at_once
from storage.scratch import temporary_directory

INDEX = "index.json"


@dataclass(frozen=True)
class _File:
    """One file of a folder: the object that holds it, its size in bytes, and the SHA-256 of its content."""

    key: str
    size: int
    sha256: str

    @property
    def copy(self) -> str:
        """Key of its copy on a machine: by content."""
        return self.key if self.key.startswith("frames/") else f"files/{self.sha256[:2]}/{self.sha256}"


_Index = Mapping[str, _File]


@dataclass(frozen=True)
class S3Folders:
    """The folders of a store in a bucket; see :class:`storage.objects.Folders`."""

    objects: S3Objects

    def publish(self, key: str, build: Callable[[Path], None], required: Sequence[str]) -> None:
        """Let ``build`` fill an empty folder of this machine and make it the folder ``key``; one there is kept."""
        if self.exists(key, required):
            return
        with temporary_directory(self.objects.home / "tmp", "publish") as staging:
            build(staging)
            check_required(staging, required, key)
            write_if(self.objects.bucket, self._index_name(key), _as_bytes(self._store_all(key, staging)), tag=None)

    def replace_in(self, key: str, staging: Path, last: str) -> None:
        """Put the entries of ``staging`` in the place of those of the folder ``key``, all at the same moment."""
        new = self._store_all(key, staging)
        replaced = {entry.name for entry in staging.iterdir()}
        while True:
            index, tag = self._read(key)
            kept = {path: file for path, file in index.items() if path.partition("/")[0] not in replaced}
            if write_if(self.objects.bucket, self._index_name(key), _as_bytes(kept | new), tag=tag) is not None:
                return

    def exists(self, key: str, required: Sequence[str]) -> bool:
        """Whether the folder ``key`` is there, with every file of ``required``."""
        found = self._find(key)
        return found is not None and set(required) <= found[0].keys()

    def names_in(self, prefix: str) -> list[str]:
        """Names of the folders in ``prefix``, sorted."""
        whole = f"{self.objects.name(prefix)}/"
        pages = self.objects.pages(whole, Delimiter="/")
        found = (str(one["Prefix"]) for page in pages for one in page.get("CommonPrefixes", ()))
        return sorted(name.removeprefix(whole).rstrip("/") for name in found)

    def open(self, key: str) -> Path:
        """A copy of the folder ``key``: links to copies of its files, made anew whenever the folder has changed."""
        index, _ = self._read(key)
        copy = f"cache/folders/{_identity(index)}/{key.rpartition('/')[2]}"

        def fetch(folder: Path) -> None:
            paths = list(index)
            for path, source in zip(paths, self._copies([index[path] for path in paths]), strict=True):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)

        here = LocalFolders(self.objects.home)
        if here.open(copy).is_dir() and not here.exists(copy, list(index)):
            self._set_aside(here.open(copy))  # somebody removed files of it
        here.publish(copy, fetch, required=list(index))
        return here.open(copy)

    def find_file(self, key: str, name: str) -> Path | None:
        """A copy of the file ``name`` of the folder ``key``; None where there is none."""
        found = self._find(key)
        file = found[0].get(name) if found else None
        return None if file is None else self._copies([file])[0]

    def _set_aside(self, folder: Path) -> None:
        with temporary_directory(self.objects.home / "tmp", "removed") as bin_, suppress(FileNotFoundError):
            folder.rename(bin_ / "folder")

    def _copies(self, files: Sequence[_File]) -> list[Path]:
        return at_once(lambda file: self.objects.fetch(file.key, file.copy, file.sha256), files)

    def _store_all(self, key: str, folder: Path) -> dict[str, _File]:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = at_once(lambda path: self._store(key, path, path.relative_to(folder).as_posix()), paths)
        return {path.relative_to(folder).as_posix(): file for path, file in zip(paths, files, strict=True)}

    def _store(self, folder: str, source: Path, name: str) -> _File:
        with source.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size = source.stat().st_size
        image = f"frames/{sha256[:2]}/{sha256}{source.suffix}"
        if self.objects.cache.find(image) is not None and self.objects.exists(image):
            return _File(image, size, sha256)
        key = f"{folder}/{name}"
        if not _is_key(key) or not (self.objects.put_file(key, source) or self.objects.stored_sha256(key) == sha256):
            key = f"files/{sha256[:2]}/{sha256}"
            self.objects.put_file(key, source)
        stored = _File(key, size, sha256)
        self.objects.cache.keep_file(stored.copy, source)
        return stored

    def _index_name(self, key: str) -> str:
        return self.objects.name(f"{key}/{INDEX}")

    def _read(self, key: str) -> tuple[_Index, str]:
        found = self._find(key)
        if found is None:
            raise StoreError(f"{self.objects.where(key)} is not there.", "It was never published, or was removed.")
        return found

    def _find(self, key: str) -> tuple[_Index, str] | None:
        found = self.objects.read_with_tag(f"{key}/{INDEX}")
        if found is None:
            return None
        try:
            told = json.loads(found[0])["files"]
            return {_below(path): _File(**file) for path, file in told.items()}, found[1]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StoreError(
                f"{self.objects.where(key)}/{INDEX} is damaged.", "Remove it and publish the folder again."
            ) from None


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except StoreError:
        return False
    return True


def _below(path: str) -> str:
    """``path`` if it stays inside a folder; ValueError if it does not: who writes to the bucket may not write here."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise ValueError(f"{path!r} leads out of its folder")
    return path


def _as_bytes(index: _Index) -> bytes:
    return canonical_json({"files": {path: asdict(file) for path, file in index.items()}}) + b"\n"


def _identity(index: _Index) -> str:
    return digest({path: file.sha256 for path, file in index.items()})
