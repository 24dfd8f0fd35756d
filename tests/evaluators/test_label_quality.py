import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.label_quality import (
    ClassIndex,
    judge_boxes,
    measure_classes,
    measure_conditions,
    measure_labels,
    ratio_interval,
    variance_inflation,
)

CLASSES = ClassIndex(("person", "vehicle"), {"person": "person", "car": "vehicle", "bus": "vehicle"})


def table(*rows, **more):
    """Rows of (clip_id, frame, class_name, x, y, w, h, confidence or difficult)."""
    names = ("clip_id", "frame", "class_name", "x", "y", "w", "h", *more)
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def tracks(*rows):
    return table(*rows, confidence=None)


def truth(*rows):
    return table(*rows, difficult=None)


def test_right_is_class_and_overlap_with_an_object_that_is_free():
    found = tracks(
        ("a", 0, "car", 0, 0, 10, 10, 0.9),  # right: a bus is a vehicle, too
        ("a", 0, "car", 0, 0, 10, 9, 0.8),  # the same object again
        ("a", 0, "person", 50, 0, 10, 10, 0.7),  # nothing there
        ("a", 1, "person", 0, 0, 10, 10, 0.6),  # another class is there
        ("b", 0, "person", 0, 0, 10, 10, 0.5),  # a difficult object: neither way
        ("b", 1, "cat", 0, 0, 10, 10, 0.9),  # not published
        ("z", 0, "car", 0, 0, 10, 10, 0.9),  # a clip that is not judged
    )
    there = truth(
        ("a", 0, "bus", 0, 0, 10, 10, False),
        ("a", 1, "car", 0, 0, 10, 10, False),
        ("b", 0, "person", 0, 0, 10, 10, True),
        ("z", 0, "car", 0, 0, 10, 10, False),
    )
    judgement = judge_boxes(found, there, ["a", "b"], CLASSES)
    assert judgement.boxes.right.tolist() == [True, False, False, False]
    assert judgement.rows.tolist() == [0, 1, 2, 3]
    assert judgement.objects.tolist() == [[0, 2], [0, 0]]


def test_figures_of_all_of_classes_and_of_conditions():
    clips = [f"c{place}" for place in range(10)]
    found = tracks(
        *((clip, frame, "car", 0, 0, 10, 10, 0.9) for clip in clips for frame in range(4)),
        *((clip, frame, "person", 30, 0, 10, 10, 0.9) for clip in clips for frame in range(4)),
    )
    there = truth(
        *((clip, frame, "bus", 0, 0, 10, 10, False) for clip in clips for frame in range(4)),
        *((clip, frame, "car", 60, 0, 10, 10, False) for clip in clips for frame in range(4)),
    )
    judgement = judge_boxes(found, there, clips, CLASSES)
    precision, recall = measure_labels(judgement)
    assert (precision.value, precision.count, recall.value, recall.count) == (0.5, 80, 0.5, 80)
    person, vehicle = measure_classes(judgement, CLASSES.names)
    assert (person.precision.value, person.recall.value, person.recall.count) == (0.0, None, 0)
    assert (vehicle.precision.value, vehicle.recall.value) == (1.0, 0.5)
    assert vehicle.precision.low < 1.0 == vehicle.precision.high
    attributes = [{"light": "day" if place < 6 else "night"} for place in range(10)]
    day, night = measure_conditions(judgement, attributes)
    assert (day.value, day.precision.count, day.precision.value) == ("day", 48, 0.5)
    assert (night.value, night.precision.clips, night.precision.value) == ("night", 4, None)


def test_too_little_is_said_to_be_too_little():
    assert ratio_interval(np.full(4, 90), np.full(4, 100)).value is None
    assert ratio_interval(np.full(5, 5), np.full(5, 5)).value is None
    assert ratio_interval(np.full(6, 5), np.full(6, 5)).value == 1.0


def test_the_interval_grows_when_clips_differ_and_when_much_was_fitted():
    whole = np.full(100, 50)
    alike, apart = np.full(100, 40), np.tile([50, 30], 50)
    assert ratio_interval(apart, whole).half_width > 1.5 * ratio_interval(alike, whole).half_width
    inflation = variance_inflation(100, 20.0)
    assert inflation == pytest.approx(99 / 79)
    assert ratio_interval(apart, whole, inflation).half_width > ratio_interval(apart, whole).half_width
    assert variance_inflation(10, 20.0) == 9.0


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=5, max_size=30))
def test_an_interval_holds_its_value_and_lies_within_0_and_1(pairs):
    part, whole = np.array([min(pair) for pair in pairs]), np.array([max(pair) for pair in pairs])
    share = ratio_interval(part, whole)
    if share.value is not None:
        assert 0 <= share.low <= share.value + 1e-4 and share.value - 1e-4 <= share.high <= 1


@pytest.mark.parametrize("true_share", [0.8, 0.95])
def test_the_interval_covers_the_true_share_in_95_of_100_draws_of_clips(true_share):
    """Boxes of a clip share their clip's luck: an interval for independent boxes would cover half of the time."""
    rng = np.random.default_rng(2)
    covered = naive = 0
    for _ in range(1000):
        whole = rng.integers(5, 120, 80)
        part = rng.binomial(whole, rng.beta(10 * true_share, 10 * (1 - true_share), 80))
        # Large clips are as good as small ones here, so the ratio estimates the mean share.
        share = ratio_interval(part, whole)
        covered += share.low <= true_share <= share.high
        reach = 1.96 * np.sqrt(share.value * (1 - share.value) / whole.sum())
        naive += abs(share.value - true_share) <= reach
    assert 925 <= covered <= 975
    assert naive < 850
