"""What a clip will cost comes from published figures and the model's own arithmetic, or is said to be unknown."""

from dataclasses import replace

import pytest

from generators.diffusers_video.cost import estimate_clip
from generators.diffusers_video.presets import PRESETS, find_preset
from schemas.recipe import ClipOptions

H200 = ("cuda:0",)


@pytest.fixture
def plan_as(plan_of):
    """The plan of a tiny model, as if it were a preset's at its own clip and steps."""

    def make(name: str, **changes):
        preset = find_preset(name)
        size = {"width": preset.width, "height": preset.height, "frames": preset.frames, "steps": preset.steps}
        return replace(plan_of("wan"), model=preset.model, **{**size, **changes})

    return make


def test_a_presets_own_clip_costs_what_was_published_and_fewer_steps_less(plan_as):
    seconds, memory, basis = estimate_clip(plan_as("wan2.1-1.3b"), H200)
    assert (seconds, memory) == (95, 16)
    assert "H200" in basis
    assert estimate_clip(plan_as("wan2.1-1.3b", steps=25), H200)[0] == pytest.approx(47.5)
    assert estimate_clip(plan_as("wan2.1-1.3b", frames=81 * 2), H200)[0] == pytest.approx(190)


def test_what_nobody_published_is_not_made_up(plan_as, plan_of):
    assert estimate_clip(plan_as("ltx-2-distilled"), H200)[:2] == (None, 64)
    seconds, memory, basis = estimate_clip(plan_of("wan"), H200)
    assert (seconds, memory) == (None, None)
    assert "no published figure for wan" in basis
    assert any(preset.published_seconds for preset in PRESETS)


def test_on_a_cpu_time_follows_steps_guidance_and_size(plan_of):
    def seconds(width: int = 32, **options) -> float:
        clip = ClipOptions(frames=5, fps=8, width=width, height=32)
        return estimate_clip(plan_of("wan", clip, **{"steps": 10, "guidance": 5, **options}), ("cpu",))[0]

    assert seconds() > 0
    assert seconds(steps=20) == pytest.approx(2 * seconds())
    assert seconds(guidance=1) == pytest.approx(seconds() / 2)
    assert seconds(width=64) == pytest.approx(2 * seconds())
