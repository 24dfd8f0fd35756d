"""Copies of a remote store's objects on this machine, shared by its processes: what libraries that want files get.

Only what is named by its content has copies, so a copy is never out of date. It appears whole or not at all, under a
name of its key, and may be removed at any time: it is fetched again when somebody asks for it.
"""

import os
import shutil
import time
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from storage.disk_faults import explain_disk_faults
from storage.keys import locate
from storage.scratch import temporary_file

AREAS = ("media", "frames", "tables", "files")
"""First parts of keys whose objects are named by their content."""

_HOUR_SECONDS = 3600.0


class MediaCache:
    """Copies below ``home/cache``; ``home`` is absolute, free of links, and has a ``tmp`` folder."""

    def __init__(self, home: Path) -> None:
        self._home, self._folder = home, home / "cache"

    def find(self, key: str) -> Path | None:
        """The copy of ``key``; None while there is none."""
        path = locate(self._folder, key)
        if not path.is_file():
            return None
        _note_use(path)
        return path

    def keep(self, key: str, write: Callable[[BufferedIOBase], None]) -> Path:
        """Make a copy of what ``write`` writes; nothing is kept where it raises.

        Raises:
            StoreError: this machine's disk is full or not writable.
        """
        path = locate(self._folder, key)
        with explain_disk_faults(self._home, f"keeping a copy of {key}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary_file(self._home / "tmp") as (descriptor, temporary):
                with os.fdopen(descriptor, "w+b", closefd=False) as file:
                    write(file)
                os.fsync(descriptor)  # else a power cut could leave a name without its bytes, taken for a copy
                temporary.replace(path)
        return path

    def keep_bytes(self, key: str, data: bytes) -> None:
        """Make a copy of ``data``, where objects like ``key`` have copies."""
        if has_copies(key):
            self.keep(key, lambda file: _write(file, data))

    def keep_file(self, key: str, source: Path) -> None:
        """Make a copy of the file ``source``, where objects like ``key`` have copies."""
        if has_copies(key):
            with source.open("rb") as reader:
                self.keep(key, lambda file: shutil.copyfileobj(reader, file, 1 << 20))


def has_copies(key: str) -> bool:
    """Whether objects like ``key`` are named by their content."""
    return key.partition("/")[0] in AREAS


def _note_use(path: Path) -> None:
    """Tell ``framefoundry gc`` that a copy is in use, on filesystems that do not note when files are read."""
    if time.time() - path.stat().st_mtime > _HOUR_SECONDS:
        os.utime(path)


def _write(file: BufferedIOBase, data: bytes) -> None:
    file.write(data)
