import numpy as np
import pytest

from schemas.errors import StoreError
from trainers.holdout import FRAMES_PER_CLIP, find_holdout, read_truths, training_families


def test_held_out_clips_with_truth_are_found_and_training_clips_never(store, add_clip, publish):
    clips = {name: add_clip(name) for name in ("a", "b", "c")}
    version = publish("street", train=[clips["a"]], val=[clips["b"]], test=[clips["c"]])
    holdout = find_holdout(store, version, stride=2)
    assert [clip.clip_id for clip in holdout.clips] == ["b", "c"]
    assert (holdout.dataset, holdout.kind, holdout.frames) == ("street@v1", "truth", 4)


def test_labels_of_a_detector_are_no_holdout(store, add_clip, publish):
    version = publish("film", train=[add_clip("a", None)], val=[add_clip("b", None)])
    assert find_holdout(store, version) is None


def test_a_version_without_held_out_clips_has_no_holdout(store, add_clip, publish):
    assert find_holdout(store, publish("street", train=[add_clip("a")])) is None


def test_families_that_were_trained_on_are_left_out(store, add_clip, publish):
    first, second = add_clip("a"), add_clip("b")
    judged = publish("judged", val=[first, second])
    trained = publish("trained", train=[first])
    holdout = find_holdout(store, judged, trained_families=training_families(trained))
    assert [clip.clip_id for clip in holdout.clips] == ["b"]


def test_truths_are_those_of_the_judged_frames_numbered_by_clip(store, add_clip, publish):
    version = publish("street", val=[add_clip("a"), add_clip("b", difficult=True)])
    truths = read_truths(store, find_holdout(store, version, stride=2))
    assert truths.frame.tolist() == [0, 2, FRAMES_PER_CLIP, FRAMES_PER_CLIP + 2]
    assert truths.difficult.tolist() == [False, False, True, True]
    assert np.array_equal(truths.box[0], [8, 8, 20, 10])


def test_classes_are_gathered_as_the_recipe_says_and_others_left_out(store, add_clip, publish):
    version = publish(
        "street", classes=("person", "vehicle"), gathers={"person": ["person"], "vehicle": ["car", "bus"]},
        val=[add_clip("a", "car"), add_clip("b", "dog")],
    )  # fmt: skip
    truths = read_truths(store, find_holdout(store, version, stride=4))
    assert truths.class_index.tolist() == [1]


def test_a_version_without_its_manifest_is_named(store, add_clip, publish):
    version = publish("street", val=[add_clip("a")])
    (version.path / "manifest" / "clips.parquet").unlink()
    with pytest.raises(StoreError, match=r"clips\.parquet"):
        find_holdout(store, version)
