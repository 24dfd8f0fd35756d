"""Where a store lies that runs are killed on: a directory, or a bucket."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from faults_parts.fatal_steps import watch_disk, watch_requests
from storage import s3_commits
from storage.scratch import sweep

_OWN = {"tmp", "locks"}
_MARK = "store.json"


class Place(Protocol):
    """Stores side by side, each under a name."""

    name: str

    def location(self, store: str) -> str:
        """What opens the store."""

    def copy(self, store: str, target: str) -> None:
        """Make ``target`` a copy of ``store``."""

    def watch(self, reach: Callable[[str], None]) -> None:
        """Have ``reach`` told of every step by which this process changes a store from now on."""

    def visible(self, store: str) -> dict[str, bytes]:
        """What a reader can see: content by key, without what the store keeps for itself."""

    def leftovers(self, store: str) -> list[str]:
        """What a dead process left and the next one does not sweep."""

    def remove(self, store: str) -> None:
        """Remove the store."""


class LocalPlace:
    """Stores in a folder; a step is a system call."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = "local", folder

    def location(self, store: str) -> str:
        """Its path."""
        return str(self._folder / store)

    def copy(self, store: str, target: str) -> None:
        """Copy the folder."""
        shutil.copytree(self._folder / store, self._folder / target, symlinks=True)

    def watch(self, reach: Callable[[str], None]) -> None:
        """Tell of system calls."""
        watch_disk(reach)

    def visible(self, store: str) -> dict[str, bytes]:
        """Files by their paths."""
        root = self._folder / store
        entries = root.iterdir() if root.is_dir() else ()
        files = (path for entry in entries if entry.name not in _OWN for path in [entry, *entry.rglob("*")])
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files if path.is_file()}

    def leftovers(self, store: str) -> list[str]:
        """Names in ``tmp`` that are swept by nobody."""
        return _swept(self._folder / store / "tmp")

    def remove(self, store: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder / store)


class S3Place:
    """Stores in a bucket; a step is a request that changes it. Looked at with boto3, which starts no thread."""

    def __init__(self, endpoint: str, cache: Path, bucket: str = "faults") -> None:
        import boto3
        import s3fs  # noqa: F401  # here once instead of in every child

        self.name, self._bucket, self._cache = "s3", bucket, cache
        self._client: Any = boto3.client("s3", endpoint_url=endpoint)
        self._client.create_bucket(Bucket=bucket)

    def location(self, store: str) -> str:
        """Its address."""
        return f"s3://{self._bucket}/{store}"

    def copy(self, store: str, target: str) -> None:
        """Copy all objects."""
        for key in self._keys(store):
            source = {"Bucket": self._bucket, "Key": f"{store}/{key}"}
            self._client.copy_object(Bucket=self._bucket, Key=f"{target}/{key}", CopySource=source)

    def watch(self, reach: Callable[[str], None]) -> None:
        """Tell of requests that change the bucket."""
        s3_commits.PART_BYTES = 4096  # of a clip of 6,400 bytes: two parts
        watch_requests(reach)

    def visible(self, store: str) -> dict[str, bytes]:
        """Objects, and the files of those folders whose list is there; a store's own number is no part of it."""
        keys = [key for key in self._keys(store) if key.partition("/")[0] not in _OWN and key != _MARK]
        seen = {key: self._read(store, key) for key in keys if not key.startswith("datasets/")}
        for index in (key for key in keys if key.endswith("/index.json")):
            files = json.loads(self._read(store, index))["files"]
            folder = index.removesuffix("/index.json")
            seen |= {f"{folder}/{name}": self._read(store, file["key"]) for name, file in files.items()}
        return seen | {key: self._read(store, key) for key in keys if key.endswith("/LATEST")}

    def leftovers(self, store: str) -> list[str]:
        """On this machine. An upload that was never completed is not seen, and stays until it is aborted."""
        homes = self._cache.glob("stores/*/tmp")
        return [name for home in homes for name in _swept(home)]

    def remove(self, store: str) -> None:
        """Remove all objects."""
        for key in self._keys(store):
            self._client.delete_object(Bucket=self._bucket, Key=f"{store}/{key}")

    def _keys(self, store: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{store}/")
        return [found["Key"].removeprefix(f"{store}/") for page in pages for found in page.get("Contents", ())]

    def _read(self, store: str, key: str) -> bytes:
        with suppress(self._client.exceptions.NoSuchKey):
            data: bytes = self._client.get_object(Bucket=self._bucket, Key=f"{store}/{key}")["Body"].read()
            return data
        return b""  # a list that names what is not there: unlike the undisturbed store's


def _swept(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    sweep(folder)
    return [entry.name for entry in folder.iterdir() if entry.name != ".guard"]
