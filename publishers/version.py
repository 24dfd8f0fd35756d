"""The version of a dataset: one hash over what it says, and over nothing that merely says how it was written."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.rows import DatasetRows
from schemas.identity import canonical_json
from schemas.row_order import sort_rows
from schemas.version import SCHEMA_VERSION

_ROWS_AT_ONCE = 1 << 18
_OUTSIDE = frozenset({"source_name"})  # the name of a file is not what it shows


def version_of(rows: DatasetRows) -> str:
    """64 hexadecimal digits: SHA-256 over clips, frames with their objects, tracks, decisions and classes.

    Equal rows give equal versions whatever their order, the chunks and dictionaries that Arrow keeps them in, or the
    file that they were read from. Any other value in any row gives another version.
    """
    whole = hashlib.sha256(canonical_json({"schema_version": SCHEMA_VERSION, "classes": list(rows.class_names)}))
    tables = {
        "clips": (rows.clips, ["clip_id"]),
        "frames": (rows.frames, ["clip_id", "frame"]),
        "rejected_frames": (rows.rejected_frames, ["clip_id", "frame"]),
        "tracks": (rows.tracks, ["clip_id", "track"]),
        "box_decisions": (rows.box_decisions, ["clip_id", "frame", "track"]),
    }
    for name, (table, keys) in tables.items():
        whole.update(canonical_json({"table": name, "digest": digest_rows(sort_rows(table, keys))}))
    return whole.hexdigest()


def digest_rows(table: pa.Table) -> str:
    """64 hexadecimal digits over the rows of ``table`` in their order, blind to chunks and dictionaries."""
    whole = hashlib.sha256()
    for column in sorted(set(table.column_names) - _OUTSIDE):
        whole.update(column.encode())
        for part in _canonical_bytes(_as_one_array(table[column])):
            whole.update(part)
    return whole.hexdigest()


def _as_one_array(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _canonical_bytes(array: pa.Array) -> Iterator[bytes]:
    """Bytes that depend on the values and nulls of ``array`` alone; each part is led by its length."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        yield from _dictionary_bytes(array)
        return
    nulls = array.is_null().to_numpy(zero_copy_only=False).tobytes() if array.null_count else b""
    yield _header(len(array), len(nulls))
    yield nulls
    if pa.types.is_struct(kind):
        for position in sorted(range(kind.num_fields), key=lambda at: kind.field(at).name):
            yield kind.field(position).name.encode()
            yield from _canonical_bytes(array.field(position))
    elif pa.types.is_map(kind):
        yield np.diff(array.offsets.to_numpy()).astype("<i8").tobytes()
        for part in _sorted_items(array):
            yield from _canonical_bytes(part)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype("<i8").tobytes()
        yield from _canonical_bytes(array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        present = array.drop_null()
        yield pc.binary_length(present).to_numpy().astype("<i8").tobytes()
        yield _joined(present)
    elif pa.types.is_boolean(kind):
        yield pc.fill_null(array, False).to_numpy(zero_copy_only=False).tobytes()
    else:
        values = pc.fill_null(array, 0).to_numpy()
        # Adding zero turns -0.0 into 0.0, which is the same number.
        yield (values + 0).astype(values.dtype.newbyteorder("<")).tobytes()


def _dictionary_bytes(array: pa.DictionaryArray) -> Iterator[bytes]:
    """Those of the strings that it stands for, which are never all in memory where there are no nulls among them."""
    if array.null_count or array.dictionary.null_count or not pa.types.is_string(array.dictionary.type):
        yield from _canonical_bytes(array.dictionary_decode())
        return
    yield _header(len(array), 0)
    yield b""
    lengths = pc.binary_length(array.dictionary).to_numpy()
    yield lengths[array.indices.to_numpy()].astype("<i8").tobytes() if len(array) else b""
    for start in range(0, len(array), _ROWS_AT_ONCE):
        yield _joined(array.slice(start, _ROWS_AT_ONCE).dictionary_decode())


def _header(*numbers: int) -> bytes:
    return np.array(numbers, dtype="<i8").tobytes()


def _sorted_items(array: pa.MapArray) -> list[pa.Array]:
    """Keys and items of a map column, by row and key: a map has no order of its own."""
    offsets = array.offsets.to_numpy()
    first, last = int(offsets[0]), int(offsets[-1])
    keys, items = array.keys[first:last], array.items[first:last]
    row = np.repeat(np.arange(len(array)), np.diff(offsets))
    order = pc.sort_indices(pa.table({"row": row, "key": keys}), sort_keys=[("row", "ascending"), ("key", "ascending")])
    return [keys.take(order), items.take(order)]


def _joined(strings: pa.Array) -> bytes:
    """The text of all strings, one after the other."""
    _, offsets, data = strings.buffers()
    if data is None or not len(strings):
        return b""
    wide = pa.types.is_large_string(strings.type)
    bounds = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)[strings.offset :]
    bounds = bounds[: len(strings) + 1]
    return bytes(data.slice(int(bounds[0]), int(bounds[-1] - bounds[0])).to_pybytes())
