"""The commit primitive of a bucket: conditional writes.

``If-None-Match: *`` for what is new, ``If-Match`` with the entity tag for what moves. The server carries out one write
of a key at a time, so of several writers exactly one wins, and an object is there whole or not at all; a large one
appears with the request that completes its parts. A process killed between any two requests leaves at most an
unfinished upload, which nobody sees and ``framefoundry gc`` aborts.

A request whose answer was lost is sent again, and then finds its own work in its way. So every write carries a random
token, and one that is refused looks whose token stands there.
"""

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.errors import StoreError
from storage.s3_client import Absent, Bucket, Conflict, Refused

PART_BYTES = 16 << 20
"""Files of more bytes go up in parts of this size."""
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4
CONFLICTS, CONFLICT_SECONDS = 20, 0.1
SHA256 = "sha256"
"""Name of the metadata that holds the content's hash."""

_TOKEN = "framefoundry-token"


def write_if(bucket: Bucket, name: str, data: bytes, *, tag: str | None) -> str | None:
    """Write ``data`` if the object has the entity tag ``tag`` (None: if it is not there).

    Returns:
        its new entity tag; None where the condition did not hold, and nothing was written.
    """
    condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
    token = secrets.token_hex(16)
    metadata = {_TOKEN: token, SHA256: hashlib.sha256(data).hexdigest()}

    def write() -> str | None:
        answer = bucket.call("put_object", Key=name, Body=data, Metadata=metadata, **condition)
        return str(answer["ETag"])

    return _settled(bucket, name, token, write)


def check_conditions(bucket: Bucket, name: str) -> None:
    """Refuse a server that ignores the conditions of conditional writes; ``name`` is free, and is free again after.

    Raises:
        StoreError: it does: two runs would overwrite each other there.
    """
    try:
        first = write_if(bucket, name, b"1", tag=None)
        ignored = [
            kind
            for kind, won in (
                ("If-None-Match", write_if(bucket, name, b"2", tag=None)),
                ("If-Match", write_if(bucket, name, b"3", tag=f'"{secrets.token_hex(16)}"')),
                ("If-None-Match of CompleteMultipartUpload", _upload(bucket, name, lambda _: b"4", 1, "")),
            )
            if won is not None
        ]
    finally:
        bucket.call("delete_object", Key=name)
    if first is None or ignored:
        raise StoreError(
            f"the server of bucket {bucket.name} ignores {', '.join(ignored) or 'what it was asked'}: runs would "
            "overwrite each other.",
            "Keep the store on a server with conditional writes, or on a disk.",
        )


def is_large(source: Path) -> bool:
    """Whether the file ``source`` is to go up in parts."""
    return source.stat().st_size > PART_BYTES


def upload_if_absent(bucket: Bucket, name: str, source: Path) -> bool:
    """Write the file ``source`` in parts if nothing is there; True if this call did."""
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = source.stat().st_size
    length = max(PART_BYTES, math.ceil(size / MOST_PARTS))

    def part(number: int) -> bytes:
        with source.open("rb") as file:
            file.seek(number * length)
            return file.read(length)

    return _upload(bucket, name, part, math.ceil(size / length), sha256) is not None


def _upload(bucket: Bucket, name: str, part: Callable[[int], bytes], parts: int, sha256: str) -> str | None:
    """Write the content ``part(0) + part(1) + …`` if nothing is there; its entity tag, or None."""
    token = secrets.token_hex(16)

    def write() -> str | None:
        begun = bucket.call("create_multipart_upload", Key=name, Metadata={_TOKEN: token, SHA256: sha256})
        upload = {"Key": name, "UploadId": begun["UploadId"]}

        def send(number: int) -> dict[str, Any]:
            answer = bucket.call("upload_part", **upload, PartNumber=number + 1, Body=part(number))
            return {"PartNumber": number + 1, "ETag": answer["ETag"]}

        try:
            with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
                sent = list(threads.map(send, range(parts)))
            whole = {"MultipartUpload": {"Parts": sent}}
            answer = bucket.call("complete_multipart_upload", **upload, **whole, IfNoneMatch="*")
        except BaseException:
            with suppress(Absent, StoreError):  # it may be complete, or the server gone
                bucket.call("abort_multipart_upload", **upload)
            raise
        return str(answer["ETag"])

    return _settled(bucket, name, token, write)


def _settled(bucket: Bucket, name: str, token: str, write: Callable[[], str | None]) -> str | None:
    """What ``write`` returns; None where its condition does not hold and the object is not its own work."""
    for _ in range(CONFLICTS):
        try:
            return write()
        except Conflict:
            time.sleep(CONFLICT_SECONDS)
        except (Refused, Absent):
            return _own_tag(bucket, name, token)
    raise StoreError(f"{name} is being written by others all the time.", "Run again.")


def _own_tag(bucket: Bucket, name: str, token: str) -> str | None:
    """The entity tag of an object that was written with ``token``; None if it was not."""
    try:
        found = bucket.call("head_object", Key=name)
    except Absent:
        return None
    return str(found["ETag"]) if found.get("Metadata", {}).get(_TOKEN) == token else None
