"""The commits of many clips as one table."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from schemas.records import ClipRecord
from schemas.tables import TRUTH
from storage.clips import RECORD_FORM, TRUTH_STAGE, truth_key
from storage.commits import read_table
from storage.store import Store


def gather_tables(
    store: Store,
    stage: str,
    fingerprint: str,
    keys: Sequence[str] | Mapping[str, str],
    schema: pa.Schema,
    *,
    with_key: str = "clip_id",
) -> pa.Table:
    """Commits of one stage below each other, in the order of ``keys``, with the column ``with_key`` in front.

    Args:
        store: where they are committed.
        stage, fingerprint: which commits.
        keys: their keys, which the front column repeats; or front column's value -> key, where labels are keyed by
            something else, such as the media of a clip.
        schema: of each; a front column of that name in it is kept instead of being added.
        with_key: name of the front column, a string.

    Raises:
        StoreError: one is not committed, damaged, or written by a newer version.
    """
    named = keys if isinstance(keys, Mapping) else {key: key for key in keys}
    parts = [
        _with_front(read_table(store, stage, fingerprint, key, schema), with_key, name) for name, key in named.items()
    ]
    result_schema = _with_front(schema.empty_table(), with_key, "").schema
    return pa.concat_tables(parts).unify_dictionaries() if parts else result_schema.empty_table()


def gather_truth(store: Store, records: Iterable[ClipRecord]) -> pa.Table:
    """Exact labels of all ``records`` that have them, in their order: ``TRUTH`` with ``clip_id`` in front."""
    keys = {record.clip_id: truth_key(record) for record in records if record.has_truth}
    return gather_tables(store, TRUTH_STAGE, RECORD_FORM, keys, TRUTH)


def _with_front(table: pa.Table, column: str, value: str) -> pa.Table:
    if column in table.column_names:
        return table
    front = pa.field(column, pa.string(), nullable=False)
    return table.add_column(0, front, pa.repeat(pa.scalar(value), len(table)))
