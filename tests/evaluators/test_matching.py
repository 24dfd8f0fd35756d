import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.matching import Detections, Truths, iou_matrix, match_detections, match_frame

NONE = np.zeros(0, bool)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def flags(*values):
    return np.array(values, bool)


def test_iou_of_hand_computed_pairs():
    first = boxes([0, 0, 10, 10], [0, 0, 0, 0])
    second = boxes([0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5], [0, 0, 0, 0])
    expected = [[1, 50 / 150, 0, 0], [0, 0, 0, 0]]
    assert iou_matrix(first, second) == pytest.approx(np.array(expected))


def test_iou_of_nothing_has_the_right_shape():
    assert iou_matrix(boxes(), boxes([0, 0, 1, 1])).shape == (0, 1)


box = st.tuples(*[st.floats(-50, 50, width=32)] * 2, *[st.floats(0.5, 50, width=32)] * 2)


@given(st.lists(box, min_size=1, max_size=5), st.lists(box, min_size=1, max_size=5))
def test_iou_is_symmetric_and_a_share(first, second):
    overlap = iou_matrix(boxes(*first), boxes(*second))
    assert overlap == pytest.approx(iou_matrix(boxes(*second), boxes(*first)).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-6)).all()


def test_the_better_detection_takes_the_object_and_the_second_is_a_mistake():
    truth = boxes([0, 0, 10, 10])
    matches = match_frame(boxes([1, 0, 10, 10], [0, 0, 10, 10]), truth, flags(False), (0.5,))
    assert matches.truth[:, 0].tolist() == [0, -1]


def test_a_detection_takes_the_object_that_it_overlaps_most():
    truths = boxes([0, 0, 10, 10], [3, 0, 10, 10])
    assert match_frame(boxes([3, 0, 10, 10]), truths, flags(False, False), (0.5,)).truth.tolist() == [[1]]


def test_an_overlap_equal_to_the_threshold_matches():
    # 10x10 against 10x5 within it: exactly 0.5.
    matches = match_frame(boxes([0, 0, 10, 5]), boxes([0, 0, 10, 10]), flags(False), (0.5, 0.55))
    assert matches.truth.tolist() == [[0, -1]]


def test_a_difficult_object_absorbs_any_number_of_detections():
    matches = match_frame(boxes([0, 0, 10, 10], [1, 0, 10, 10]), boxes([0, 0, 10, 10]), flags(True), (0.5,))
    assert matches.ignored.all()
    assert not matches.hit.any()


def test_a_clear_object_is_preferred_to_a_difficult_one_that_overlaps_more():
    truths = boxes([0, 0, 10, 10], [2, 0, 10, 10])
    matches = match_frame(boxes([0, 0, 10, 10]), truths, flags(True, False), (0.5,))
    assert matches.truth.tolist() == [[1]]
    assert matches.hit.all()


def test_frames_and_classes_are_matched_apart():
    detections = Detections(
        np.array([0, 1, 1]), np.array([0, 0, 1]), boxes(*[[0, 0, 10, 10]] * 3), np.array([0.9, 0.8, 0.7], np.float32)
    )
    truths = Truths(np.array([1]), np.array([1]), boxes([0, 0, 10, 10]), flags(False), np.ones(1, np.float32))
    assert match_detections(detections, truths, (0.5,)).truth[:, 0].tolist() == [-1, -1, 0]


def test_matching_follows_the_score_whatever_the_order_of_the_rows():
    detections = Detections(
        np.zeros(2, int), np.zeros(2, int), boxes([0, 0, 10, 10], [0, 0, 10, 9]), np.array([0.3, 0.9], np.float32)
    )
    truths = Truths(np.zeros(1, int), np.zeros(1, int), boxes([0, 0, 10, 10]), flags(False), np.ones(1, np.float32))
    assert match_detections(detections, truths, (0.5,)).truth[:, 0].tolist() == [-1, 0]
