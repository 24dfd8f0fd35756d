import math

import numpy as np
import pytest

from evaluators.detection import average_precision, evaluate_detections, mean_average_precision
from evaluators.matching import Detections, Truths


def detections(*rows):
    """Rows of frame, class, x, y, w, h, score."""
    table = np.array(rows, float).reshape(-1, 7)
    return Detections(
        table[:, 0].astype(int),
        table[:, 1].astype(int),
        table[:, 2:6].astype(np.float32),
        table[:, 6].astype(np.float32),
    )


def truths(*rows):
    """Rows of frame, class, x, y, w, h, visibility, difficult."""
    table = np.array(rows, float).reshape(-1, 8)
    return Truths(
        table[:, 0].astype(int),
        table[:, 1].astype(int),
        table[:, 2:6].astype(np.float32),
        table[:, 7].astype(bool),
        table[:, 6].astype(np.float32),
    )


BOX = (0, 0, 30, 30)
FAR = (100, 100, 30, 30)


def ranked(*hits):
    return np.linspace(0.9, 0.1, len(hits)).astype(np.float32), np.array(hits, bool)


@pytest.mark.parametrize(
    ("hits", "positives", "expected"),
    [
        ((True, True), 2, 1.0),
        ((False, False), 2, 0.0),
        ((), 2, 0.0),
        # Precision 1 up to recall 0.5 (51 of the 101 points), then 0: the second object is never found.
        ((True, False), 2, 51 / 101),
        # Found second and third: precision 1/2 then 2/3, the envelope is 2/3 everywhere.
        ((False, True, True), 2, 2 / 3),
        # 1 up to recall 1/2, then 2/3 to the end.
        ((True, False, True), 2, (51 + 50 * 2 / 3) / 101),
    ],
)
def test_average_precision_of_hand_computed_rankings(hits, positives, expected):
    assert average_precision(*ranked(*hits), positives) == pytest.approx(expected)


def test_average_precision_without_objects_is_undefined():
    assert math.isnan(average_precision(*ranked(False), 0))


def test_perfect_boxes_score_one_and_wrong_classes_zero():
    truth = truths([0, 0, *BOX, 1, 0], [0, 1, *FAR, 1, 0])
    assert mean_average_precision(detections([0, 0, *BOX, 0.9], [0, 1, *FAR, 0.8]), truth, ("a", "b")).map50_95 == 1
    assert mean_average_precision(detections([0, 1, *BOX, 0.9], [0, 0, *FAR, 0.8]), truth, ("a", "b")).map50_95 == 0


def test_a_shifted_box_counts_up_to_its_overlap():
    # 30x30 shifted by 6: 24/36 = 0.667 overlap: right at 0.50, 0.55, 0.60, 0.65, wrong at the other six.
    report = evaluate_detections(detections([0, 0, 6, 0, 30, 30, 0.9]), truths([0, 0, *BOX, 1, 0]), ("a",))
    assert report.overall.map50_95 == pytest.approx(0.4)
    assert report.overall.map50 == 1


def test_classes_without_objects_are_left_out_of_the_mean():
    report = evaluate_detections(detections([0, 0, *BOX, 0.9]), truths([0, 0, *BOX, 1, 0]), ("a", "b"))
    assert report.overall.map50_95 == 1
    assert math.isnan(report.classes[1].map50_95)


def test_difficult_objects_neither_ask_nor_punish():
    truth = truths([0, 0, *BOX, 1, 0], [0, 0, *FAR, 0.1, 1])
    with_it = evaluate_detections(detections([0, 0, *FAR, 0.95], [0, 0, *BOX, 0.9]), truth, ("a",))
    without = evaluate_detections(detections([0, 0, *BOX, 0.9]), truth, ("a",))
    assert (with_it.overall, with_it.point) == (without.overall, without.point)
    assert with_it.overall.map50_95 == 1
    assert with_it.overall.objects == 1


def test_a_false_detection_above_all_others_costs_precision():
    report = evaluate_detections(detections([0, 0, *FAR, 0.95], [0, 0, *BOX, 0.9]), truths([0, 0, *BOX, 1, 0]), ("a",))
    assert report.overall.map50_95 == pytest.approx(0.5)


def test_the_operating_point_counts_detections_from_the_threshold_on():
    found = detections([0, 0, *BOX, 0.25], [0, 0, *FAR, 0.5], [0, 0, 200, 0, 30, 30, 0.2])
    truth = truths([0, 0, *BOX, 1, 0], [1, 0, *BOX, 1, 0], [1, 0, *FAR, 1, 0])
    point = evaluate_detections(found, truth, ("a",), threshold=0.25).point
    assert (point.true_positives, point.false_positives, point.missed) == (1, 1, 2)
    assert (point.precision, point.recall, point.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))


def test_sizes_are_judged_apart():
    small, large = (0, 0, 10, 10), (100, 0, 60, 60)
    truth = truths([0, 0, *small, 1, 0], [0, 0, *large, 1, 0])
    report = evaluate_detections(detections([0, 0, *large, 0.9], [0, 0, 200, 0, 12, 12, 0.95]), truth, ("a",))
    by_name = {size.name: size for size in report.sizes}
    # The stray small box is a mistake among the small ones only.
    assert by_name["large"].map50_95 == 1
    assert by_name["small"].map50_95 == 0
    assert math.isnan(by_name["medium"].map50_95)


def test_recall_by_visibility_counts_found_objects_of_each_band():
    truth = truths([0, 0, *BOX, 0.3, 0], [0, 0, *FAR, 0.9, 0], [1, 0, *FAR, 0.9, 0])
    report = evaluate_detections(detections([0, 0, *FAR, 0.9]), truth, ("a",))
    by_name = {band.name: (band.recall50, band.objects) for band in report.visibilities}
    assert by_name["0.25-0.50"] == (0, 1)
    assert by_name["0.80-1.00"] == (0.5, 2)


def test_nothing_detected_is_zero_and_not_an_error():
    report = evaluate_detections(detections(), truths([0, 0, *BOX, 1, 0]), ("a",))
    assert report.overall.map50_95 == 0
    assert report.point.missed == 1


def test_agrees_with_the_average_precision_of_ultralytics():
    from ultralytics.utils.metrics import ap_per_class

    rng = np.random.default_rng(3)
    frames, count = 40, 200
    truth_box = np.c_[rng.uniform(0, 250, (count, 2)), rng.uniform(10, 60, (count, 2))]
    truth = truths(
        *np.c_[rng.integers(0, frames, count), rng.integers(0, 3, count), truth_box, np.ones(count), np.zeros(count)]
    )
    seen = rng.random(count) < 0.85
    found_box = truth_box[seen] + rng.normal(0, 2, (int(seen.sum()), 4))
    stray = np.c_[
        rng.integers(0, frames, 60),
        rng.integers(0, 3, 60),
        rng.uniform(0, 250, (60, 2)),
        rng.uniform(10, 60, (60, 2)),
        rng.random(60) * 0.6,
    ]
    found = detections(
        *np.c_[truth.frame[seen], truth.class_index[seen], found_box, 0.3 + 0.7 * rng.random(int(seen.sum()))], *stray
    )
    from evaluators.matching import match_detections

    ours = evaluate_detections(found, truth, ("a", "b", "c"))
    hit = match_detections(found, truth).hit
    theirs = ap_per_class(hit, found.score, found.class_index, truth.class_index)[5]
    # Ultralytics integrates between its 101 points, COCO averages at them.
    assert ours.overall.map50_95 == pytest.approx(theirs.mean(), abs=0.01)
    assert [c.map50 for c in ours.classes] == pytest.approx(theirs[:, 0], abs=0.02)
