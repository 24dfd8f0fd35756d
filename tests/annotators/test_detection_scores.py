import pytest
from score_inputs import make_detections

from annotators.detection_scores import score_detections

SIZE = (160, 96)


def car(frame, *, x=40.0, name="car", score=0.9, side=20.0):
    return (frame, name, x, 40.0, side, side, score)


def test_a_detection_in_every_frame_is_steady():
    scores = score_detections(make_detections(*(car(frame, x=40 + 2 * frame) for frame in range(6))), 6, SIZE)
    assert (scores.box_flicker, scores.class_flicker, scores.size_jitter) == (0, 0, pytest.approx(0, abs=1e-6))


def test_detections_that_come_and_go_flicker():
    scores = score_detections(make_detections(*(car(frame) for frame in (0, 2, 4))), 6, SIZE)
    assert (scores.box_flicker, scores.class_flicker) == (1.0, None)


def test_one_missing_frame_costs_its_two_neighbours():
    scores = score_detections(make_detections(*(car(frame) for frame in (0, 1, 3, 4))), 5, SIZE)
    assert scores.box_flicker == pytest.approx(2 / 6)


def test_objects_that_cross_the_border_may_come_and_go():
    scores = score_detections(make_detections(car(0), car(1), car(1, x=0.0), car(2)), 3, SIZE)
    assert scores.box_flicker == 0


def test_classes_that_alternate_flicker_and_boxes_do_not():
    scores = score_detections(
        make_detections(*(car(frame, name=("car", "truck")[frame % 2]) for frame in range(5))), 5, SIZE
    )
    assert (scores.box_flicker, scores.class_flicker) == (0, 1)


def test_sizes_that_swing_are_jitter_and_a_steady_approach_is_none():
    swinging = make_detections(*(car(frame, side=20 + 2 * (frame % 2)) for frame in range(6)))
    growing = make_detections(*(car(frame, side=20 * 1.05**frame) for frame in range(6)))
    assert score_detections(swinging, 6, SIZE).size_jitter == pytest.approx(0.19, abs=0.01)
    assert score_detections(growing, 6, SIZE).size_jitter == pytest.approx(0, abs=1e-5)


def test_what_the_detector_does_not_stand_by_says_nothing():
    scores = score_detections(make_detections(*(car(frame, score=0.1) for frame in (0, 2))), 4, SIZE)
    assert (scores.box_flicker, scores.class_flicker, scores.size_jitter) == (None, None, None)


def test_two_objects_keep_apart():
    rows = [row for frame in range(4) for row in (car(frame), car(frame, x=50.0, name="dog"))]
    scores = score_detections(make_detections(*rows), 4, SIZE)
    assert (scores.box_flicker, scores.class_flicker) == (0, 0)
