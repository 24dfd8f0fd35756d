"""A good clip ranks above everything that was made of it, on real encoded clips."""

import sys
from pathlib import Path

import numpy as np
import pytest
from score_inputs import make_record, make_tracks

from annotators.clip_scores import score_clip
from annotators.frame_scores import score_frames
from annotators.quality import FACTORS, rate_factors, rate_quality
from storage.video import read_frames, write_clip

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from made_clips.broken import BREAKS, cut_to

FRAMES = 12
SCENES = {  # a still camera, small movers, particles in the air, little light, little contrast
    "small dog": ({"dog": 1}, "clear", "day", "static"),
    "walker in fog": ({"person": 1}, "fog", "dusk", "static"),
    "cars in snow": ({"car": 2}, "snow", "day", "panning"),
    "bus at night": ({"bus": 1}, "clear", "night", "shaking"),
}


def render(objects, weather, light, camera, seed):
    from generators.procedural.render import render_pictures
    from generators.procedural.scene import SceneRequest

    attributes = {"weather": weather, "light": light, "camera": camera, "place": "city street"}
    return list(render_pictures(SceneRequest(attributes, objects, seed, FRAMES, 12.0, 320, 192)))


@pytest.fixture(scope="module")
def scenes():
    return {name: render(*scene, seed=40 + place) for place, (name, scene) in enumerate(SCENES.items())}


def score(folder: Path, frames) -> dict:
    """The clip's row, after encoding and decoding."""
    encoded = write_clip(folder / "clip.mp4", [np.ascontiguousarray(frame) for frame in frames], 12)
    [row] = score_clip(
        make_record({}, encoded.frames), score_frames(encoded.path, encoded.frames), make_tracks()
    ).to_pylist()
    return row


@pytest.mark.parametrize("name", SCENES)
def test_a_good_clip_ranks_above_all_that_was_made_of_it(tmp_path, scenes, name):
    frames = scenes[name]
    other = next(clip for scene, clip in scenes.items() if scene != name)
    good = score(tmp_path, frames)["quality"]
    made = {way: score(tmp_path, breaking(frames, 0))["quality"] for way, breaking in BREAKS.items()}
    made["cut"] = score(tmp_path, cut_to(frames, other))["quality"]
    assert good > 0.5
    assert {way: quality for way, quality in made.items() if quality >= good} == {}
    assert made["frozen"] == made["frozen_under_grain"] == made["black"] == made["grey"] == 0


@pytest.mark.parametrize("name", SCENES)
def test_good_clips_have_no_cut_and_still_cameras_are_not_frozen(tmp_path, scenes, name):
    row = score(tmp_path, scenes[name])
    assert (row["cuts"], row["black_share"]) == (0, 0)
    assert row["frozen_share"] <= 0.5
    assert row["flicker"] < 0.05
    assert row["moving_share"] > 0.3


def test_a_cut_is_found_where_it_is_and_a_flash_of_light_is_none(tmp_path, scenes):
    first, second = scenes["small dog"], scenes["bus at night"]
    encoded = write_clip(tmp_path / "cut.mp4", cut_to(first, second), 12)
    assert score_frames(encoded.path, FRAMES)["cut"].to_pylist() == [place == FRAMES // 2 for place in range(FRAMES)]
    lit = [(frame * (0.7 if place < 6 else 1.0)).astype(np.uint8) for place, frame in enumerate(first)]
    encoded = write_clip(tmp_path / "lit.mp4", lit, 12)
    assert not any(score_frames(encoded.path, FRAMES)["cut"].to_pylist())


@pytest.mark.footage
@pytest.mark.parametrize("name", ["cat.mp4", "ship.mp4", "suv.mp4"])
def test_generated_footage_ranks_above_its_broken_versions(tmp_path, shared_footage, name):
    frames = [image for _, image in read_frames(shared_footage / "cogvideox" / name)][:6]
    row = score(tmp_path, frames)
    assert (row["cuts"], row["frozen_share"]) == (0, 0)
    ways = ("frozen_under_grain", "blurred", "flickering")
    assert all(score(tmp_path, BREAKS[way](frames, 0))["quality"] < row["quality"] / 2 for way in ways)


GOOD = dict.fromkeys(FACTORS, 0.0) | {
    "moving_share": 1.0, "contrast": 0.2, "agreement": None, "drift": None,
}  # fmt: skip


def test_quality_is_the_product_of_its_factors_and_unknown_scores_are_not_held_against_a_clip():
    assert rate_quality(GOOD) == 1
    halves = GOOD | {"cuts": 1, "black_share": 0.25}
    assert rate_quality(halves) == pytest.approx(0.25)
    assert {name for name, factor in rate_factors(halves).items() if factor < 1} == {"cuts", "black_share"}


def test_a_clip_that_keeps_nothing_of_its_promise_ranks_low_and_a_number_that_is_none_last():
    assert rate_quality(GOOD | {"agreement": 0.0}) == pytest.approx(0.2)
    assert rate_quality(GOOD | {"flicker": float("nan")}) == 0
