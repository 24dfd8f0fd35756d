"""The commit unit: one clip at one stage, an immutable object ``objects/<stage>/<fingerprint>/<key>``."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import StoreError
from schemas.identity import canonical_json
from schemas.tables import check_table
from storage.keys import check_key
from storage.store import Store


def object_key(stage: str, fingerprint: str, key: str) -> str:
    """The store's key of one clip at one stage.

    Raises:
        StoreError: a part is empty, holds a slash or is otherwise no part of a key.
    """
    for part in (stage, fingerprint, key):
        if "/" in part:
            raise StoreError(
                f"{part!r} cannot name a stage, a fingerprint or a clip: it holds a slash.", "Use a plain name."
            )
    return check_key(f"objects/{stage}/{fingerprint}/{key}")


def commit_table(store: Store, stage: str, fingerprint: str, key: str, table: pa.Table) -> bool:
    """Commit ``table`` as Parquet; True if this call did, False if one was there before (it is kept)."""
    name = object_key(stage, fingerprint, key)
    if store.exists(name):
        return False
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return store.put(name, sink.getvalue().to_pybytes())


def read_table(store: Store, stage: str, fingerprint: str, key: str, schema: pa.Schema) -> pa.Table:
    """A committed table, with exactly the columns of ``schema``.

    Raises:
        StoreError: not committed, damaged, or written by a newer version.
    """
    return read_tables(store, stage, fingerprint, [key], schema)[0]


def read_tables(store: Store, stage: str, fingerprint: str, keys: Sequence[str], schema: pa.Schema) -> list[pa.Table]:
    """The committed tables ``keys``, in their order; see :func:`read_table`."""
    names = [object_key(stage, fingerprint, key) for key in keys]
    return [_decode(store, name, data, schema) for name, data in zip(names, store.read_many(names), strict=True)]


def commit_json(store: Store, stage: str, fingerprint: str, key: str, value: Any) -> bool:
    """Commit a small record as JSON; True if this call did, False if one was there before (it is kept)."""
    return store.put(object_key(stage, fingerprint, key), canonical_json(value) + b"\n")


def read_json(store: Store, stage: str, fingerprint: str, key: str) -> Any:
    """A committed record.

    Raises:
        StoreError: not committed, or damaged.
    """
    return read_jsons(store, stage, fingerprint, [key])[0]


def read_jsons(store: Store, stage: str, fingerprint: str, keys: Sequence[str]) -> list[Any]:
    """The committed records ``keys``, in their order; see :func:`read_json`."""
    names = [object_key(stage, fingerprint, key) for key in keys]
    return [_parse(store, name, data) for name, data in zip(names, store.read_many(names), strict=True)]


def is_committed(store: Store, stage: str, fingerprint: str, key: str) -> bool:
    """Whether this clip is finished at this stage."""
    return store.exists(object_key(stage, fingerprint, key))


def committed_keys(store: Store, stage: str, fingerprint: str) -> set[str]:
    """Keys of all clips that are finished at this stage."""
    folder = object_key(stage, fingerprint, "0").removesuffix("/0")
    return {key.removeprefix(f"{folder}/") for key in store.keys(folder)}


def _parse(store: Store, name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as fault:
        raise StoreError(f"{store.where(name)} is not JSON: {fault}.", "Remove the file and run again.") from None


def _decode(store: Store, name: str, data: bytes, schema: pa.Schema) -> pa.Table:
    try:
        # Not pq.read_table, which prepares for data sets of many files: most of the time of a small one.
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            table = file.read(use_threads=False)
    except pa.ArrowInvalid as fault:
        raise StoreError(
            f"{store.where(name)} is not a readable table: {fault}.", "Remove the file and run again."
        ) from None
    return check_table(table, schema, store.where(name))
