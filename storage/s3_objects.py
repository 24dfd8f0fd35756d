"""The objects of a store in an S3 bucket; how they are written stands in :mod:`storage.s3_commits`."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeVar

from schemas.errors import StoreError
from storage.keys import check_key
from storage.media_cache import MediaCache, has_copies
from storage.objects import Entry
from storage.s3_client import CONNECTIONS, Absent, Bucket
from storage.s3_commits import SHA256, is_large, upload_if_absent, write_if

DOWNLOAD_ATTEMPTS = 3
PUTS_AT_ONCE = 8

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class S3Objects:
    """The objects below ``prefix`` in a bucket; see :class:`storage.objects.Objects`.

    Attributes:
        bucket, prefix: where; the prefix is empty or ends in a slash.
        home: this machine's folder for copies.
    """

    bucket: Bucket
    prefix: str
    home: Path

    @property
    def cache(self) -> MediaCache:
        """The copies on this machine."""
        return MediaCache(self.home)

    def put(self, key: str, data: bytes) -> bool:
        """Store ``data`` under ``key`` unless something is stored there; True if this call stored it."""
        won = write_if(self.bucket, self.name(key), data, tag=None) is not None
        if won:
            self.cache.keep_bytes(key, data)
        return won

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """:meth:`put` each of ``items``, key and data; some are on their way while the next are made."""
        with ThreadPoolExecutor(PUTS_AT_ONCE) as threads:
            for done in [threads.submit(self.put, key, data) for key, data in items]:
                done.result()

    def put_file(self, key: str, source: Path) -> bool:
        """Store a copy of the file ``source``, in parts if it is large; see :meth:`put`."""
        if not source.is_file():
            raise StoreError(f"{source} is not a file; it was to be stored as {key}.", "Check what produced it.")
        if self.exists(key):
            return False
        if not is_large(source):
            return self.put(key, source.read_bytes())
        won = upload_if_absent(self.bucket, self.name(key), source)
        if won:
            self.cache.keep_file(key, source)
        return won

    def read(self, key: str) -> bytes:
        """The bytes under ``key``; StoreError where nothing is."""
        found = self.read_with_tag(key)
        if found is None:
            raise self._not_there(key)
        return found[0]

    def read_many(self, keys: Sequence[str]) -> list[bytes]:
        """The bytes under each of ``keys``, in their order; many requests at once."""
        return at_once(self.read, keys)

    def read_with_tag(self, key: str) -> tuple[bytes, str] | None:
        """The bytes under ``key``, and their entity tag; None where nothing is."""
        try:
            data, headers = self.bucket.read(self.name(key))
        except Absent:
            return None
        return data, str(headers["ETag"])

    def exists(self, key: str) -> bool:
        """Whether something is stored under ``key``."""
        try:
            self.bucket.call("head_object", Key=self.name(key))
        except Absent:
            return False
        return True

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` under which nothing is stored, in their order; many requests at once."""
        return [key for key, there in zip(keys, at_once(self.exists, keys), strict=True) if not there]

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Keys in the folder ``prefix``, to any depth, sorted; none where it does not exist."""
        yield from sorted(entry.key for entry in self.list_entries(prefix))

    def list_entries(self, prefix: str) -> Iterator[Entry]:
        """What lies in the folder ``prefix``, to any depth, in no order."""
        for page in self.pages(f"{self.name(prefix.rstrip('/'))}/"):
            for found in page.get("Contents", ()):
                key = str(found["Key"]).removeprefix(self.prefix)
                if not key.endswith("/"):  # by which consoles of S3 show a folder that is empty
                    yield Entry(key, int(found["Size"]), found["LastModified"].timestamp(), _stamp(str(found["ETag"])))

    def find_files(self, keys: Sequence[str]) -> list[Path | None]:
        """The copies of ``keys`` on this machine, fetched where they are not there yet; None: not in the store."""
        return at_once(self._find_file, keys)

    def remove(self, key: str) -> None:
        """Remove what is stored under ``key``, and its copy here, if anything is."""
        with suppress(Absent):
            self.bucket.call("delete_object", Key=self.name(key))
        copy = self.cache.find(key)
        if copy is not None:
            copy.unlink(missing_ok=True)

    def read_pointer(self, key: str) -> str | None:
        """The text that the pointer ``key`` holds; None while it was never set."""
        found = self.read_with_tag(key)
        return None if found is None else found[0].decode().strip()

    def swap_pointer(self, key: str, expected: str | None, new: str) -> bool:
        """Set the pointer ``key`` to ``new`` if it holds ``expected`` (None: was never set); True if it did."""
        found = self.read_with_tag(key)
        text, tag = (None, None) if found is None else (found[0].decode().strip(), found[1])
        return text == expected and write_if(self.bucket, self.name(key), f"{new}\n".encode(), tag=tag) is not None

    def where(self, key: str) -> str:
        """The address of ``key``, for people."""
        return f"{self.address}/{check_key(key)}"

    @property
    def address(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket.name}/{self.prefix}".rstrip("/")

    def name(self, key: str) -> str:
        """What the bucket calls ``key``."""
        return self.prefix + check_key(key)

    def pages(self, prefix: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The answers to a listing of the bucket below ``prefix``."""
        more: dict[str, Any] = {}
        while True:
            page = self.bucket.call("list_objects_v2", Prefix=prefix, **options, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def stored_sha256(self, key: str) -> str | None:
        """SHA-256 of the object ``key``, as it was noted when it was stored; None where it was not, or nothing is."""
        try:
            found = self.bucket.call("head_object", Key=self.name(key))
        except Absent:
            return None
        sha256: str | None = found.get("Metadata", {}).get(SHA256)
        return sha256

    def fetch(self, key: str, copy: str, sha256: str | None = None) -> Path:
        """The copy named ``copy`` of the object ``key``, made where it is not there yet.

        Raises:
            StoreError: the object is not there, or its content is another than ``sha256`` or than what was stored.
        """
        try:
            return self.cache.find(copy) or self.cache.keep(copy, lambda file: self._download(key, file, sha256))
        except Absent:
            raise self._not_there(key) from None

    def _find_file(self, key: str) -> Path | None:
        if not has_copies(key):
            raise ValueError(f"{key} is not named by its content: a copy of it could be out of date")
        try:
            return self.cache.find(key) or self.cache.keep(key, lambda file: self._download(key, file, None))
        except Absent:
            return None

    def _not_there(self, key: str) -> StoreError:
        return StoreError(f"{key} is not in the store {self.address}.", "It was not committed, or was removed by hand.")

    def _download(self, key: str, file: BufferedIOBase, sha256: str | None) -> None:
        """Write the object into ``file``; what does not have the size and the hash that it was stored with is refused.

        Raises:
            Absent: it is not there.
            StoreError: it cannot be fetched whole.
        """
        for _ in range(DOWNLOAD_ATTEMPTS):
            headers = self.bucket.download(self.name(key), file)
            size = file.tell()
            file.seek(0)
            content = hashlib.file_digest(file, "sha256").hexdigest()
            stored = sha256 or headers.get("Metadata", {}).get(SHA256, content)
            if (size, content) == (headers["ContentLength"], stored):
                return
        raise StoreError(
            f"{self.where(key)} arrives otherwise than it was stored: its size or SHA-256 differs.",
            "It was replaced or is damaged; remove it and run again.",
        )


def at_once(work: Callable[[_Given], _Made], items: Sequence[_Given]) -> list[_Made]:
    """``work`` of each of ``items``, in their order, with as many requests under way as there are connections."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(CONNECTIONS, len(items))) as threads:
        return list(threads.map(work, items))


def _stamp(tag: str) -> int:
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8], "big", signed=True)
