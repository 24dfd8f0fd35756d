"""The store: a directory tree of immutable objects under keys, with a few pointers that move."""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StoreError
from schemas.version import SCHEMA_VERSION, check_schema_version
from storage import local_objects
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key, locate
from storage.scratch import sweep, temporary_directory

STORE_VARIABLE = "FRAMEFOUNDRY_STORE"
DEFAULT_LOCATION = "foundry"
_MARK = "store.json"


@dataclass(frozen=True)
class Store:
    """An open store; make one with :meth:`open`. It holds a path and nothing else, so any process may have its own.

    Attributes:
        root: absolute path of its directory.
    """

    root: Path

    @classmethod
    def open(cls, location: str | Path | None = None, *, create: bool = True) -> "Store":
        """Open the store at ``location``, else ``$FRAMEFOUNDRY_STORE``, else ``./foundry``.

        What dead processes left in its ``tmp/`` is swept.

        Raises:
            StoreError: absent and not to be created; a directory with other things in it; written by a newer version;
                not writable.
        """
        chosen = location or os.environ.get(STORE_VARIABLE) or DEFAULT_LOCATION
        if "://" in str(chosen):
            raise StoreError(f"{chosen} is a remote store; this version keeps local ones.", "Give a path.")
        root = Path(chosen).expanduser().resolve()
        if not (root / _MARK).is_file():
            _create(root, allowed=create)
        _check_mark(root)
        with explain_disk_faults(root, "opening the store"):
            for folder in (local_objects.TMP, local_objects.LOCKS):
                (root / folder).mkdir(exist_ok=True)
            sweep(root / local_objects.TMP)
        return cls(root)

    def put(self, key: str, data: bytes) -> bool:
        """Commit ``data`` under ``key`` if nothing is there; True if this call did. The first writer wins, for good.

        Raises:
            StoreError: not a key; disk full or not writable, and nothing was stored.
        """
        return local_objects.put_if_absent(self.root, key, data)

    def put_file(self, key: str, source: Path) -> bool:
        """Commit a copy of the file ``source``; see :meth:`put`."""
        return local_objects.put_file_if_absent(self.root, key, source)

    def read(self, key: str) -> bytes:
        """The bytes under ``key``.

        Raises:
            StoreError: nothing is there.
        """
        return local_objects.read_object(self.root, key)

    def exists(self, key: str) -> bool:
        """Whether an object is committed under ``key``."""
        # Following links costs most of a look-up, and what is not there leads nowhere.
        return (self.root / check_key(key)).is_file() and locate(self.root, key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys of all objects in the folder ``prefix``, sorted; none where it does not exist."""
        return local_objects.list_objects(self.root, prefix)

    def path(self, key: str) -> Path:
        """Where the object ``key`` lies, or would lie, on the local disk. Never write to it."""
        return locate(self.root, key)

    def read_pointer(self, key: str) -> str | None:
        """What the pointer ``key`` holds; None while it was never set."""
        return local_objects.read_pointer(self.root, key)

    def swap_pointer(self, key: str, expected: str | None, new: str) -> bool:
        """Compare and swap: set the pointer to ``new`` if it holds ``expected`` (None: never set); True if it did."""
        return local_objects.swap_pointer(self.root, key, expected, new)

    def scratch(self, purpose: str) -> AbstractContextManager[Path]:
        """A directory on the store's filesystem, removed at exit; that of a killed process is swept by :meth:`open`."""
        return temporary_directory(self.root / local_objects.TMP, check_key(purpose).replace("/", "-"))


def _create(root: Path, *, allowed: bool) -> None:
    if not allowed:
        raise StoreError(f"{root} is not a Framefoundry store.", "Run a recipe first, or check --store.")
    with explain_disk_faults(root.parent, f"creating the store {root}"):
        root.mkdir(parents=True, exist_ok=True)
        local_objects.sync_folder(root.parent)
        foreign = sorted(entry.name for entry in root.iterdir() if entry.name not in {_MARK, *_OWN_FOLDERS})
        if foreign and not (root / _MARK).is_file():  # else another process has just created and used it
            raise StoreError(
                f"{root} is not a Framefoundry store: it holds {foreign[0]!r}.",
                "Point --store at an empty or new folder.",
            )
        for folder in _OWN_FOLDERS:
            (root / folder).mkdir(exist_ok=True)
        mark = {"kind": "framefoundry store", "schema_version": SCHEMA_VERSION}
        local_objects.put_if_absent(root, _MARK, json.dumps(mark, indent=2).encode() + b"\n")


_OWN_FOLDERS = (local_objects.TMP, local_objects.LOCKS)


def _check_mark(root: Path) -> None:
    where = str(root / _MARK)
    try:
        mark = json.loads(local_objects.read_object(root, _MARK))
    except ValueError:
        raise StoreError(f"{where} is not JSON.", "It is damaged, or not a store; point --store elsewhere.") from None
    check_schema_version(mark.get("schema_version") if isinstance(mark, dict) else None, where)
