"""The manifest: a dataset version as Parquet files that pandas, Polars, DuckDB and pyarrow read as they are."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from publishers.rows import PUBLISHED_CLIPS, DatasetRows
from schemas.errors import StoreError
from schemas.tables import BOX_DECISIONS, FRAMES, PUBLISHED_TRACKS, check_table

CLASSES_KEY = b"framefoundry.classes"
_ROW_GROUP = 32_768


def write_manifest(rows: DatasetRows, folder: Path) -> None:
    """Write clips, frames, tracks and every decision below ``folder``, which is made.

    Files are sorted by clip, frame and track and compressed with zstd. Field docs, schema version and class names
    are in the schema's metadata.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = rows.class_names
    _write(folder / "clips.parquet", rows.clips, ["clip_id"], names)
    _write(folder / "frames.parquet", rows.frames, ["clip_id", "frame"], names)
    _write(folder / "rejected_frames.parquet", rows.rejected_frames, ["clip_id", "frame"], names)
    _write(folder / "tracks.parquet", rows.tracks, ["clip_id", "track"], names)
    _write(folder / "clip_decisions.parquet", rows.clip_decisions, ["clip_id"], names)
    _write(folder / "box_decisions.parquet", rows.box_decisions, ["clip_id", "frame", "track"], names)


def read_manifest(folder: Path) -> DatasetRows:
    """The rows that :func:`write_manifest` wrote.

    Raises:
        StoreError: a file is missing, damaged, or was written by a newer version.
    """
    clips = _read(folder / "clips.parquet", PUBLISHED_CLIPS)
    classes = json.loads(pq.read_schema(folder / "clips.parquet").metadata.get(CLASSES_KEY, b"[]"))
    return DatasetRows(
        clips=clips,
        frames=_read(folder / "frames.parquet", FRAMES),
        rejected_frames=_read(folder / "rejected_frames.parquet", FRAMES),
        tracks=_read(folder / "tracks.parquet", PUBLISHED_TRACKS),
        box_decisions=_read(folder / "box_decisions.parquet", BOX_DECISIONS),
        class_names=tuple(classes),
    )


def _write(path: Path, table: pa.Table, keys: Sequence[str], class_names: Sequence[str]) -> None:
    metadata = {**(table.schema.metadata or {}), CLASSES_KEY: json.dumps(list(class_names)).encode()}
    pq.write_table(
        table.replace_schema_metadata(metadata),
        path,
        compression="zstd",
        row_group_size=_ROW_GROUP,
        sorting_columns=[pq.SortingColumn(table.schema.get_field_index(key)) for key in keys],
    )


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise StoreError(f"{path}: the file is missing.", "Publish the version again.") from None
    except (pa.ArrowInvalid, OSError) as fault:
        raise StoreError(f"{path}: cannot be read: {fault}.", "Publish the version again.") from fault
    return check_table(table, schema, str(path))
