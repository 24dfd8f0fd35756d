"""Bytes under keys in a local directory tree: put if absent, read, list, compare and swap.

The commit primitive: the bytes go to a temporary file, which is synced and then linked to its final name. ``link``
fails where the name exists, so of several writers exactly one wins, and no reader ever sees half an object. The
directory is synced last, so a committed object outlives a power cut. A process killed between any two steps leaves the
object whole or absent, and at most a temporary file that :func:`storage.scratch.sweep` removes.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StoreError
from schemas.identity import digest
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key, locate
from storage.objects import Entry
from storage.scratch import temporary_file

TMP = "tmp"
LOCKS = "locks"


@dataclass(frozen=True)
class LocalObjects:
    """The objects of a store below ``root``, absolute and free of links; see :class:`storage.objects.Objects`."""

    root: Path

    def put(self, key: str, data: bytes) -> bool:
        """Store ``data`` under ``key`` unless something is stored there; True if this call stored it."""
        return put_if_absent(self.root, key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """:meth:`put` each of ``items``, key and data, as they come."""
        for key, data in items:
            self.put(key, data)

    def put_file(self, key: str, source: Path) -> bool:
        """Store a copy of the file ``source``; see :meth:`put`."""
        return put_file_if_absent(self.root, key, source)

    def read(self, key: str) -> bytes:
        """The bytes under ``key``; StoreError where nothing is."""
        return read_object(self.root, key)

    def read_many(self, keys: Sequence[str]) -> list[bytes]:
        """The bytes under each of ``keys``, in their order."""
        return [read_object(self.root, key) for key in keys]

    def exists(self, key: str) -> bool:
        """Whether something is stored under ``key``."""
        # Following links costs most of a look-up, and what is not there leads nowhere.
        return (self.root / check_key(key)).is_file() and locate(self.root, key).is_file()

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` under which nothing is stored, in their order."""
        return [key for key in keys if not self.exists(key)]

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Keys in the folder ``prefix``, to any depth, sorted; none where it does not exist."""
        return list_objects(self.root, prefix)

    def list_entries(self, prefix: str) -> Iterator[Entry]:
        """What lies in the folder ``prefix``, to any depth, in no order."""
        return _list_entries(str(locate(self.root, prefix.rstrip("/"))), prefix.rstrip("/"))

    def find_files(self, keys: Sequence[str]) -> list[Path | None]:
        """The files of ``keys`` themselves; None: not there."""
        return [path if path.is_file() else None for path in (locate(self.root, key) for key in keys)]

    def remove(self, key: str) -> None:
        """Remove what is stored under ``key``, if anything is."""
        with explain_disk_faults(self.root, f"removing {key}"):
            locate(self.root, key).unlink(missing_ok=True)

    def read_pointer(self, key: str) -> str | None:
        """The text that the pointer ``key`` holds; None while it was never set."""
        return read_pointer(self.root, key)

    def swap_pointer(self, key: str, expected: str | None, new: str) -> bool:
        """Set the pointer ``key`` to ``new`` if it holds ``expected`` (None: was never set); True if it did."""
        return swap_pointer(self.root, key, expected, new)

    def where(self, key: str) -> str:
        """The path of ``key``."""
        return str(self.root / check_key(key))


def put_if_absent(root: Path, key: str, data: bytes) -> bool:
    """Store ``data`` under ``key`` unless something is stored there; True if this call stored it.

    Raises:
        StoreError: not a key; or the disk is full or not writable, and nothing was stored.
    """
    return _commit(root, key, lambda descriptor: _write_all(descriptor, data))


def put_file_if_absent(root: Path, key: str, source: Path) -> bool:
    """Store a copy of the file ``source``, from whatever filesystem; see :func:`put_if_absent`."""

    def copy(descriptor: int) -> None:
        with source.open("rb") as reader, os.fdopen(descriptor, "wb", closefd=False) as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)

    if not source.is_file():
        raise StoreError(f"{source} is not a file; it was to be stored as {key}.", "Check what produced it.")
    return _commit(root, key, copy)


def read_object(root: Path, key: str) -> bytes:
    """The bytes stored under ``key``.

    Raises:
        StoreError: not a key, or nothing is stored there.
    """
    path = locate(root, key)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise StoreError(
            f"{key} is not in the store {root}.", "It was not committed, or was removed by hand."
        ) from None
    except OSError as fault:
        raise StoreError(f"{key} cannot be read: {fault.strerror}.", f"Check the disk of {root}.") from fault


def list_objects(root: Path, prefix: str) -> Iterator[str]:
    """Keys of all objects in the folder ``prefix``, to any depth, sorted; none where the folder does not exist."""
    folder = locate(root, prefix.rstrip("/"))
    found = []
    for parent, _, names in os.walk(folder):
        below = Path(parent).relative_to(root).as_posix()
        found += [f"{below}/{name}" for name in names if not name.startswith(".")]
    yield from sorted(found)


def _list_entries(folder: str, prefix: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            for one in found:
                if one.is_dir(follow_symlinks=False):
                    yield from _list_entries(one.path, f"{prefix}/{one.name}")
                elif not one.name.startswith("."):
                    about = one.stat(follow_symlinks=False)
                    yield Entry(f"{prefix}/{one.name}", about.st_size, about.st_mtime, about.st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return


def read_pointer(root: Path, key: str) -> str | None:
    """The text that the pointer ``key`` holds; None while it has never been set."""
    path = locate(root, key)
    return read_object(root, key).decode().strip() if path.is_file() else None


def swap_pointer(root: Path, key: str, expected: str | None, new: str) -> bool:
    """Set the pointer ``key`` to ``new`` if it holds ``expected`` (None: was never set); True if it did.

    A reader sees the old text or the new one, whole, at any time.
    """
    path = locate(root, key)
    with explain_disk_faults(root, f"moving {key}"), _only_writer_of(root, key):
        if read_pointer(root, key) != expected:
            return False
        _make_folder(root, path.parent)
        with temporary_file(root / TMP) as (descriptor, temporary):
            _step("pointer: before write")
            _write_all(descriptor, f"{new}\n".encode())
            os.fsync(descriptor)
            _step("pointer: before rename")
            temporary.replace(path)
            _step("pointer: before folder sync")
            sync_folder(path.parent)
        return True


def sync_folder(folder: Path) -> None:
    """Make names created in ``folder`` outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _commit(root: Path, key: str, write: Callable[[int], None]) -> bool:
    path = locate(root, key)
    with explain_disk_faults(root, f"storing {key}"):
        if path.exists():
            sync_folder(path.parent)  # its maker may have died before this; what we build on it must not outlive it
            return False
        _step("before folder")
        _make_folder(root, path.parent)
        _step("before temporary file")
        with temporary_file(root / TMP) as (descriptor, temporary):
            _step("before write")
            write(descriptor)
            _step("before file sync")
            os.fsync(descriptor)
            _step("before link")
            created = _link(temporary, path)
            _step("before folder sync")
            sync_folder(path.parent)
            _step("before temporary file is removed")
        _step("after")
        return created


def _link(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def _make_folder(root: Path, folder: Path) -> None:
    """Create ``folder`` below ``root``, with every new name synced in its parent."""
    if folder == root or folder.is_dir():
        return
    _make_folder(root, folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def _only_writer_of(root: Path, key: str) -> Iterator[None]:
    lock = root / LOCKS / f"{digest(key)}.pointer"
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _step(name: str) -> None:
    """Called between the writes of a commit, for tests that kill the process there."""
