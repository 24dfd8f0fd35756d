import pyarrow as pa
import pytest

from schemas.errors import StoreError
from schemas.tables import DETECTIONS, TRACKS, table_from_columns
from schemas.version import SCHEMA_VERSION
from storage.commits import commit_json, commit_table, committed_keys, is_committed, read_json, read_table


def _detections(scores=(0.5, 0.25)):
    rows = {name: [1.5] * len(scores) for name in DETECTIONS.names}
    rows |= {"frame": range(len(scores)), "class_name": ["car"] * len(scores), "score": list(scores)}
    return table_from_columns(DETECTIONS, {name: list(values) for name, values in rows.items()})


def test_a_table_reads_back_equal_with_its_schema(store):
    table = _detections()
    assert commit_table(store, "detections", "f1", "k1", table) is True
    read = read_table(store, "detections", "f1", "k1", DETECTIONS)
    assert read.equals(table)
    assert read.schema.equals(DETECTIONS, check_metadata=True)


def test_a_table_without_rows_reads_back(store):
    commit_table(store, "detections", "f1", "k1", DETECTIONS.empty_table())
    assert read_table(store, "detections", "f1", "k1", DETECTIONS).num_rows == 0


def test_a_second_commit_changes_nothing(store):
    commit_table(store, "detections", "f1", "k1", _detections((0.5,)))
    assert commit_table(store, "detections", "f1", "k1", _detections((0.9, 0.9))) is False
    assert read_table(store, "detections", "f1", "k1", DETECTIONS)["score"].to_pylist() == [0.5]


def test_commits_of_other_stages_fingerprints_and_clips_are_apart(store):
    commit_json(store, "scores", "f1", "k1", {"a": 1})
    assert is_committed(store, "scores", "f1", "k1")
    for other in (("scores", "f1", "k2"), ("scores", "f2", "k1"), ("tracks", "f1", "k1")):
        assert not is_committed(store, *other)


def test_committed_keys_are_those_of_one_stage_and_fingerprint(store):
    for key in ("b", "a"):
        commit_json(store, "scores", "f1", key, {})
    commit_json(store, "scores", "f2", "c", {})
    assert committed_keys(store, "scores", "f1") == {"a", "b"}
    assert committed_keys(store, "scores", "none") == set()


def test_json_reads_back_equal_and_the_first_wins(store):
    assert commit_json(store, "scores", "f", "k", {"b": [1, None, "ü"], "a": 0.5}) is True
    assert commit_json(store, "scores", "f", "k", {}) is False
    assert read_json(store, "scores", "f", "k") == {"b": [1, None, "ü"], "a": 0.5}


@pytest.mark.parametrize(
    "parts", [("a/b", "f", "k"), ("a", "../f", "k"), ("a", "f", ""), ("a", "f", "k/.."), ("", "f", "k")]
)
def test_parts_that_hold_a_path_are_refused(store, parts):
    with pytest.raises(StoreError):
        commit_json(store, *parts, {})
    with pytest.raises(StoreError):
        is_committed(store, *parts)


def test_what_is_not_committed_is_not_read(store):
    with pytest.raises(StoreError, match=r"objects/tracks/f/k"):
        read_table(store, "tracks", "f", "k", TRACKS)
    with pytest.raises(StoreError, match=r"objects/tracks/f/k"):
        read_json(store, "tracks", "f", "k")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1 and then nothing PAR1", b"not a table at all"])
def test_a_damaged_table_is_named(store, data):
    store.put("objects/tracks/f/k", data)
    with pytest.raises(StoreError, match="objects/tracks/f/k"):
        read_table(store, "tracks", "f", "k", TRACKS)


def test_a_table_cut_in_the_middle_is_named(store):
    commit_table(store, "detections", "f", "whole", _detections())
    whole = store.read("objects/detections/f/whole")
    store.put("objects/detections/f/cut", whole[: len(whole) // 2] + bytes(8) + whole[len(whole) // 2 + 8 :])
    with pytest.raises(StoreError, match="objects/detections/f/cut"):
        read_table(store, "detections", "f", "cut", DETECTIONS)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe"])
def test_damaged_json_is_named(store, data):
    store.put("objects/scores/f/k", data)
    with pytest.raises(StoreError, match="objects/scores/f/k"):
        read_json(store, "scores", "f", "k")


def test_a_table_of_a_newer_version_is_refused(store):
    newer = {b"framefoundry.schema_version": str(SCHEMA_VERSION + 1).encode()}
    commit_table(store, "detections", "f", "k", _detections().replace_schema_metadata(newer))
    with pytest.raises(StoreError, match="Upgrade"):
        read_table(store, "detections", "f", "k", DETECTIONS)


def test_another_table_under_the_key_is_refused(store):
    commit_table(store, "detections", "f", "k", _detections())
    with pytest.raises(StoreError, match="'track' is missing"):
        read_table(store, "detections", "f", "k", TRACKS)


def test_equal_tables_make_equal_bytes(store):
    commit_table(store, "detections", "f", "k1", _detections())
    commit_table(store, "detections", "f", "k2", pa.concat_tables([_detections()]))
    assert store.read("objects/detections/f/k1") == store.read("objects/detections/f/k2")
