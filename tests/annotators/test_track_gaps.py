import numpy as np

from annotators.detections import Detections
from annotators.track_gaps import FilledBoxes, fill_gaps, hidden_or_taken, seen_in_gaps
from annotators.trackers import Observations


def observations(detections: Detections, rows: list[int], tracks: list[int]) -> Observations:
    part = detections.rows(np.array(rows))
    return Observations(
        part.frame, np.array(tracks, np.int32), part.corners, part.score, part.class_index, np.array(rows, np.int32)
    )


def detections(*rows: tuple[int, tuple[float, ...], float]) -> Detections:
    frames, boxes, scores = zip(*rows, strict=True)
    return Detections(
        np.array(frames, np.int32),
        np.array(boxes, np.float32),
        np.array(scores, np.float32),
        np.zeros(len(rows), np.int32),
    )


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


def test_a_faint_detection_at_the_expected_place_closes_a_hole():
    found = detections(
        (0, (0, 0, 10, 10), 0.9), (1, (1, 0, 11, 10), 0.05), (1, (50, 0, 60, 10), 0.08), (2, (2, 0, 12, 10), 0.9)
    )
    track, row = seen_in_gaps(observations(found, [0, 3], [7, 7]), found, max_gap=5)
    assert (track.tolist(), row.tolist()) == ([7], [1])


def test_a_detection_that_a_track_holds_is_not_taken_from_it():
    found = detections((0, (0, 0, 10, 10), 0.9), (1, (1, 0, 11, 10), 0.5), (2, (2, 0, 12, 10), 0.9))
    track, _ = seen_in_gaps(observations(found, [0, 1, 2], [7, 8, 7]), found, max_gap=5)
    assert len(track) == 0


def test_one_detection_fills_one_of_two_holes_the_better_one():
    found = detections(
        (0, (0, 0, 10, 10), 0.9), (0, (3, 0, 13, 10), 0.9), (1, (2.5, 0, 12.5, 10), 0.05),
        (2, (0, 0, 10, 10), 0.9), (2, (3, 0, 13, 10), 0.9),
    )  # fmt: skip
    seen = observations(found, [0, 3, 1, 4], [1, 1, 2, 2])
    track, row = seen_in_gaps(seen, found, max_gap=5)
    assert (track.tolist(), row.tolist()) == ([2], [2])


def masked(filled_box: tuple[float, ...], filled_class: int, other_box: tuple[float, ...], other_class: int) -> bool:
    found = detections((5, other_box, 0.9))
    one = np.array([1], np.int32)
    filled = FilledBoxes(np.array([5], np.int32), one, np.array([filled_box], np.float32), one)
    seen = observations(found, [0], [2])
    [mask] = hidden_or_taken(filled, np.array([filled_class]), seen, seen.corners, np.array([other_class]))
    return bool(mask)


def test_no_box_is_filled_in_behind_a_nearer_thing():
    assert masked((20, 20, 30, 40), 0, (10, 10, 60, 50), 1)


def test_a_box_that_stands_nearer_than_what_overlaps_it_is_filled_in():
    assert not masked((20, 20, 30, 60), 0, (10, 10, 60, 50), 1)


def test_a_thing_that_another_track_of_its_class_labels_is_not_labelled_twice():
    assert masked((20, 20, 30, 40), 0, (21, 19, 31, 38), 0)
    assert not masked((20, 20, 30, 40), 0, (21, 19, 31, 38), 1)
