import pyarrow as pa
import pytest

from schemas import tables
from schemas.errors import StoreError
from schemas.tables import CLIP_SCORES, CLIPS, DETECTIONS, FRAMES, TRACKS, check_table, empty, table_from_columns
from schemas.version import SCHEMA_VERSION

SCHEMAS = {name: value for name, value in vars(tables).items() if isinstance(value, pa.Schema)}


def _detections(**changes):
    columns = {"frame": [0, 1], "class_name": ["car", "dog"], "score": [0.5, 0.25]}
    columns |= {side: [1.0, 2.0] for side in "xywh"}
    return table_from_columns(DETECTIONS, columns | changes)


def _with_version(table, version):
    return table.replace_schema_metadata({b"framefoundry.schema_version": version})


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_table_carries_its_version_and_every_field_its_meaning(name):
    schema = SCHEMAS[name]
    assert schema.metadata[b"framefoundry.schema_version"] == str(SCHEMA_VERSION).encode()
    assert schema.metadata[b"framefoundry.table"]
    assert [field.name for field in schema if not field.metadata.get(b"doc")] == []


def test_tables_have_names_of_their_own():
    names = [schema.metadata[b"framefoundry.table"] for schema in SCHEMAS.values()]
    assert len(set(names)) == len(names) >= 10


def test_columns_are_cast_to_the_types_of_the_schema():
    table = _detections()
    assert table.schema.equals(DETECTIONS, check_metadata=True)
    assert table["class_name"].to_pylist() == ["car", "dog"]
    assert table["x"].type == pa.float32()


def test_arrow_arrays_are_taken_as_columns():
    table = _detections(x=pa.array([1, 2], pa.int8()), y=pa.chunked_array([[1.0], [2.0]]))
    assert table["x"].to_pylist() == table["y"].to_pylist() == [1.0, 2.0]


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match="score"):
        table_from_columns(DETECTIONS, {"frame": [], "class_name": [], "x": [], "y": [], "w": [], "h": []})


@pytest.mark.parametrize("changes", [{"x": ["left", "right"]}, {"x": [1.0]}, {"frame": [0.5, 1.5]}])
def test_columns_that_do_not_fit_are_refused(changes):
    with pytest.raises(pa.ArrowInvalid):
        _detections(**changes)


def test_a_table_passes_its_own_check():
    assert check_table(_detections(), DETECTIONS, "x").equals(_detections())
    assert check_table(empty(DETECTIONS), DETECTIONS, "x").num_rows == 0


def test_columns_beyond_the_schema_are_left_out():
    more = _detections().append_column("mood", [["calm", "calm"]])
    assert check_table(more, DETECTIONS, "x").schema.equals(DETECTIONS, check_metadata=True)


def test_a_newer_version_is_refused_with_what_to_do():
    newer = _with_version(_detections(), str(SCHEMA_VERSION + 1))
    with pytest.raises(StoreError, match=rf"tracks\.parquet.*version {SCHEMA_VERSION + 1}.*Upgrade"):
        check_table(newer, DETECTIONS, "tracks.parquet")


@pytest.mark.parametrize("version", ["", "x", "0"])
def test_a_table_without_a_version_is_refused(version):
    with pytest.raises(StoreError, match="schema version"):
        check_table(_with_version(_detections(), version), DETECTIONS, "x")
    with pytest.raises(StoreError, match="schema version"):
        check_table(_detections().replace_schema_metadata(None), DETECTIONS, "x")


def test_another_table_is_refused():
    with pytest.raises(StoreError, match=r"x: column 'track' is missing"):
        check_table(_detections(), TRACKS, "x")


def test_a_column_of_another_type_is_refused():
    table = _detections()
    odd = table.set_column(0, "frame", [["first", "second"]])
    with pytest.raises(StoreError, match="x: "):
        check_table(odd, DETECTIONS, "x")


def test_nulls_where_none_may_be_are_refused():
    odd = _detections().set_column(2, pa.field("x", pa.float32()), [pa.array([1.0, None], pa.float32())])
    with pytest.raises(StoreError, match="x"):
        check_table(odd, DETECTIONS, "file")


def test_interpolated_boxes_have_no_score_and_that_is_no_fault():
    columns = {name: [1] for name in TRACKS.names} | {
        "class_name": ["car"],
        "source": ["interpolated"],
        "score": [None],
    }
    assert check_table(table_from_columns(TRACKS, columns), TRACKS, "x")["score"].to_pylist() == [None]


@pytest.mark.parametrize("schema", [CLIPS, FRAMES, TRACKS])
def test_parquet_keeps_the_schema_with_its_meanings(tmp_path, schema):
    import pyarrow.parquet as pq

    pq.write_table(empty(schema), tmp_path / "x.parquet")
    assert check_table(pq.read_table(tmp_path / "x.parquet"), schema, "x").schema.equals(schema, check_metadata=True)


def test_a_column_that_may_be_null_and_is_younger_than_the_table_reads_as_nulls():
    older = empty(CLIP_SCORES).drop_columns(["drift", "shown_by_class"])
    assert check_table(older, CLIP_SCORES, "x").schema.equals(CLIP_SCORES, check_metadata=True)
    with pytest.raises(StoreError, match="column 'blur' is missing"):
        check_table(older.drop_columns(["blur"]), CLIP_SCORES, "x")
