import numpy as np
import pytest

from evaluators.calibration import (
    JudgedBoxes,
    apply_curve,
    apply_unseen,
    expected_calibration_error,
    fit_curve,
    fit_fold_curves,
)

NAMES = ("car", "dog")
WEATHERS = ("clear", "fog")


def draw_boxes(clips=60, each=40, *, seed=0, right_by=lambda score, kind, fog: score**2):
    """Boxes whose chance of being right is ``right_by(score, class, fog)``; every second clip is foggy."""
    rng = np.random.default_rng(seed)
    clip = np.repeat(np.arange(clips), each)
    kind, score = rng.integers(0, 2, len(clip)), rng.uniform(0.02, 0.98, len(clip))
    chance = np.array([right_by(*row) for row in zip(score, kind, clip % 2, strict=True)])
    attributes = [{"weather": WEATHERS[place % 2]} for place in range(clips)]
    return JudgedBoxes(clip, kind, score, rng.random(len(clip)) < chance), attributes


def probability_of(curve, score, name="car", weather="clear"):
    terms, offset = curve.class_terms([name]), curve.condition_offset({"weather": weather})
    return float(curve.probabilities(np.array([score]), terms, np.array([offset]))[0])


def test_eight_in_ten_are_right_where_the_curve_says_so():
    boxes, attributes = draw_boxes(clips=200)
    curve = fit_curve(boxes, NAMES, attributes)
    later, more = draw_boxes(clips=200, seed=1)
    probability = apply_curve(curve, later, NAMES, more)
    claimed = (probability > 0.75) & (probability < 0.85)
    assert later.right[claimed].mean() == pytest.approx(0.8, abs=0.04)
    assert expected_calibration_error(probability, later.right) < 0.03
    assert expected_calibration_error(later.confidence, later.right) > 0.1  # what it mends


def test_a_higher_score_is_never_worth_less():
    boxes, attributes = draw_boxes(right_by=lambda score, kind, fog: 1 - score)  # a score that misleads
    curve = fit_curve(boxes, NAMES, attributes)
    values = [probability_of(curve, score) for score in np.linspace(0, 1, 30)]
    assert (np.diff(values) >= 0).all()


def test_a_class_that_was_seen_often_has_a_curve_of_its_own():
    boxes, attributes = draw_boxes(clips=200, right_by=lambda score, kind, fog: 0.9 if kind else 0.5)
    curve = fit_curve(boxes, NAMES, attributes)
    assert probability_of(curve, 0.5, "dog") == pytest.approx(0.9, abs=0.04)
    assert probability_of(curve, 0.5, "car") == pytest.approx(0.5, abs=0.06)


def test_a_class_that_was_hardly_seen_is_drawn_to_what_all_classes_share():
    boxes, attributes = draw_boxes(right_by=lambda score, kind, fog: 0.7)
    few = (boxes.class_index == 1) & (np.arange(len(boxes)) > 8)
    boxes = boxes.take(~few)
    boxes.right[boxes.class_index == 1] = False  # a few boxes of one clip, all wrong
    curve = fit_curve(boxes, NAMES, attributes)
    assert 0.35 < probability_of(curve, 0.5, "dog") < 0.7


def test_a_class_or_condition_that_was_never_seen_gets_the_shared_curve():
    boxes, attributes = draw_boxes()
    curve = fit_curve(boxes, NAMES, attributes)
    assert probability_of(curve, 0.5, "zebra", "hail") == pytest.approx(0.25, abs=0.1)


def test_conditions_count_where_there_is_data():
    boxes, attributes = draw_boxes(clips=200, right_by=lambda score, kind, fog: 0.6 if fog else 0.85)
    curve = fit_curve(boxes, NAMES, attributes)
    assert probability_of(curve, 0.5, weather="clear") - probability_of(curve, 0.5, weather="fog") > 0.15
    assert curve.degrees > 2


def test_boxes_of_one_clip_do_not_pass_for_independent_ones():
    """Clips are wholly right or wholly wrong: ten clips of fog say little, however many boxes they have."""
    rng = np.random.default_rng(3)
    fate = rng.random(20) < 0.5
    fate[::2] = fate[::2] | (rng.random(10) < 0.5)
    lone, many = (
        fit_curve(
            JudgedBoxes(
                np.repeat(np.arange(20), each),
                np.zeros(20 * each, np.int64),
                np.full(20 * each, 0.5),
                np.repeat(fate, each),
            ),
            NAMES,
            [{"weather": WEATHERS[place % 2]} for place in range(20)],
        )
        for each in (1, 100)
    )
    effects = [max(abs(term.offset) for term in curve.conditions) for curve in (lone, many)]
    assert effects[1] < 2 * effects[0] + 0.05


def test_an_axis_of_free_texts_is_no_condition():
    boxes, _ = draw_boxes(clips=100)
    curve = fit_curve(boxes, NAMES, [{"text": f"scene {place}"} for place in range(100)])
    assert curve.conditions == ()


def test_weights_count_clips_as_often_as_they_were_drawn():
    boxes, attributes = draw_boxes(clips=20)
    weights = np.array([2.0] * 5 + [0.0] * 5 + [1.0] * 10)
    drawn = np.repeat(np.arange(20), weights.astype(int))
    rows = np.concatenate([np.flatnonzero(boxes.clip == clip) for clip in drawn])
    place = np.repeat(np.arange(len(drawn)), 40)
    copied = JudgedBoxes(place, boxes.class_index[rows], boxes.confidence[rows], boxes.right[rows])
    by_weight = fit_curve(boxes, NAMES, attributes, weights)
    by_copy = fit_curve(copied, NAMES, [attributes[clip] for clip in drawn])
    assert probability_of(by_weight, 0.7) == pytest.approx(probability_of(by_copy, 0.7), abs=0.05)


def test_a_fold_curve_has_not_seen_its_clips():
    boxes, attributes = draw_boxes(clips=30)
    before = fit_fold_curves(boxes, NAMES, attributes)
    flipped = JudgedBoxes(
        boxes.clip,
        boxes.class_index,
        boxes.confidence,
        np.where(boxes.clip % len(before) == 3, ~boxes.right, boxes.right),
    )
    after = fit_fold_curves(flipped, NAMES, attributes)
    assert [old == new for old, new in zip(before, after, strict=True)] == [place == 3 for place in range(len(before))]
    unseen = apply_unseen(before, boxes, NAMES, attributes)
    third = boxes.clip % len(before) == 3
    assert unseen[third] == pytest.approx(apply_curve(before[3], boxes.take(third), NAMES, attributes))


def test_nothing_to_learn_from_is_refused():
    boxes, attributes = draw_boxes(clips=1)
    with pytest.raises(ValueError, match="at least 2 clips, got 1"):
        fit_fold_curves(boxes, NAMES, attributes)
    with pytest.raises(ValueError, match="at least one judged box"):
        fit_curve(boxes, NAMES, attributes, np.zeros(1))


def test_the_error_of_a_hand_computed_case():
    probability = np.array([0.9, 0.9, 0.9, 0.9, 0.3, 0.3])
    right = np.array([True, True, True, False, False, True])
    assert expected_calibration_error(probability, right) == pytest.approx((4 * 0.15 + 2 * 0.2) / 6)
    assert np.isnan(expected_calibration_error(probability[:0], right[:0]))
