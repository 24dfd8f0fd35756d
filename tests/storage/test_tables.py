import pytest

from schemas.errors import StoreError
from schemas.tables import DETECTIONS, TRUTH, table_from_columns
from storage.clips import commit_clip
from storage.commits import commit_table
from storage.tables import gather_tables, gather_truth


def _detections(class_name, rows):
    columns = {name: [1.0] * rows for name in DETECTIONS.names}
    return table_from_columns(DETECTIONS, columns | {"frame": list(range(rows)), "class_name": [class_name] * rows})


def test_commits_are_gathered_in_the_order_of_their_keys(store):
    commit_table(store, "detections", "f", "b", _detections("car", 2))
    commit_table(store, "detections", "f", "a", _detections("dog", 1))
    commit_table(store, "detections", "f", "c", _detections("bus", 0))
    table = gather_tables(store, "detections", "f", ["b", "c", "a"], DETECTIONS)
    assert table.column_names == ["clip_id", *DETECTIONS.names]
    assert table["clip_id"].to_pylist() == ["b", "b", "a"]
    assert table["class_name"].to_pylist() == ["car", "car", "dog"]
    assert table["frame"].to_pylist() == [0, 1, 0]


def test_dictionaries_of_different_clips_become_one(store):
    commit_table(store, "detections", "f", "a", _detections("car", 1))
    commit_table(store, "detections", "f", "b", _detections("dog", 1))
    column = gather_tables(store, "detections", "f", ["a", "b"], DETECTIONS)["class_name"]
    assert all(chunk.dictionary.equals(column.chunk(0).dictionary) for chunk in column.chunks)


def test_the_front_column_may_differ_from_the_key_and_have_another_name(store):
    commit_table(store, "detections", "f", "media", _detections("car", 1))
    table = gather_tables(store, "detections", "f", {"x": "media", "y": "media"}, DETECTIONS, with_key="clip")
    assert table["clip"].to_pylist() == ["x", "y"]


def test_nothing_gathered_is_a_table_without_rows(store):
    table = gather_tables(store, "detections", "f", [], DETECTIONS)
    assert table.num_rows == 0
    commit_table(store, "detections", "f", "a", _detections("car", 1))
    assert table.schema.equals(gather_tables(store, "detections", "f", ["a"], DETECTIONS).schema)


def test_a_missing_commit_is_named(store):
    commit_table(store, "detections", "f", "a", _detections("car", 1))
    with pytest.raises(StoreError, match="objects/detections/f/b"):
        gather_tables(store, "detections", "f", ["a", "b"], DETECTIONS)


def test_truth_is_gathered_for_the_clips_that_have_it(store, encoded, record, truth):
    from dataclasses import replace

    commit_clip(store, record, encoded.path, truth)
    without = commit_clip(store, replace(record, clip_id="d" * 32, has_truth=False), encoded.path, None)
    table = gather_truth(store, [without, record])
    assert table.column_names == ["clip_id", *TRUTH.names]
    assert table["clip_id"].to_pylist() == [record.clip_id] * truth.num_rows
    assert table.drop_columns("clip_id").equals(truth)
