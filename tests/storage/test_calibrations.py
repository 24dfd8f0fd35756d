import json

import pytest

from schemas.calibration import Calibration, ClassTerm, ConditionTerm, ConfidenceCurve, Subject
from schemas.errors import StoreError
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Origin, Scenario
from storage.calibrations import commit_calibration, find_calibration, subject_of

RECIPE = {"name": "r", "classes": ["car"], "generator": {"kind": "footage", "path": "."}}


def subject(**changes):
    same = {"generator": "procedural", "generator_version": "1", "annotator": "f", "classes": (("car", ("car",)),)}
    return Subject(**{**same, "frames": 48, "fps": 12, "width": 320, "height": 192, **changes})


def calibration(error=0.01, **changes):
    curve = ConfidenceCurve(
        scores=(0.1, 0.9),
        logits=(-2.0, 3.0),
        classes=(ClassTerm(name="car", offset=0.1, slope=1.1),),
        conditions=(ConditionTerm(axis="weather", value="fog", offset=-0.2),),
    )
    return Calibration(
        subject=subject(**changes),
        basis="truth",
        clips=("a", "b"),
        curve=curve,
        fold_curves=(curve, curve),
        boxes=7,
        error=error,
    )


def record(**origin):
    return ClipRecord(
        "c", Scenario("s", "p"), "m", 8, 8.0, 64, 64, 1, Origin(**{"generator": "g", "version": "1", **origin})
    )


def test_a_calibration_is_found_again_as_it_was_stored(store):
    assert find_calibration(store, subject()) is None
    assert commit_calibration(store, calibration())
    assert find_calibration(store, subject()) == calibration()


@pytest.mark.parametrize(
    "other",
    [
        {"generator": "diffusers"},
        {"generator_version": "2"},
        {"model": "wan"},
        {"revision": "abc"},
        {"annotator": "other"},
        {"classes": (("vehicle", ("car",)),)},
        {"width": 640},
        {"frames": 24},
        {"source": "street"},
    ],
)
def test_it_is_never_found_for_another_generator_or_detector(store, other):
    commit_calibration(store, calibration())
    assert find_calibration(store, subject(**other)) is None


def test_the_latest_is_the_current_one_and_the_older_one_stays(store):
    first, second = calibration(0.01), calibration(0.02)
    assert commit_calibration(store, first) and commit_calibration(store, second)
    assert find_calibration(store, subject()) == second
    assert not commit_calibration(store, first)  # measured again, with the same result
    assert find_calibration(store, subject()) == first
    assert len(list(store.keys("objects/calibrations"))) == 2


def test_a_calibration_of_another_form_is_refused_by_name(store):
    commit_calibration(store, calibration())
    key = next(store.keys("objects/calibrations"))
    data = json.loads(store.path(key).read_text()) | {"clips": []}
    store.path(key).chmod(0o644)
    store.path(key).write_text(json.dumps(data))
    with pytest.raises(StoreError, match=key.rsplit("/", 1)[1]):
        find_calibration(store, subject())


def test_whose_labels_clips_have():
    recipe = validate_recipe(RECIPE)
    found = subject_of([record(), record()], recipe, "f")
    assert (found.generator, found.annotator, found.classes) == ("g", "f", (("car", ("car",)),))
    assert subject_of([record(), record(revision="b")], recipe, "f") is None
    assert subject_of([], recipe, "f") is None


def test_figures_of_footage_stay_with_their_dataset():
    streets = [subject_of([record(generator="footage")], validate_recipe({**RECIPE, "name": n}), "f") for n in "ab"]
    assert streets[0].key != streets[1].key
