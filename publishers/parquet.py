"""The manifest: a version as Parquet files that pandas, Polars, DuckDB, pyarrow and `datasets` read as they are.

Rows lie so that a filter reads little, by the least and greatest value that each row group states of its columns:

- ``frames`` by split, clip and frame: a filter by split reads that split, one by clip a row group for each split. The
  column ``classes`` repeats what a frame's objects say in far fewer bytes: a filter by class reads it first.
- ``tracks`` by class, clip and track: a filter by class reads that class.
- Everything else by clip, frame and track.

Maps are written as lists of key and value, since `datasets` knows no maps. Numbers that repeat and names are
dictionary-encoded; coordinates, scores and confidences are not, since they never repeat.
"""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from publishers.rows import PUBLISHED_CLIPS, DatasetRows
from schemas.errors import StoreError
from schemas.row_order import encode_names, order_rows, sort_rows
from schemas.tables import ACCEPT, BOX_DECISIONS, FRAMES, PUBLISHED_TRACKS, check_table

CLASSES_KEY = b"framefoundry.classes"
ROW_GROUP = 8_192
DECISIONS_ROW_GROUP = 65_536

_CLASSES = pa.field(
    "classes", pa.list_(pa.string()), nullable=False, metadata={"doc": "published classes of the labels, each once"}
)
_GROUPS_AT_ONCE = 8


def write_manifest(rows: DatasetRows, folder: Path) -> None:
    """Write clips, frames, tracks and every decision below ``folder``, which is made.

    Files are compressed with zstd; field docs, schema version and class names are in the schema's metadata. Beside the
    rows, this takes the memory of a few row groups.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = rows.class_names
    by_clip, by_box = ["clip_id"], ["clip_id", "frame", "track"]
    by_split = ["split", "clip_id", "frame"]
    _write(folder / "clips.parquet", rows.clips, by_clip, names)
    _write(folder / "frames.parquet", _with_classes(rows.frames, names), by_split, names)
    _write(folder / "rejected_frames.parquet", _with_classes(rows.rejected_frames, names), by_split, names)
    _write(folder / "tracks.parquet", rows.tracks, ["class_name", "clip_id", "track"], names)
    _write(folder / "clip_decisions.parquet", rows.clip_decisions, by_clip, names)
    _write(folder / "box_decisions.parquet", rows.box_decisions, by_box, names, row_group=DECISIONS_ROW_GROUP)


def read_manifest(folder: Path) -> DatasetRows:
    """The rows that :func:`write_manifest` wrote.

    Raises:
        StoreError: a file is missing, damaged, or was written by a newer version.
    """
    clips = _read(folder / "clips.parquet", PUBLISHED_CLIPS)
    classes = json.loads(pq.read_schema(folder / "clips.parquet").metadata.get(CLASSES_KEY, b"[]"))
    return DatasetRows(
        clips=clips,
        frames=sort_rows(_read(folder / "frames.parquet", FRAMES), ["clip_id", "frame"]),
        rejected_frames=sort_rows(_read(folder / "rejected_frames.parquet", FRAMES), ["clip_id", "frame"]),
        tracks=sort_rows(_read(folder / "tracks.parquet", PUBLISHED_TRACKS), ["clip_id", "track"]),
        box_decisions=_read(folder / "box_decisions.parquet", BOX_DECISIONS),
        class_names=tuple(classes),
    )


def _write(
    path: Path, table: pa.Table, keys: Sequence[str], class_names: Sequence[str], *, row_group: int = ROW_GROUP
) -> None:
    table = _without_maps(table)
    metadata = {**(table.schema.metadata or {}), CLASSES_KEY: json.dumps(list(class_names)).encode()}
    schema = table.schema.with_metadata(metadata)
    options = {
        "compression": "zstd",
        "use_dictionary": _repeating_columns(schema),
        "write_page_index": True,
        "sorting_columns": [pq.SortingColumn(schema.get_field_index(key)) for key in keys],
    }
    with pq.ParquetWriter(path, schema, **options) as writer:
        for part in _in_order(table, keys, row_group * _GROUPS_AT_ONCE):
            writer.write_table(part.cast(schema), row_group_size=row_group)


def _in_order(table: pa.Table, keys: Sequence[str], at_once: int) -> Iterator[pa.Table]:
    """``table`` sorted by ``keys``, in parts of ``at_once`` rows; at least one, which may be without rows."""
    order = order_rows(table, keys)
    for start in range(0, max(len(table), 1), at_once):
        yield table.slice(start, at_once) if order is None else table.take(pa.array(order[start : start + at_once]))


def _repeating_columns(schema: pa.Schema) -> list[str]:
    """Paths in the file of all columns but floating-point numbers."""
    empty = io.BytesIO()
    pq.write_table(schema.empty_table(), empty)
    columns = pq.ParquetFile(empty).schema
    leaves = [columns.column(place) for place in range(len(columns))]
    return [leaf.path for leaf in leaves if leaf.physical_type not in {"FLOAT", "DOUBLE"}]


def _with_classes(frames: pa.Table, class_names: Sequence[str]) -> pa.Table:
    """``frames`` with the column ``classes`` in front of their objects: those of the labels, in published order."""
    objects = frames["objects"].combine_chunks()
    flat = objects.flatten()
    label = pc.equal(pc.struct_field(flat, "verdict"), ACCEPT).to_numpy(zero_copy_only=False)
    names, codes = encode_names(pc.struct_field(flat, "class_name"))
    published = np.array([class_names.index(name) for name in names.to_pylist()], np.int64)
    row = pc.list_parent_indices(objects).to_numpy()[label].astype(np.int64)
    shows = np.zeros((len(frames), max(len(class_names), 1)), dtype=bool)
    shows[row, published[codes[label]]] = True
    offsets = np.concatenate([[0], np.cumsum(shows.sum(axis=1))])
    words = pa.array(class_names, pa.string()).take(pa.array(np.nonzero(shows)[1]))
    classes = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words)
    return frames.add_column(frames.schema.get_field_index("objects"), _CLASSES, classes)


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise StoreError(f"{path}: the file is missing.", "Publish the version again.") from None
    except (pa.ArrowInvalid, OSError) as fault:
        raise StoreError(f"{path}: cannot be read: {fault}.", "Publish the version again.") from fault
    return check_table(_with_maps(table, schema), schema, str(path))


def _without_maps(table: pa.Table) -> pa.Table:
    """``table`` with a list of ``key`` and ``value`` in the place of each map."""
    for place, field in enumerate(table.schema):
        if pa.types.is_map(field.type):
            entry = pa.struct([pa.field("key", field.type.key_type, nullable=False), ("value", field.type.item_type)])
            plain = field.with_type(pa.list_(entry))
            table = table.set_column(place, plain, table[field.name].cast(plain.type))
    return table


def _with_maps(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The inverse of :func:`_without_maps`; maps that an older version wrote stay as they are."""
    for field in schema:
        place = table.schema.get_field_index(field.name)
        if pa.types.is_map(field.type) and place >= 0 and pa.types.is_list(table.schema.field(place).type):
            lists = table[field.name].combine_chunks()
            keys, values = lists.flatten().flatten()
            lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
            maps = pa.MapArray.from_arrays(offsets, keys, values, type=field.type, mask=lists.is_null())
            table = table.set_column(place, field, maps)
    return table
