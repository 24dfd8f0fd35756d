"""A manifest of many row groups: filters read few of them, whoever reads."""

import dataclasses

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publishers_inputs import make_rows

from publishers.parquet import ROW_GROUP, read_manifest, write_manifest
from publishers.version import version_of
from schemas.row_order import sort_rows

COPIES = 2_000


def repeated(table, keys):
    """``table`` with every clip ``COPIES`` times under other names."""
    rows = np.tile(np.arange(len(table)), COPIES)
    number = np.repeat(np.arange(COPIES), len(table))
    clips = table["clip_id"].to_pylist()
    names = [f"{place * 7919 % COPIES:05}{name}" for place, name in zip(number, clips * COPIES, strict=True)]
    at = table.schema.get_field_index("clip_id")
    column = pa.array(names).cast(table.schema.field(at).type)
    return sort_rows(table.take(pa.array(rows)).set_column(at, table.schema.field(at), column), keys)


@pytest.fixture(scope="module")
def many():
    rows = make_rows()
    frames = repeated(rows.frames, ["clip_id", "frame"])
    return dataclasses.replace(rows, frames=frames, tracks=repeated(rows.tracks, ["clip_id", "track"]))


@pytest.fixture(scope="module")
def manifest(many, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "manifest"
    write_manifest(many, folder)
    return folder


def groups_with(path, column, value):
    """Row groups whose statistics allow ``value``, and all of them."""
    metadata = pq.ParquetFile(path).metadata
    place = metadata.schema.names.index(column)
    bounds = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
    return sum(one.min <= value <= one.max for one in bounds), len(bounds)


def test_a_filter_by_clip_may_read_one_row_group_a_split(manifest):
    read, groups = groups_with(manifest / "frames.parquet", "clip_id", "00007a")
    assert groups > 4
    assert read <= 2
    assert groups_with(manifest / "frames.parquet", "clip_id", "no such clip")[0] == 0


def test_a_filter_by_split_reads_that_split(manifest, many):
    read, groups = groups_with(manifest / "frames.parquet", "split", "val")
    share = np.mean(np.array(many.frames["split"].to_pylist()) == "val")
    assert read <= share * groups + 2


def test_a_filter_by_class_reads_that_class_of_the_tracks(tmp_path, many):
    tracks = pa.concat_tables([many.tracks] * 3)
    write_manifest(dataclasses.replace(many, tracks=tracks), tmp_path)
    read, groups = groups_with(tmp_path / "tracks.parquet", "class_name", "dog")
    assert groups == -(-len(tracks) // ROW_GROUP)
    assert read < groups


def test_classes_repeat_the_labels_in_a_fraction_of_the_bytes(manifest):
    frames = pq.read_table(manifest / "frames.parquet")
    for row in frames.slice(0, 100).to_pylist():
        labels = {one["class_name"] for one in row["objects"] if one["verdict"] == "accept"}
        assert set(row["classes"]) == labels
        assert len(row["classes"]) == len(labels)
    group = pq.ParquetFile(manifest / "frames.parquet").metadata.row_group(0)
    sizes = {group.column(at).path_in_schema: group.column(at).total_compressed_size for at in range(group.num_columns)}
    assert sizes["classes.list.element"] < 0.2 * sum(size for path, size in sizes.items() if path[:7] == "objects")


def test_names_are_dictionary_encoded_and_coordinates_are_not(manifest):
    group = pq.ParquetFile(manifest / "frames.parquet").metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert "RLE_DICTIONARY" in columns["objects.list.element.class_name"].encodings
    assert "RLE_DICTIONARY" in columns["split"].encodings
    assert "RLE_DICTIONARY" not in columns["objects.list.element.x"].encodings
    assert all(column.is_stats_set and column.has_column_index for column in columns.values())


def test_the_order_in_the_files_is_not_that_of_the_rows(manifest, many):
    back = read_manifest(manifest)
    assert back.frames["clip_id"].to_pylist() == many.frames["clip_id"].to_pylist()
    assert version_of(back) == version_of(many)


def test_every_reader_finds_the_same(manifest):
    path = manifest / "frames.parquet"
    dogs = "select count(*), count(distinct clip_id) from '{}' where list_contains(classes, 'dog') and split = 'train'"
    counted = duckdb.sql(dogs.format(path)).fetchall()[0]
    lazy = pl.scan_parquet(path).filter(
        pl.col("classes").list.contains("dog"), pl.col("split").cast(pl.String) == "train"
    )
    found = lazy.select("clip_id").collect()["clip_id"]
    frames = pd.read_parquet(path, filters=[("split", "==", "train")])
    by_pandas = frames[[("dog" in classes) for classes in frames["classes"]]]
    assert counted == (found.len(), found.n_unique()) == (len(by_pandas), by_pandas["clip_id"].nunique())
    assert counted == (4 * COPIES, COPIES)


def test_duckdb_counts_boxes_of_objects(manifest, many):
    query = "select count(*) from (select unnest(objects) as box from '{}') where box.verdict = 'accept'"
    boxes = duckdb.sql(query.format(manifest / "frames.parquet")).fetchall()[0][0]
    assert boxes == sum(many.tracks["boxes"].to_pylist())
