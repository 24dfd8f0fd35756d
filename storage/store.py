"""The store: immutable objects under keys, with a few pointers that move; in a directory, or in a bucket."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from schemas.errors import StoreError
from storage import local_objects
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key, locate
from storage.local_folders import LocalFolders
from storage.marks import MARK, new_mark, read_mark
from storage.objects import Entry, Folders, Objects
from storage.scratch import sweep, temporary_directory

STORE_VARIABLE = "FRAMEFOUNDRY_STORE"
DEFAULT_LOCATION = "foundry"


@dataclass(frozen=True)
class Store:
    """An open store; make one with :meth:`open`. It holds two names and nothing else: any process may have its own.

    Attributes:
        root: absolute path of its directory; of a remote store, of its folder on this machine, where copies, scratch,
            locks and databases lie.
        address: ``s3://bucket/prefix`` of a remote store; empty for a local one.
    """

    root: Path
    address: str = ""

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = True) -> "Store":
        """Open the store at ``location``, a path or ``s3://bucket/prefix``, else ``$FRAMEFOUNDRY_STORE``, else
        ``./foundry``.

        What dead processes left in its ``tmp/`` is swept.

        Raises:
            StoreError: absent and not to be created; a place with other things in it; written by a newer version; not
                writable, or out of reach.
        """
        chosen = chosen_location(location)
        if is_remote(chosen):
            return cls._open_remote(chosen, create)
        root = Path(chosen).expanduser().resolve()
        if not (root / MARK).is_file():
            _create(root, allowed=create)
        read_mark(local_objects.read_object(root, MARK), str(root / MARK))
        with explain_disk_faults(root, "opening the store"):
            for folder in (local_objects.TMP, local_objects.LOCKS):
                (root / folder).mkdir(exist_ok=True)
            sweep(root / local_objects.TMP)
        return cls(root)

    @classmethod
    def planned(cls, location: str | Path | None = None) -> "Store":
        """The store at ``location`` to look into, whether it was created or not; nothing is created there."""
        chosen = chosen_location(location)
        if not is_remote(chosen):
            return cls(Path(chosen).expanduser().resolve())
        from storage.remote import find_home, home_for

        return cls(find_home(chosen) or home_for(chosen), chosen.rstrip("/"))

    @classmethod
    def _open_remote(cls, address: str, create: bool) -> "Store":
        from storage.remote import create_store, find_home

        root = find_home(address)
        if root is None and not create:
            raise StoreError(f"{address} is not a Framefoundry store.", "Run a recipe first, or check --store.")
        root = root or create_store(address)
        with explain_disk_faults(root, "opening the store"):
            sweep(root / local_objects.TMP)
        return cls(root, address.rstrip("/"))

    @property
    def location(self) -> str:
        """What :meth:`open` opens this store by, in any process; of a remote store, on any machine."""
        return self.address or str(self.root)

    @cached_property
    def objects(self) -> Objects:
        """Where its objects lie."""
        if not self.address:
            return local_objects.LocalObjects(self.root)
        from storage.remote import remote_objects

        return remote_objects(self.address, self.root)

    @cached_property
    def folders(self) -> Folders:
        """Where its versions lie."""
        if not self.address:
            return LocalFolders(self.root)
        from storage.remote import remote_objects
        from storage.s3_folders import S3Folders

        return S3Folders(remote_objects(self.address, self.root))

    def put(self, key: str, data: bytes) -> bool:
        """Commit ``data`` under ``key`` if nothing is there; True if this call did. The first writer wins, for good.

        Raises:
            StoreError: not a key; disk full or not writable, and nothing was stored.
        """
        return self.objects.put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Commit each of ``items``, key and data, as they come; in a remote store, several at once. See :meth:`put`."""
        self.objects.put_many(items)

    def put_file(self, key: str, source: Path) -> bool:
        """Commit a copy of the file ``source``; see :meth:`put`."""
        return self.objects.put_file(key, source)

    def read(self, key: str) -> bytes:
        """The bytes under ``key``.

        Raises:
            StoreError: nothing is there.
        """
        return self.objects.read(key)

    def read_many(self, keys: Sequence[str]) -> list[bytes]:
        """The bytes under each of ``keys``, in their order; from a remote store, many at once. See :meth:`read`."""
        return self.objects.read_many(keys)

    def exists(self, key: str) -> bool:
        """Whether an object is committed under ``key``."""
        return self.objects.exists(key)

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` under which nothing is committed, in their order."""
        return self.objects.missing(keys)

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of all objects in the folder ``prefix``, sorted; none where it does not exist."""
        return self.objects.list_keys(prefix)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """All objects in the folder ``prefix`` with size and time, in no order; none where it does not exist."""
        return self.objects.list_entries(prefix)

    def find_file(self, key: str) -> Path | None:
        """The object ``key`` as a file of this machine; None: it is not there. Never write to it.

        Of a remote store it is a copy, fetched if need be; only ``media/``, ``frames/`` and ``tables/`` have copies.
        """
        return self.objects.find_files([key])[0]

    def paths(self, keys: Sequence[str]) -> list[Path]:
        """Where the objects ``keys``, which are there, lie as files of this machine; see :meth:`find_file`.

        Raises:
            StoreError: a remote store lacks one. A local one is not asked.
        """
        if not self.address:
            return [locate(self.root, key) for key in keys]
        found = self.objects.find_files(keys)
        for key, path in zip(keys, found, strict=True):
            if path is None:
                raise StoreError(f"{self.where(key)} is missing.", "It was removed; run the recipe again.")
        return [path for path in found if path is not None]

    def path(self, key: str) -> Path:
        """Where the object ``key``, which is there, lies as a file of this machine; see :meth:`paths`."""
        return self.paths([key])[0]

    def where(self, key: str) -> str:
        """Where the object ``key`` lies, or would lie, for people: a path or an address."""
        return self.objects.where(key)

    def remove(self, key: str) -> None:
        """Remove the object ``key``, if it is there: only for who knows that nothing refers to it."""
        self.objects.remove(key)

    def read_pointer(self, key: str) -> str | None:
        """What the pointer ``key`` holds; None while it was never set."""
        return self.objects.read_pointer(key)

    def swap_pointer(self, key: str, expected: str | None, new: str) -> bool:
        """Compare and swap: set the pointer to ``new`` if it holds ``expected`` (None: never set); True if it did."""
        return self.objects.swap_pointer(key, expected, new)

    def scratch(self, purpose: str) -> AbstractContextManager[Path]:
        """A directory of this machine, removed at exit; that of a killed process is swept by :meth:`open`.

        It lies on one filesystem with the files that :meth:`paths` names.
        """
        return temporary_directory(self.root / local_objects.TMP, check_key(purpose).replace("/", "-"))


def chosen_location(location: str | Path | None) -> str:
    """``location``, else ``$FRAMEFOUNDRY_STORE``, else ``./foundry``."""
    return str(location or os.environ.get(STORE_VARIABLE) or DEFAULT_LOCATION)


def is_remote(location: str) -> bool:
    """Whether ``location`` is an address rather than a path."""
    return "://" in location


def _create(root: Path, *, allowed: bool) -> None:
    if not allowed:
        raise StoreError(f"{root} is not a Framefoundry store.", "Run a recipe first, or check --store.")
    with explain_disk_faults(root.parent, f"creating the store {root}"):
        root.mkdir(parents=True, exist_ok=True)
        local_objects.sync_folder(root.parent)
        foreign = sorted(entry.name for entry in root.iterdir() if entry.name not in {MARK, *_OWN_FOLDERS})
        if foreign and not (root / MARK).is_file():  # else another process has just created and used it
            raise StoreError(
                f"{root} is not a Framefoundry store: it holds {foreign[0]!r}.",
                "Point --store at an empty or new folder.",
            )
        for folder in _OWN_FOLDERS:
            (root / folder).mkdir(exist_ok=True)
        local_objects.put_if_absent(root, MARK, new_mark())


_OWN_FOLDERS = (local_objects.TMP, local_objects.LOCKS)
