"""The commits of many clips as one table."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from schemas.records import ClipRecord
from schemas.tables import NAME, TRUTH
from storage.clips import RECORD_FORM, TRUTH_STAGE, truth_key
from storage.commits import read_tables
from storage.compacted import read_commits
from storage.store import Store


def gather_tables(
    store: Store,
    stage: str,
    fingerprint: str,
    keys: Sequence[str] | Mapping[str, str],
    schema: pa.Schema,
    *,
    with_key: str = "clip_id",
    compact: bool = False,
) -> pa.Table:
    """Commits of one stage below each other, in the order of ``keys``, with the column ``with_key`` in front.

    Args:
        store: where they are committed.
        stage, fingerprint: which commits.
        keys: their keys, which the front column repeats; or front column's value -> key, where labels are keyed by
            something else, such as the media of a clip.
        schema: of each; a front column of that name in it is kept instead of being added.
        with_key: name of the front column, a dictionary-encoded string.
        compact: for tables that are read again and again as a whole: keep copies in large files, and read these.

    Raises:
        StoreError: one is not committed, damaged, or written by a newer version.
    """
    named = keys if isinstance(keys, Mapping) else {key: key for key in keys}
    if compact:
        table, rows = read_commits(store, stage, fingerprint, list(named.values()), schema)
    else:
        parts = read_tables(store, stage, fingerprint, list(named.values()), schema)
        table = pa.concat_tables(parts).unify_dictionaries() if parts else schema.empty_table()
        rows = np.array([len(part) for part in parts], np.int64)
    if with_key in table.column_names:
        return table
    place = np.repeat(np.arange(len(named), dtype=np.int32), rows)
    front = pa.DictionaryArray.from_arrays(pa.array(place), pa.array(list(named), pa.string()))
    return table.add_column(0, pa.field(with_key, NAME, nullable=False), front)


def gather_truth(store: Store, records: Iterable[ClipRecord]) -> pa.Table:
    """Exact labels of all ``records`` that have them, in their order: ``TRUTH`` with ``clip_id`` in front."""
    keys = {record.clip_id: truth_key(record) for record in records if record.has_truth}
    return gather_tables(store, TRUTH_STAGE, RECORD_FORM, keys, TRUTH)
