import dataclasses
import json

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publishers.parquet import read_manifest, write_manifest
from publishers.version import version_of
from schemas.errors import StoreError
from schemas.tables import COUNTS


@pytest.fixture
def manifest(rows, tmp_path):
    write_manifest(rows, tmp_path / "manifest")
    return tmp_path / "manifest"


def test_the_manifest_read_back_is_the_same_version(rows, manifest):
    assert version_of(read_manifest(manifest)) == version_of(rows)


def test_plain_pandas_reads_frames_with_their_objects(manifest):
    frames = pd.read_parquet(manifest / "frames.parquet")
    first = frames.loc[(frames.clip_id == "a") & (frames.frame == 2)].iloc[0]
    assert [(one["track"], one["class_name"], one["verdict"]) for one in first.objects] == [
        (1, "vehicle", "accept"),
        (2, "person", "accept"),
    ]
    assert first.objects[0]["x"] == 6.0


def test_plain_polars_counts_the_same_labels_as_the_tracks(manifest):
    frames = pl.read_parquet(manifest / "frames.parquet")
    labels = frames.explode("objects").drop_nulls("objects").unnest("objects").filter(pl.col("verdict") == "accept")
    assert labels.height == pl.read_parquet(manifest / "tracks.parquet")["boxes"].sum() > 0


def test_polars_reads_attributes_of_clips(manifest):
    clips = pl.read_parquet(manifest / "clips.parquet")
    assert {one["key"]: one["value"] for one in clips["attributes"].to_list()[0]} == {
        "weather": "fog",
        "light": "night",
    }


def test_maps_are_lists_in_the_files_and_maps_again_when_read(rows, manifest):
    schemas = [pq.read_schema(file) for file in manifest.glob("*.parquet")]
    assert not [field.name for schema in schemas for field in schema if pa.types.is_map(field.type)]
    assert read_manifest(manifest).clips.schema.equals(rows.clips.schema)
    assert read_manifest(manifest).clips.to_pylist() == rows.clips.to_pylist()


def test_a_map_that_is_null_is_no_empty_map(rows, tmp_path):
    column = pa.array([None, [], [("car", 2)], None], COUNTS)
    place = rows.clips.schema.get_field_index("surplus_by_class")
    clips = rows.clips.set_column(place, rows.clips.schema.field(place), column)
    write_manifest(dataclasses.replace(rows, clips=clips), tmp_path)
    assert read_manifest(tmp_path).clips["surplus_by_class"].to_pylist() == column.to_pylist()


def test_a_manifest_with_maps_is_still_read(rows, manifest):
    metadata = pq.read_schema(manifest / "clips.parquet").metadata
    pq.write_table(rows.clips.replace_schema_metadata(metadata), manifest / "clips.parquet")
    assert version_of(read_manifest(manifest)) == version_of(rows)


def test_every_rejection_is_on_record(manifest):
    clips = pd.read_parquet(manifest / "clip_decisions.parquet")
    assert clips.loc[clips.verdict == "rejected", ["clip_id", "rule"]].values.tolist() == [["d", "frozen"]]
    boxes = pd.read_parquet(manifest / "box_decisions.parquet")
    assert boxes.verdict.value_counts().to_dict() == {"accept": 32, "nothing": 8, "ignore": 2}


def test_files_carry_docs_classes_and_schema_version(manifest):
    for file in sorted(manifest.glob("*.parquet")):
        schema = pq.read_schema(file)
        assert schema.metadata[b"framefoundry.schema_version"] == b"1", file
        assert json.loads(schema.metadata[b"framefoundry.classes"]) == ["person", "vehicle", "dog"], file
        assert all(field.metadata and field.metadata[b"doc"] for field in schema), file


def test_a_missing_or_damaged_file_is_named(manifest):
    (manifest / "frames.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(StoreError, match=r"frames\.parquet: cannot be read"):
        read_manifest(manifest)
    (manifest / "clips.parquet").unlink()
    with pytest.raises(StoreError, match=r"clips\.parquet: the file is missing"):
        read_manifest(manifest)
