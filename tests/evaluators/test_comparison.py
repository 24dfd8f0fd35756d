import numpy as np
import pytest

from evaluators.comparison import compare_paired
from evaluators.detection import mean_average_precision
from evaluators.matching import Detections, Truths

CLIPS = 12


def truths():
    count = CLIPS
    box = np.tile(np.array([0, 0, 30, 30], np.float32), (count, 1))
    return Truths(np.arange(count), np.zeros(count, int), box, np.zeros(count, bool), np.ones(count, np.float32))


def shifted(pixels):
    """One detection a clip, ``pixels[c]`` to the right of the object."""
    box = np.array([[shift, 0, 30, 30] for shift in pixels], np.float32)
    return Detections(np.arange(CLIPS), np.zeros(CLIPS, int), box, np.linspace(0.9, 0.5, CLIPS).astype(np.float32))


def compare(candidate, incumbent, **options):
    clip = np.arange(CLIPS)
    return compare_paired(candidate, incumbent, truths(), (clip, clip, clip), 1, clips=CLIPS, **options)


def test_the_difference_is_that_of_the_mean_average_precisions():
    good, poor = shifted([1] * CLIPS), shifted([1, 9] * (CLIPS // 2))
    expected = (
        mean_average_precision(good, truths(), ("a",)).map50_95
        - mean_average_precision(poor, truths(), ("a",)).map50_95
    )
    assert compare(good, poor).difference == pytest.approx(expected)


def test_what_is_better_on_every_clip_is_better():
    found = compare(shifted([1] * CLIPS), shifted([6] * CLIPS))
    assert found.is_better
    assert found.low == pytest.approx(found.high)


def test_the_same_detector_is_no_better_than_itself():
    found = compare(shifted([3] * CLIPS), shifted([3] * CLIPS))
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert not found.is_better


def test_a_gain_on_one_clip_alone_is_not_shown():
    found = compare(shifted([0, *[6] * (CLIPS - 1)]), shifted([6] * CLIPS))
    assert found.difference > 0
    assert not found.is_better


def test_a_repeated_comparison_is_equal():
    one, other = shifted(range(CLIPS)), shifted(range(CLIPS, 0, -1))
    assert compare(one, other) == compare(one, other)


def test_no_clips_are_no_comparison():
    with pytest.raises(ValueError, match="at least one clip"):
        compare_paired(shifted(range(CLIPS)), shifted(range(CLIPS)), truths(), (np.zeros(0, int),) * 3, 1, clips=0)
