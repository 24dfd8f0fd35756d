import numpy as np
import pyarrow as pa
import pytest

from schemas.row_order import encode_names, find_order, group_rows, place_names, sort_rows


def table(rows=200, seed=0, dictionary=False):
    random = np.random.default_rng(seed)
    names = pa.array([f"clip-{number}" for number in random.integers(0, 12, rows)])
    return pa.table(
        {
            "clip_id": names.dictionary_encode() if dictionary else names,
            "frame": random.integers(0, 5, rows).astype(np.int32),
            "place": np.arange(rows),
        }
    )


@pytest.mark.parametrize("dictionary", [False, True])
def test_rows_are_sorted_as_arrow_sorts_them(dictionary):
    unsorted = table(dictionary=dictionary)
    keys = ["clip_id", "frame", "place"]
    plain = unsorted.set_column(0, "clip_id", unsorted["clip_id"].cast(pa.string()))
    found = sort_rows(unsorted, keys)
    assert found["place"].to_pylist() == plain.sort_by([(key, "ascending") for key in keys])["place"].to_pylist()


def test_equal_rows_keep_their_order():
    places = sort_rows(table(), ["clip_id", "frame"])
    groups = places.group_by(["clip_id", "frame"]).aggregate([("place", "list")])
    assert all(group == sorted(group) for group in groups["place_list"].to_pylist())


def test_what_is_sorted_is_not_copied():
    done = sort_rows(table(), ["clip_id", "frame"])
    assert sort_rows(done, ["clip_id", "frame"]) is done
    assert find_order([np.array([1, 1, 2]), np.array([3, 4, 0])]) is None
    assert find_order([np.array([1, 1, 2]), np.array([4, 3, 0])]).tolist() == [1, 0, 2]


def test_nulls_come_last():
    assert sort_rows(pa.table({"a": ["b", None, "a"]}), ["a"])["a"].to_pylist() == ["a", "b", None]


def test_groups_are_equal_where_all_columns_are():
    first, second = np.array([0, 0, 1, 1, 0]), np.array([7, 8, 7, 7, 7])
    groups = group_rows(first, second)
    assert groups[0] == groups[4]
    assert groups[2] == groups[3]
    assert len(set(groups.tolist())) == 3


def test_names_have_the_place_that_they_are_known_by():
    column = pa.chunked_array([pa.array(["b", "a"]), pa.array(["z", "b"])]).dictionary_encode()
    assert place_names(column, pa.array(["a", "b"])).tolist() == [1, 0, -1, 1]
    assert place_names(pa.chunked_array([], pa.string()), pa.array(["a"])).tolist() == []


def test_the_names_of_no_rows_are_none():
    names, codes = encode_names(pa.chunked_array([], pa.string()))
    assert (len(names), len(codes)) == (0, 0)
