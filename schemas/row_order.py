"""Order and grouping of large tables by whole numbers: text is looked at once for each distinct value."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def encode_names(column: pa.ChunkedArray | pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Distinct strings, and for each row of ``column`` its place among them, int32; dictionaries are taken as they are.

    A dictionary may name what no row holds, but nothing twice. ``column`` holds no nulls.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # of no chunks
        array = pa.array([], array.type)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy().astype(np.int32, copy=False)


def place_names(column: pa.ChunkedArray | pa.Array, known: pa.Array) -> np.ndarray:
    """For each string of ``column`` its place in ``known``, int64; -1 where it is not there."""
    names, codes = encode_names(column)
    places: np.ndarray = pc.fill_null(pc.index_in(names.cast(known.type), value_set=known), -1).to_numpy()
    return places.astype(np.int64)[codes] if len(codes) else np.empty(0, np.int64)


def group_rows(*columns: np.ndarray) -> np.ndarray:
    """A whole number from 0 for each row, equal where all ``columns`` of whole numbers, at least 0, are; int64."""
    groups = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        pairs = groups * (int(column.max(initial=0)) + 1) + column
        groups = pa.array(pairs).dictionary_encode().indices.to_numpy().astype(np.int64)
    return groups


def sort_rows(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """``table`` sorted by ``keys``, columns of whole numbers or of text, nulls last; itself where it is sorted."""
    order = order_rows(table, keys)
    return table if order is None else table.take(pa.array(order))


def order_rows(table: pa.Table, keys: Sequence[str]) -> np.ndarray | None:
    """Places of the rows of ``table`` in the order of :func:`sort_rows`; None where they are sorted already."""
    if any(table[key].null_count for key in keys):
        order: np.ndarray = pc.sort_indices(table, [(key, "ascending") for key in keys]).to_numpy()
        return order
    return find_order([_ranks(table[key]) for key in keys])


def find_order(keys: Sequence[np.ndarray]) -> np.ndarray | None:
    """Places of rows in the order of ``keys``, the first outweighs the others; None where they are sorted already."""
    undecided = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for key in keys:
        later, earlier = key[1:], key[:-1]
        if (undecided & (later < earlier)).any():
            return np.lexsort(tuple(reversed(keys)))
        undecided &= later == earlier
    return None


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    if not (pa.types.is_dictionary(column.type) or pa.types.is_string(column.type)):
        numbers: np.ndarray = column.to_numpy()
        return numbers
    names, codes = encode_names(column)
    ranks: np.ndarray = pc.rank(names, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int64)
    return ranks[codes] if len(codes) else np.empty(0, np.int64)
