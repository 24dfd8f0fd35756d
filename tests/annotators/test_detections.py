import numpy as np

from annotators.detections import (
    Detections,
    detections_from_frames,
    detections_from_table,
    detections_to_table,
    join_detections,
    no_detections,
)
from schemas import tables

NAMES = ("person", "car", "dog")


def three_frames() -> Detections:
    rows = np.array([[1, 2, 11.5, 22, 0.9, 1], [5, 5, 6, 7, 0.04, 2]], np.float32)
    return detections_from_frames([rows, np.zeros((0, 6), np.float32), rows[:1]])


def test_frames_are_numbered_and_empty_ones_hold_nothing():
    found = three_frames()
    assert found.frame.tolist() == [0, 0, 2]
    assert found.first_rows(3).tolist() == [0, 2, 2, 3]


def test_a_table_gives_back_what_went_in():
    found = three_frames()
    table = detections_to_table(found, NAMES)
    assert table.schema.equals(tables.DETECTIONS)
    back = detections_from_table(table, NAMES)
    np.testing.assert_array_equal(back.corners, found.corners)
    np.testing.assert_array_equal(back.score, found.score)
    assert back.class_index.tolist() == [1, 2, 1]


def test_classes_are_matched_by_name_not_by_index():
    table = detections_to_table(three_frames(), NAMES)
    assert detections_from_table(table, ("dog", "car")).class_index.tolist() == [1, 0, 1]
    assert len(detections_from_table(table, ("dog",))) == 1


def test_an_empty_clip_makes_an_empty_table_and_comes_back():
    table = detections_to_table(no_detections(), NAMES)
    assert table.num_rows == 0
    assert len(detections_from_table(table, NAMES)) == 0
    assert len(detections_from_frames([])) == len(join_detections([])) == 0
