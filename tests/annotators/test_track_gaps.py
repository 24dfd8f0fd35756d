import numpy as np

from annotators.track_gaps import FilledBoxes, SeenBoxes, fill_gaps, hidden_or_taken


def test_a_hole_is_filled_on_straight_lines_from_both_sides():
    boxes = np.array([[0, 0, 10, 10], [30, 0, 50, 10]], np.float32)
    filled = fill_gaps(np.array([4, 7]), np.array([1, 1]), boxes, max_gap=2)
    assert filled.frame.tolist() == [5, 6]
    assert filled.distance.tolist() == [1, 1]
    np.testing.assert_allclose(filled.corners, [[10, 0, 70 / 3, 10], [20, 0, 110 / 3, 10]], rtol=1e-6)


def test_longer_holes_and_the_step_to_another_track_stay_open():
    boxes = np.zeros((3, 4), np.float32)
    assert len(fill_gaps(np.array([0, 4, 6]), np.array([1, 1, 2]), boxes, max_gap=2).frame) == 0
    assert len(fill_gaps(np.array([0, 4, 6]), np.array([1, 1, 2]), boxes, max_gap=3).frame) == 3
    assert len(fill_gaps(np.zeros(0, int), np.zeros(0, int), boxes[:0], max_gap=3).frame) == 0


def masked(filled_box: tuple[float, ...], filled_class: int, other_box: tuple[float, ...], other_class: int) -> bool:
    frame, one = np.array([5], np.int32), np.array([1], np.int32)
    filled = FilledBoxes(frame, one, np.array([filled_box], np.float32), one)
    seen = SeenBoxes(frame, one + 1, np.array([other_box], np.float32), np.array([other_class]))
    [mask] = hidden_or_taken(filled, np.array([filled_class]), seen)
    return bool(mask)


def test_no_box_is_filled_in_behind_a_nearer_thing():
    assert masked((20, 20, 30, 40), 0, (10, 10, 60, 50), 1)


def test_a_box_that_stands_nearer_than_what_overlaps_it_is_filled_in():
    assert not masked((20, 20, 30, 60), 0, (10, 10, 60, 50), 1)


def test_a_thing_that_another_track_of_its_class_labels_is_not_labelled_twice():
    assert masked((20, 20, 30, 40), 0, (21, 19, 31, 38), 0)
    assert not masked((20, 20, 30, 40), 0, (21, 19, 31, 38), 1)
