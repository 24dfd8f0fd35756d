"""Agreement keeps clips that show what they promised and refuses those that cannot, with the bundled detector."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from annotators.agreement_scores import compare_with_promise
from annotators.build import build_annotator
from annotators.frame_scores import score_images
from annotators.labelling import label_sequences, read_labels
from generators.procedural.render import render_pictures
from generators.procedural.scene import CLASSES, SceneRequest
from schemas.recipe_text import validate_recipe
from schemas.records import Scenario
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames

FRAMES = 8
PROMISES = [{name: 1} for name in CLASSES] + [{"car": 1, "person": 1}, {"bus": 1, "dog": 1}]
"""What each clip shows. Neighbours share no class."""

GOOD, BLACK, FROZEN = range(len(PROMISES)), len(PROMISES), len(PROMISES) + 1


@pytest.fixture(scope="module")
def agreements(tmp_path_factory, commit_video, one_thread):
    """What each clip keeps of each promise: rows by clip, with a black and a frozen one at the end."""
    store = Store.open(tmp_path_factory.mktemp("agreement") / "store")
    attributes = {"weather": "clear", "light": "day", "camera": "panning", "density": "sparse"}
    films = [
        np.stack(list(render_pictures(SceneRequest(attributes, promise, 300 + place, FRAMES, 12.0, 320, 192))))
        for place, promise in enumerate(PROMISES)
    ]
    car = films[CLASSES.index("car")]
    films += [np.zeros_like(car), np.repeat(car[:1], FRAMES, axis=0)]
    records = [
        commit_video(store, f"clip{place}", film, scenario=Scenario(str(place), "")) for place, film in enumerate(films)
    ]
    recipe = {
        "name": "agreement", "generator": {"kind": "procedural"}, "annotator": {"kind": "yolo"},
        "prompts": {"template": "a street", "axes": {}},
    }  # fmt: skip
    annotator = build_annotator(validate_recipe(recipe), store)
    sequences = [[record] for record in records]
    assert all(isinstance(answer, str) for answer in label_sequences(annotator, store, sequences))
    tracks = read_labels(store, annotator, sequences).tracks
    return [
        [compare_with_promise(promise, _tracks_of(tracks, record), _evidence(store, record)) for promise in PROMISES]
        for record in records
    ]


def _tracks_of(tracks: pa.Table, record) -> pa.Table:
    return tracks.filter(pc.equal(tracks["clip_id"], record.clip_id))


def _evidence(store: Store, record) -> np.ndarray:
    scores = score_images(image for _, image in read_frames(media_path(store, record)))
    return ~(scores["black"].to_numpy() | scores["repeated"].to_numpy())


def test_clips_show_what_they_promised(agreements):
    own = [agreements[place][place] for place in GOOD]
    assert np.mean([agreement.share for agreement in own]) >= 0.85
    assert np.mean([not agreement.surplus_by_class for agreement in own]) >= 0.7


def test_other_scenarios_clips_fail(agreements):
    strangers = [
        agreements[one][other] for one in GOOD for other in GOOD if not set(PROMISES[one]) & set(PROMISES[other])
    ]
    assert np.mean([agreement.share == 0 for agreement in strangers]) >= 0.9
    assert np.mean([sum(agreement.surplus_by_class.values()) >= 1 for agreement in strangers]) >= 0.9


def test_shuffled_prompts_fail(agreements):
    shuffled = [agreements[place][(place + 1) % len(PROMISES)].share for place in GOOD]
    assert np.mean([share < 0.6 for share in shuffled]) >= 0.9


def test_a_promise_of_two_is_half_kept_by_a_clip_of_one(agreements):
    assert agreements[CLASSES.index("car")][PROMISES.index({"car": 1, "person": 1})].share == 0.5


@pytest.mark.parametrize("clip", [BLACK, FROZEN])
def test_a_black_or_frozen_clip_keeps_no_promise_not_even_its_own(agreements, clip):
    assert [agreement.share for agreement in agreements[clip]] == [0] * len(PROMISES)
