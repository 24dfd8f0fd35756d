import numpy as np
import pytest
from score_inputs import make_tracks

from annotators.agreement_scores import Agreement, compare_with_promise

ALL = np.ones(20, bool)


def compare(promised, tracks, evidence=ALL):
    agreement = compare_with_promise(promised, tracks, evidence)
    return agreement.share, agreement.surplus


def test_every_promised_object_shown_is_full_agreement():
    labels = make_tracks(("car", 0, 20), ("person", 0, 20), ("person", 5, 10))
    assert compare_with_promise({"car": 1, "person": 2}, labels, ALL) == Agreement(
        1.0, 0, shown_by_class={"car": 1, "person": 2}, surplus_by_class={}
    )


def test_missing_objects_lower_the_share_by_count_and_are_told_by_class():
    agreement = compare_with_promise({"car": 1, "person": 2}, make_tracks(("person", 0, 20)), ALL)
    assert agreement == Agreement(pytest.approx(1 / 3), 0, {"car": 0, "person": 1}, {})
    assert compare({"car": 1}, make_tracks()) == (0.0, 0)


def test_too_many_at_once_are_surplus_and_pieces_of_one_track_are_not():
    at_once = make_tracks(("car", 0, 20), ("car", 0, 20), ("car", 0, 3))
    in_pieces = make_tracks(("car", 0, 9), ("car", 11, 9))
    assert compare({"car": 1}, at_once) == (1.0, 2)
    assert compare({"car": 1}, in_pieces) == (1.0, 0)


def test_a_class_that_nobody_promised_is_surplus_of_that_class_alone():
    agreement = compare_with_promise({"car": 1}, make_tracks(("car", 0, 20), ("dog", 0, 20), ("dog", 0, 20)), ALL)
    assert (agreement.surplus, agreement.surplus_by_class) == (0, {"dog": 2})


def test_flickers_and_unbelieved_tracks_are_no_evidence():
    assert compare({"car": 1}, make_tracks(("car", 0, 2))) == (0.0, 0)
    assert compare({"car": 1}, make_tracks(("car", 0, 20), confidence=0.1)) == (0.0, 0)


def test_doubtful_tracks_keep_a_promise_and_are_no_surplus():
    doubtful = make_tracks(("car", 0, 20), ("car", 0, 20), confidence=0.4)
    assert compare({"car": 1}, doubtful) == (1.0, 0)


def test_black_and_repeated_frames_prove_nothing():
    frozen = np.arange(20) == 0
    halting = np.arange(20) % 4 == 0
    assert compare({"car": 1}, make_tracks(("car", 0, 20)), frozen) == (0.0, 0)
    assert compare({"car": 1}, make_tracks(("car", 0, 20)), np.zeros(20, bool)) == (0.0, 0)
    assert compare({"car": 1}, make_tracks(("car", 0, 20)), halting) == (1.0, 0)


def test_a_clip_shorter_than_any_track_must_be_still_counts():
    assert compare({"car": 1}, make_tracks(("car", 0, 1)), ALL[:1]) == (1.0, 0)


def test_nothing_promised_is_nothing_to_agree_with():
    assert compare_with_promise({}, make_tracks(("car", 0, 20)), ALL) is None
