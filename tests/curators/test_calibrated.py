import numpy as np
import pytest
from curation_inputs import make_clips, make_recipe, make_tracks

from curators.calibrated import calibrate_tracks, calibrate_unseen_tracks, unmeasured_conditions
from schemas.calibration import MAX_AXIS_VALUES, Calibration, ClassTerm, ConditionTerm, ConfidenceCurve, Subject

RECIPE = make_recipe(classes={"vehicle": ["car", "bus"]})
CLIPS = make_clips(("a", "fog"), ("b", "clear"))


def curve(shift=0.0):
    return ConfidenceCurve(
        scores=(0.0, 1.0),
        logits=(-2.0 + shift, 2.0 + shift),
        classes=(ClassTerm(name="vehicle", offset=1.0, slope=2.0),),
        conditions=(ConditionTerm(axis="weather", value="fog", offset=-3.0),),
    )


def calibration(*folds, clips=("a", "b")):
    subject = Subject(generator="g", generator_version="1", annotator="f", frames=8, fps=8, width=64, height=48)
    return Calibration(
        subject=subject, basis="truth", clips=clips, curve=curve(), fold_curves=folds or (curve(),), boxes=9, error=0.0
    )


def logits(tracks):
    confidence = tracks["confidence"].to_numpy().astype(float)
    return np.log(confidence / (1 - confidence))


def test_class_and_condition_move_the_shared_curve():
    tracks = make_tracks(("a", 0, 1, "car", 0.5), ("b", 0, 1, "bus", 0.75), ("b", 0, 2, "tree", 0.75))
    calibrated = calibrate_tracks(tracks, CLIPS, calibration(), RECIPE)
    assert logits(calibrated) == pytest.approx([1.0 - 3.0, 1.0 + 2 * 1.0, 1.0], abs=1e-5)
    assert calibrated.schema == tracks.schema
    assert calibrated["score"].to_pylist() == tracks["score"].to_pylist()


def test_a_confidence_that_is_not_known_stays_unknown():
    tracks = make_tracks(("b", 0, 1, "car", float("nan")))
    assert np.isnan(calibrate_tracks(tracks, CLIPS, calibration(), RECIPE)["confidence"][0].as_py())


def test_no_tracks_are_no_problem():
    assert len(calibrate_tracks(make_tracks().slice(0, 0), CLIPS, calibration(), RECIPE)) == 0


def test_clips_of_the_calibration_go_through_the_curve_that_has_not_seen_them():
    tracks = make_tracks(("a", 0, 1, "tree", 0.5), ("b", 0, 1, "tree", 0.5), ("a", 1, 1, "tree", 0.5))
    known = calibration(curve(10.0), curve(5.0), clips=("b", "a"))  # b is of the first fold
    calibrated = calibrate_unseen_tracks(tracks, make_clips(("a", "clear"), ("b", "clear")), known, RECIPE)
    assert logits(calibrated) == pytest.approx([5.0, 10.0, 5.0], abs=1e-2)


def test_conditions_that_were_not_measured_are_named():
    clips = make_clips(("a", "fog"), ("b", "hail"))
    assert unmeasured_conditions(clips, calibration()) == ["weather: hail"]
    assert unmeasured_conditions(make_clips(("a", "fog")), calibration()) == []


@pytest.mark.parametrize(("values", "told"), [(MAX_AXIS_VALUES, MAX_AXIS_VALUES), (MAX_AXIS_VALUES + 1, 0)])
def test_an_axis_of_too_many_values_is_a_free_text_and_no_condition(values, told):
    clips = make_clips(*((f"c{place}", f"text {place}") for place in range(values)))
    assert len(unmeasured_conditions(clips, calibration())) == told
