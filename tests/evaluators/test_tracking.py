import math

import numpy as np
import pytest

from evaluators.tracking import TrackedBoxes, evaluate_tracks


def tracks(*rows):
    """Rows of frame, track, class, x, and optionally whether difficult; boxes are 10x10 at (x, 0)."""
    table = np.array([(*row, 0)[:5] for row in rows], float).reshape(-1, 5)
    box = np.c_[table[:, 3], np.zeros(len(table)), np.full((len(table), 2), 10)].astype(np.float32)
    return TrackedBoxes(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2].astype(int), box, table[:, 4] > 0)


def walk(track, frames, x=0, cls=0):
    return [(frame, track, cls, x) for frame in frames]


def test_the_truth_itself_is_perfect():
    truth = tracks(*walk(1, range(4)), *walk(2, range(4), x=50))
    report = evaluate_tracks(truth, truth)
    assert (report.idf1, report.switches) == (1, 0)


def test_a_track_broken_in_two_keeps_only_its_longer_part():
    report = evaluate_tracks(tracks(*walk(7, range(6)), *walk(8, range(6, 10))), tracks(*walk(1, range(10))))
    # 6 boxes agree; 2 * 6 / (10 + 10).
    assert (report.agreed, report.switches) == (6, 1)
    assert report.idf1 == pytest.approx(0.6)


def test_swapped_identities_are_two_switches():
    truth = tracks(*walk(1, range(4)), *walk(2, range(4), x=50))
    swapped = tracks(*walk(1, (0, 1)), *walk(1, (2, 3), x=50), *walk(2, (0, 1), x=50), *walk(2, (2, 3)))
    report = evaluate_tracks(swapped, truth)
    assert report.switches == 2
    assert report.idf1 == pytest.approx(0.5)


def test_misses_and_strays_lower_recall_and_precision():
    report = evaluate_tracks(tracks(*walk(1, (0, 1)), *walk(9, (0, 1), x=200)), tracks(*walk(1, range(4))))
    assert (report.id_recall, report.id_precision, report.idf1) == pytest.approx((0.5, 0.5, 0.5))


def test_another_class_does_not_agree():
    assert evaluate_tracks(tracks(*walk(1, range(3), cls=1)), tracks(*walk(1, range(3)))).idf1 == 0


def test_predictions_on_difficult_objects_count_neither_way():
    truth = tracks(*walk(1, range(3)), (0, 2, 0, 50, 1), (1, 2, 0, 50, 1))
    report = evaluate_tracks(tracks(*walk(1, range(3)), *walk(5, (0, 1), x=50)), truth)
    assert (report.idf1, report.truths, report.predictions) == (1, 3, 3)


def test_an_identity_that_still_overlaps_is_kept_although_another_overlaps_more():
    truth = tracks(*walk(1, range(3)))
    predicted = tracks((0, 1, 0, 0), (1, 1, 0, 3), (1, 2, 0, 0), (2, 1, 0, 0))
    assert evaluate_tracks(predicted, truth).switches == 0


def test_nothing_at_all_is_undefined():
    assert math.isnan(evaluate_tracks(tracks(), tracks()).idf1)
    assert evaluate_tracks(tracks(), tracks(*walk(1, range(2)))).idf1 == 0
