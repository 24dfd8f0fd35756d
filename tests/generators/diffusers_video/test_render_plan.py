"""What a recipe's options come to: snapped clips, values of presets, modes, and what is refused."""

import pytest

from generators.diffusers_video.families import FAMILIES
from generators.diffusers_video.geometry import Geometry
from generators.diffusers_video.model_files import ModelFiles, locate_model
from generators.diffusers_video.presets import PRESETS, find_preset
from generators.diffusers_video.render_plan import make_plan
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import RecipeError
from schemas.recipe import ClipOptions


@pytest.mark.parametrize(
    ("step", "asked", "rendered"),
    [(4, 12, 13), (4, 10, 9), (4, 48, 49), (4, 1, 1), (8, 48, 49), (8, 53, 57), (6, 48, 49)],
)
def test_lengths_go_to_the_nearest_that_the_model_renders(step, asked, rendered):
    assert Geometry(step, 16).snap_frames(asked) == rendered


@pytest.mark.parametrize(
    ("step", "asked", "rendered"), [(16, 480, 480), (32, 480, 480), (32, 464, 480), (32, 40, 32), (32, 8, 32)]
)
def test_sizes_go_to_the_nearest_multiple_and_never_to_nothing(step, asked, rendered):
    assert Geometry(4, step).snap_size(asked) == rendered


def test_what_was_snapped_is_told(plan_of):
    plan = plan_of("ltx", ClipOptions(frames=48, fps=24, width=320, height=200))
    assert (plan.width, plan.height, plan.frames) == (320, 192, 49)
    assert plan.notes == (
        "clip.height: 200 becomes 192; LTXPipeline renders multiples of 32",
        "clip.frames: 48 becomes 49; LTXPipeline renders 8k + 1",
    )


def test_a_rate_unlike_the_models_is_told(plan_of):
    assert "moves as at 16 frames" in plan_of("wan", ClipOptions(frames=5, fps=8, width=32, height=32)).notes[0]


@pytest.fixture
def preset_plan(models):
    """The plan of a preset whose files are the tiny Wan's."""

    def make(name: str, clip: ClipOptions, **options):
        found = locate_model(DiffusersOptions(model=str(models("wan"))))
        files = ModelFiles(**{**found.__dict__, "preset": find_preset(name)})
        return make_plan(DiffusersOptions(preset=name, **options), clip, files)

    return make


def test_a_preset_fills_what_the_recipe_leaves_out_and_nothing_else(preset_plan):
    plan = preset_plan("wan2.1-1.3b", ClipOptions(frames=33))
    assert (plan.width, plan.height, plan.frames, plan.fps, plan.steps, plan.guidance) == (832, 480, 33, 16, 50, 5.0)
    assert preset_plan("wan2.1-1.3b", ClipOptions(), steps=9).steps == 9
    assert plan.licence == find_preset("wan2.1-1.3b").licence


def test_a_licence_with_terms_and_a_branch_that_moves_are_told(preset_plan):
    notes = " ".join(preset_plan("ltx-2-distilled", ClipOptions()).notes)
    assert "derivative" in notes
    assert "follows the branch 'main'" in notes


def test_a_distilled_preset_caches_nothing_even_in_the_fast_profile(preset_plan):
    assert preset_plan("fastwan-1.3b", ClipOptions(), profile="fast").settings.cache == "none"
    assert preset_plan("wan2.1-1.3b", ClipOptions(), profile="fast").settings.cache == "first_block"


def test_the_sizes_of_presets_are_sizes_of_their_families():
    rules = {family.pipeline: Geometry(family.frame_step, family.size_step) for family in FAMILIES}
    for preset in PRESETS:
        rule = rules[preset.pipeline]
        snapped = (rule.snap_size(preset.width), rule.snap_size(preset.height), rule.snap_frames(preset.frames))
        assert snapped == (preset.width, preset.height, preset.frames), preset.name


def test_weights_that_take_no_first_frame_are_refused_in_mode_image(plan_of):
    with pytest.raises(RecipeError, match="not trained to take a first frame"):
        plan_of("wan", mode="image", images="procedural")


def test_a_mode_that_a_family_lacks_is_refused(plan_of):
    with pytest.raises(RecipeError, match="MochiPipeline has no mode 'video'"):
        plan_of("mochi", mode="video", source="procedural")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of the two"),
        ({"preset": "wan2.1-1.3b", "model": "m"}, "one of the two"),
        ({"model": "m", "mode": "image"}, "needs `images`"),
        ({"model": "m", "source": "procedural"}, "belongs to `mode: video`"),
        ({"model": "m", "strength": 0.5}, "belongs to `mode: video`"),
        ({"model": "m", "devices": "gpu"}, "not a device"),
        ({"model": "m", "devices": ["cuda:0", "cuda:0"]}, "listed twice"),
        ({"model": "m", "devices": "cpu", "offload": "model"}, "has no GPU"),
        ({"model": "m", "cache": "none", "cache_threshold": 0.1}, "no effect"),
        ({"model": "m", "strength": 0, "mode": "video", "source": "procedural"}, "greater than 0"),
        ({"model": "m", "batch": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        DiffusersOptions(**options)


def test_a_strength_that_leaves_no_step_is_refused(plan_of):
    with pytest.raises(RecipeError, match=r"0\.3 of 2 steps leave none"):
        plan_of("wan", mode="video", source="procedural", strength=0.3, steps=2)
    assert plan_of("wan", mode="video", source="procedural", strength=0.5, steps=2).strength == 0.5
