"""What a remote store leaves lying about: copies on this machine that nobody reads, uploads that nobody completed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.locks import hold_alone
from storage.media_cache import AREAS
from storage.remote import remote_objects
from storage.s3_client import Absent
from storage.s3_objects import S3Objects
from storage.scratch import temporary_directory
from storage.store import Store

WORK = "gc"
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class Leftovers:
    """What may go; nothing is lost with it.

    Attributes:
        copies: files and folders of this machine, all of which are fetched again when somebody asks for them.
        size: bytes that they take; a file that a folder links to counts once.
        uploads: key and number of each upload that was begun and not completed.
    """

    copies: tuple[Path, ...] = ()
    size: int = 0
    uploads: tuple[tuple[str, str], ...] = ()


def find_leftovers(store: Store, *, days: float) -> Leftovers:
    """List copies that nobody read, and uploads that were begun, more than ``days`` ago; none for a local store."""
    if not store.address:
        return Leftovers()
    copies = tuple(_old_copies(store.root / "cache", time.time() - days * _DAY_SECONDS))
    objects = remote_objects(store.address, store.root)
    uploads = tuple(_old_uploads(objects, datetime.now(UTC) - timedelta(days=days)))
    return Leftovers(copies, _size_of(copies), uploads)


def remove_leftovers(store: Store, *, days: float) -> Leftovers:
    """Remove what :func:`find_leftovers` finds, while nobody works on the store; what was removed.

    Raises:
        BusyError: somebody works on the store; nothing was removed.
    """
    if not store.address:
        return Leftovers()
    with hold_alone(store, WORK):
        found = find_leftovers(store, days=days)
        objects = remote_objects(store.address, store.root)
        for key, upload in found.uploads:
            with suppress(Absent):
                objects.bucket.call("abort_multipart_upload", Key=key, UploadId=upload)
        # By way of the scratch, so that no half a folder is left to somebody who is killed here.
        with temporary_directory(store.root / "tmp", "removed") as bin_:
            for number, path in enumerate(found.copies):
                path.rename(bin_ / str(number))
    return found


def _old_copies(cache: Path, before: float) -> Iterator[Path]:
    for area in AREAS:
        yield from (path for path in sorted((cache / area).rglob("*")) if path.is_file() and _last_use(path) <= before)
    for folder in sorted((cache / "folders").glob("*")):
        files = [path for path in folder.rglob("*") if path.is_file()]
        if max((_last_use(path) for path in files), default=0.0) <= before:
            yield folder


def _last_use(path: Path) -> float:
    about = path.stat()
    return max(about.st_atime, about.st_mtime)


def _size_of(copies: Sequence[Path]) -> int:
    files = (file for copy in copies for file in ([copy] if copy.is_file() else copy.rglob("*")) if file.is_file())
    return sum({about.st_ino: about.st_size for about in (file.stat() for file in files)}.values())


def _old_uploads(objects: S3Objects, before: datetime) -> Iterator[tuple[str, str]]:
    more: dict[str, Any] = {}
    while True:
        page = objects.bucket.call("list_multipart_uploads", Prefix=objects.prefix, **more)
        for found in page.get("Uploads", ()):
            if found["Initiated"] <= before:
                yield str(found["Key"]), str(found["UploadId"])
        if not page.get("IsTruncated"):
            return
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
