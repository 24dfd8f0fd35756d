"""What a store is made of, wherever its bytes lie: immutable objects under keys, and a few pointers that move."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """An object as a listing shows it.

    Attributes:
        key: of the store.
        size: bytes.
        modified: seconds since 1970, as the place that holds it counts them.
        stamp: signed 64-bit number that another content under the same key would change.
    """

    key: str
    size: int
    modified: float
    stamp: int


class Objects(Protocol):
    """The two places that objects can lie in: :class:`storage.local_objects.LocalObjects`, and a bucket.

    Every write is atomic: whoever is killed when, an object is whole or absent, and of several writers one wins. All
    calls raise :class:`schemas.errors.StoreError` for what is not a key, and where the place is full, forbidden or out
    of reach.
    """

    def put(self, key: str, data: bytes) -> bool:
        """Store ``data`` under ``key`` unless something is stored there; True if this call stored it."""

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """:meth:`put` each of ``items``, key and data, as they come."""

    def put_file(self, key: str, source: Path) -> bool:
        """Store a copy of the file ``source``; see :meth:`put`."""

    def read(self, key: str) -> bytes:
        """The bytes under ``key``; StoreError where nothing is."""

    def read_many(self, keys: Sequence[str]) -> list[bytes]:
        """The bytes under each of ``keys``, in their order."""

    def exists(self, key: str) -> bool:
        """Whether something is stored under ``key``."""

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` under which nothing is stored, in their order."""

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Keys in the folder ``prefix``, to any depth, sorted; none where it does not exist."""

    def list_entries(self, prefix: str) -> Iterator[Entry]:
        """What lies in the folder ``prefix``, to any depth, in no order."""

    def find_files(self, keys: Sequence[str]) -> list[Path | None]:
        """A file of this machine with the content of each of ``keys``, never to be written to; None: not there."""

    def remove(self, key: str) -> None:
        """Remove what is stored under ``key``, if anything is."""

    def read_pointer(self, key: str) -> str | None:
        """The text that the pointer ``key`` holds; None while it was never set."""

    def swap_pointer(self, key: str, expected: str | None, new: str) -> bool:
        """Set the pointer ``key`` to ``new`` if it holds ``expected`` (None: was never set); True if it did."""

    def where(self, key: str) -> str:
        """Where ``key`` lies, for people: a path or an address."""


class Folders(Protocol):
    """Folders that appear whole or not at all, such as ``datasets/<name>/<version>``."""

    def publish(self, key: str, build: Callable[[Path], None], required: Sequence[str]) -> None:
        """Let ``build`` fill an empty folder and make it the folder ``key``; one that is there already is kept.

        Raises:
            StoreError: ``build`` left out a file of ``required``; nothing is published.
        """

    def replace_in(self, key: str, staging: Path, last: str) -> None:
        """Put the entries of ``staging`` in the place of those of the folder ``key``; the file ``last`` last."""

    def exists(self, key: str, required: Sequence[str]) -> bool:
        """Whether the folder ``key`` is there, with every file of ``required``."""

    def names_in(self, prefix: str) -> list[str]:
        """Names of the folders in ``prefix``, sorted."""

    def open(self, key: str) -> Path:
        """The folder ``key`` on this machine, never to be written to."""

    def find_file(self, key: str, name: str) -> Path | None:
        """One file of the folder ``key`` on this machine; None where it has none of that name."""
