"""Requests to an S3 bucket through fsspec's s3fs, with its faults told as ours.

Credentials, endpoint and region come from where AWS's own tools take them: the environment and ``~/.aws``. Nothing of
them is held, logged or told. Requests that meet a transient fault (no connection, a timeout, 5xx, throttling) are
repeated with growing, random pauses (botocore's mode ``standard``); ``AWS_MAX_ATTEMPTS`` sets how often.
"""

import errno
import io
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from schemas.errors import StoreError

ATTEMPTS = 8
"""Requests before giving up: half a minute without an answer, on average."""
BODY_ATTEMPTS = 3
CONNECTIONS = 32
CONNECT_SECONDS, READ_SECONDS = 10, 60

_CHUNK = 1 << 20
_ABSENT = {"NoSuchKey", "NoSuchUpload", "NotFound", "404"}
_REFUSED = {"PreconditionFailed", "412"}
_CONFLICT = {"ConditionalRequestConflict", "OperationAborted", "409"}
_OF_THIS_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}
_FORBIDDEN = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403"}


class Absent(Exception):
    """Nothing is stored under the key."""


class Refused(Exception):
    """The condition of a conditional request does not hold: somebody else was first."""


class Conflict(Exception):
    """Another request on the same key was under way: nothing was stored, and it is to be asked again."""


class _BrokeOffError(OSError):
    """The connection broke after the headers of an answer: botocore does not repeat that."""


@dataclass(frozen=True)
class Bucket:
    """A bucket; it holds a name and nothing else, so any process may have its own."""

    name: str

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Send one request of S3's protocol, such as ``put_object``; its answer.

        Raises:
            Absent: no such key.
            Refused: a condition does not hold.
            Conflict: to be sent again.
            StoreError: anything else that repeating did not mend.
        """
        client = _client()
        answer: dict[str, Any] = self._explained(lambda: client.call_s3(method, Bucket=self.name, **arguments))
        return answer

    def read(self, key: str) -> tuple[bytes, dict[str, Any]]:
        """The object ``key``, and the headers that came with it; see :meth:`call`."""
        received = io.BytesIO()
        headers = self.download(key, received)
        return received.getvalue(), headers

    def download(self, key: str, file: io.BufferedIOBase) -> dict[str, Any]:
        """Write the object ``key`` into ``file``, from its beginning; the headers that came. See :meth:`call`."""
        from botocore.exceptions import HTTPClientError, IncompleteReadError
        from fsspec.asyn import sync

        client = _client()

        async def receive() -> dict[str, Any]:
            file.seek(0)
            file.truncate()
            headers: dict[str, Any] = await client._call_s3("get_object", Bucket=self.name, Key=key)
            try:
                async with headers.pop("Body") as body:
                    while piece := await body.read(_CHUNK):
                        file.write(piece)
            except (HTTPClientError, IncompleteReadError, *_body_faults()) as fault:
                raise _BrokeOffError from fault
            return headers

        def attempt() -> Any:
            for _ in range(BODY_ATTEMPTS - 1):
                with suppress(_BrokeOffError):
                    return sync(client.loop, receive)
            return sync(client.loop, receive)

        answer: dict[str, Any] = self._explained(attempt)
        return answer

    def _explained(self, request: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

        try:
            return request()
        except (OSError, ClientError) as fault:
            refusal = fault if isinstance(fault, ClientError) else fault.__cause__
            if not isinstance(refusal, ClientError) and getattr(fault, "errno", None) in _OF_THIS_DISK:
                raise  # where a copy was being written; whoever writes it explains it
            code = refusal.response["Error"].get("Code", "") if isinstance(refusal, ClientError) else ""
            raise self._translate(code, type(fault).__name__) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise StoreError(
                f"there are no credentials for bucket {self.name}.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials.",
            ) from None
        except (BotoCoreError, *_body_faults()) as fault:
            raise self._translate("", type(fault).__name__) from None

    def _translate(self, code: str, kind: str) -> Exception:
        """The fault ``code`` of the server, or of kind ``kind`` on the way to it. What it said may hold an address."""
        if code in _ABSENT:
            return Absent()
        if code in _REFUSED:
            return Refused()
        if code in _CONFLICT:
            return Conflict()
        if code == "NoSuchBucket":
            return StoreError(f"there is no bucket {self.name}.", "Create it, or check --store and AWS_ENDPOINT_URL.")
        if code in _FORBIDDEN:
            return StoreError(
                f"bucket {self.name} refuses us: {code}.", "Check the AWS credentials and what they may do."
            )
        return StoreError(
            f"bucket {self.name} cannot be reached or does not answer: {code or kind}.",
            "Check the network, AWS_ENDPOINT_URL and the server, then run again: what is committed is kept.",
        )


_clients: dict[int, Any] = {}


def _client() -> Any:
    """This process's s3fs: one for all threads, for it keeps its connections; none is inherited by a fork."""
    client = _clients.get(os.getpid())
    if client is None:
        from s3fs import S3FileSystem

        client = S3FileSystem(config_kwargs=_settings(), use_listings_cache=False, skip_instance_cache=True)
        client.retries = 1  # botocore repeats already, and knows better what may be repeated
        client = _clients.setdefault(os.getpid(), client)
    return client


def _settings() -> dict[str, Any]:
    retries: dict[str, Any] = {"mode": "standard"}
    if not os.environ.get("AWS_MAX_ATTEMPTS"):
        retries["total_max_attempts"] = ATTEMPTS
    return {
        "retries": retries,
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "max_pool_connections": CONNECTIONS,
    }


def _body_faults() -> tuple[type[Exception], ...]:
    from aiohttp import ClientError

    return (ClientError, TimeoutError)
