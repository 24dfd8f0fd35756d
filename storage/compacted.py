"""Many small commits read as few large files: ``tables/<stage>/<fingerprint>/``, an index that can be rebuilt.

A commit is one clip at one stage, which makes it safe and makes a table of twenty thousand of them slow to read. A
*shard* is a copy of several thousand: ``<name>.rows.parquet``, and ``<name>.index.parquet``, which is written after it
and tells which commits it holds, with the size and the time of each object as they were read. A commit counts only
while its object is there, and a copy only while the object has that size and time: so whatever happens to a shard, be
it lost, damaged, outdated, half written or written twice, the same rows are read, only slower. ``tables/`` may be
removed at any time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import StoreError
from schemas.identity import digest
from schemas.tables import check_table
from storage.commits import object_key, read_tables
from storage.store import Store

FEWEST_KEYS = 64
"""Fewer commits than this are read one by one, and wait for others before they are copied."""
SHARD_KEYS, SHARD_BYTES = 8192, 128 << 20
"""A shard holds at most so many commits, and objects of so many bytes."""
MOST_SMALL_SHARDS = 8
LEAST_SHARE = 1 / 8
"""Of a shard of which a smaller share is asked for, the objects are read instead."""

_INDEX = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("modified", pa.int64(), nullable=False),
    ]
)
_ROWS_SUFFIX, _INDEX_SUFFIX = ".rows.parquet", ".index.parquet"
_AT_ONCE = 512


def read_commits(
    store: Store, stage: str, fingerprint: str, keys: Sequence[str], schema: pa.Schema
) -> tuple[pa.Table, np.ndarray]:
    """The commits ``keys`` of one stage below each other in this order, and how many rows each has, int64.

    Copies are read where there are any, and made where many are missing.

    Raises:
        StoreError: one is not committed, damaged, or written by a newer version.
    """
    folder = _Folder.of(store, stage, fingerprint, schema)
    if folder.needs_shards(keys):
        _compact(folder, keys)
        folder = _Folder.of(store, stage, fingerprint, schema)
    return folder.read(keys)


@dataclass(frozen=True)
class _Shard:
    """A copy of commits: the beginning of its keys, and ``index`` with one row for each, in the order of the rows."""

    name: str
    index: pa.Table

    def read(self, store: Store, schema: pa.Schema) -> pa.Table | None:
        """The rows; None where they cannot be read."""
        try:
            path = store.find_file(self.name + _ROWS_SUFFIX)
            if path is None:
                return None
            table = check_table(pq.read_table(path, page_checksum_verification=True), schema, str(path))
        except (OSError, pa.ArrowException, StoreError):  # a lost or damaged copy is no loss
            return None
        return table if len(table) == pc.sum(self.index["rows"]).as_py() else None

    def remove(self, store: Store) -> None:
        """The index first: rows without an index are never looked at."""
        for suffix in (_INDEX_SUFFIX, _ROWS_SUFFIX):
            store.remove(self.name + suffix)


@dataclass(frozen=True)
class _Folder:
    """The commits of one stage, as they are now, and the shards that copy them.

    Attributes:
        commits: of schema ``_INDEX`` without rows: every committed object.
        shards: as they were found; those whose index cannot be read are left out.
    """

    store: Store
    stage: str
    fingerprint: str
    schema: pa.Schema
    commits: pa.Table
    shards: tuple[_Shard, ...]

    @classmethod
    def of(cls, store: Store, stage: str, fingerprint: str, schema: pa.Schema) -> "_Folder":
        objects = object_key(stage, fingerprint, "0").removesuffix("/0")
        shards = _list_shards(store, f"tables/{stage}/{fingerprint}")
        return cls(store, stage, fingerprint, schema, _list_commits(store, objects), tuple(shards))

    @cached_property
    def copies(self) -> pa.Table:
        """Key, rows, number of the shard and first row in it, of each copy that equals its object."""
        parts = [_valid_copies(shard, number, self.commits) for number, shard in enumerate(self.shards)]
        return pa.concat_tables(parts or [_valid_copies(_Shard("", _INDEX.empty_table()), 0, self.commits)])

    def uncopied(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` that no shard holds."""
        wanted = pa.array(keys, pa.string())
        copied = pc.is_in(wanted, value_set=self.copies["key"].combine_chunks())
        missing: list[str] = wanted.filter(pc.invert(copied)).to_pylist()
        return missing

    def needs_shards(self, keys: Sequence[str]) -> bool:
        return len(keys) >= FEWEST_KEYS and len(self.uncopied(keys)) >= FEWEST_KEYS

    def read(self, keys: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
        wanted = pa.array(keys, pa.string())
        at = pc.index_in(wanted, value_set=self.copies["key"].combine_chunks()).fill_null(-1).to_numpy()
        shard = np.where(at < 0, -1, self.copies["shard"].to_numpy()[at] if len(self.copies) else -1)
        parts: list[pa.Table] = []
        starts, rows = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        base = 0
        for number, copy in enumerate(self.shards):
            mine = np.flatnonzero(shard == number)
            table = copy.read(self.store, self.schema) if len(mine) >= max(1, LEAST_SHARE * len(copy.index)) else None
            if table is None:
                shard[mine] = -1
                continue
            starts[mine] = base + self.copies["first"].to_numpy()[at[mine]]
            rows[mine] = self.copies["rows"].to_numpy()[at[mine]]
            base += len(table)
            parts.append(table)
        alone = np.flatnonzero(shard < 0)
        if len(alone):
            table, rows[alone] = self._read_objects([keys[place] for place in alone.tolist()])
            starts[alone] = base + np.cumsum(rows[alone]) - rows[alone]
            parts.append(table)
        return _take_runs(_joined(parts, self.schema), starts, rows), rows

    def _read_objects(self, keys: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
        parts, rows = [], []
        where = (self.store, self.stage, self.fingerprint)
        for begin in range(0, len(keys), _AT_ONCE):
            tables = read_tables(*where, keys[begin : begin + _AT_ONCE], self.schema)
            rows += [len(table) for table in tables]
            parts.append(_joined(tables, self.schema))
        return _joined(parts, self.schema), np.array(rows, np.int64)


def _compact(folder: _Folder, keys: Sequence[str]) -> None:
    """Copy those of ``keys`` that no shard holds; many small shards become few on the way."""
    copied = folder.copies["shard"].to_numpy()
    valid = np.bincount(copied, minlength=len(folder.shards))
    small = [number for number in range(len(folder.shards)) if valid[number] < SHARD_KEYS // 2]
    merged = small if len(small) >= MOST_SMALL_SHARDS else []
    moved = folder.copies["key"].filter(pa.array(np.isin(copied, merged))).unique().to_pylist()
    for chunk in _chunks([*moved, *folder.uncopied(list(dict.fromkeys(keys)))], folder.commits):
        _write_shard(folder, chunk)
    for number in merged:
        folder.shards[number].remove(folder.store)


def _write_shard(folder: _Folder, keys: Sequence[str]) -> None:
    """Copy the commits ``keys``. Their sizes and times were listed before they are read: never newer than the rows."""
    at = pc.index_in(pa.array(keys, pa.string()), value_set=folder.commits["key"].combine_chunks())
    if at.null_count:
        return  # not committed: whoever reads it will be told so
    table, rows = folder.read(keys)
    listed = folder.commits.take(at)
    index = pa.table([listed["key"], pa.array(rows), listed["size"], listed["modified"]], schema=_INDEX)
    name = f"tables/{folder.stage}/{folder.fingerprint}/{digest(index.to_pydict())}"
    with folder.store.scratch("compact") as scratch:
        for suffix, content in ((_ROWS_SUFFIX, table), (_INDEX_SUFFIX, index)):
            file = scratch / f"shard{suffix}"
            pq.write_table(content, file, compression="zstd", write_page_checksum=True)
            folder.store.put_file(name + suffix, file)


def _list_commits(store: Store, folder: str) -> pa.Table:
    found = list(store.entries(folder))
    keys = [entry.key.rpartition("/")[2] for entry in found]
    return pa.table(
        {
            "key": pa.array(keys, pa.string()),
            "size": pa.array([entry.size for entry in found], pa.int64()),
            "modified": pa.array([entry.stamp for entry in found], pa.int64()),
        }
    )


def _list_shards(store: Store, folder: str) -> Iterator[_Shard]:
    names = sorted(entry.key for entry in store.entries(folder) if entry.key.endswith(_INDEX_SUFFIX))
    for name in names:
        try:
            path = store.find_file(name)
            index = _INDEX.empty_table() if path is None else pq.read_table(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException, StoreError):  # a lost or damaged copy is no loss
            continue
        if index.schema.equals(_INDEX):
            yield _Shard(name.removesuffix(_INDEX_SUFFIX), index)


def _valid_copies(shard: _Shard, number: int, commits: pa.Table) -> pa.Table:
    index = shard.index.combine_chunks()
    rows = index["rows"].to_numpy()
    at = pc.index_in(index["key"].combine_chunks(), value_set=commits["key"].combine_chunks())
    same = pc.and_(
        pc.equal(index["size"], commits["size"].take(at)), pc.equal(index["modified"], commits["modified"].take(at))
    )
    copies = pa.table(
        {
            "key": index["key"],
            "rows": index["rows"],
            "shard": pa.array(np.full(len(index), number, np.int64)),
            "first": pa.array(np.cumsum(rows) - rows, pa.int64()),
        }
    )
    return copies.filter(pc.fill_null(same, False))


def _chunks(keys: Sequence[str], commits: pa.Table) -> Iterator[list[str]]:
    """``keys`` in their order, in shards."""
    at = pc.index_in(pa.array(keys, pa.string()), value_set=commits["key"].combine_chunks())
    sizes = pc.fill_null(commits["size"].take(at), 0).to_pylist()
    chunk: list[str] = []
    held = 0
    for key, size in zip(keys, sizes, strict=True):
        if chunk and (len(chunk) == SHARD_KEYS or held + size > SHARD_BYTES):
            yield chunk
            chunk, held = [], 0
        chunk.append(key)
        held += size
    if chunk:
        yield chunk


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks() if tables else schema.empty_table()


def _take_runs(table: pa.Table, starts: np.ndarray, rows: np.ndarray) -> pa.Table:
    """The runs of ``rows`` rows from ``starts``, in this order; the table itself where they already lie so."""
    ends = np.cumsum(rows)
    total = int(ends[-1]) if len(ends) else 0
    if total == len(table) and (starts[rows > 0] == (ends - rows)[rows > 0]).all():
        return table
    return table.take(pa.array(np.arange(total) + np.repeat(starts - (ends - rows), rows)))
