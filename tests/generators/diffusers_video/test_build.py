"""From a recipe file to its generator, and what the generator says of itself."""

import shutil
from pathlib import Path

import pytest

from generators.build import build_generator
from generators.diffusers_video.families import FAMILIES
from generators.diffusers_video.presets import PRESETS
from generators.diffusers_video.profiles import PROFILES
from generators.protocol import remarks_of
from schemas.errors import EnvironmentFault
from schemas.recipe_text import parse_recipe
from storage.recipes import read_recipe

RECIPE = """
name: tiny
prompts: {{template: "a {{colour}} ball", axes: {{colour: [red, blue]}}, strategy: full}}
generator: {{kind: diffusers, model: {model}, steps: 2, devices: cpu{more}}}
clip: {{frames: 6, fps: 16, width: 32, height: 40}}
"""


def test_a_model_beside_the_recipe_is_found_and_the_snapped_clip_is_told(models, tmp_path):
    shutil.copytree(models("wan"), tmp_path / "model")
    (tmp_path / "tiny.yaml").write_text(RECIPE.format(model="model", more=""))
    generator = build_generator(read_recipe(tmp_path / "tiny.yaml"))
    summary, *notes = remarks_of(generator)
    assert "clips of 5 frames of 32x48 at 16 fps, 2 steps" in summary
    assert notes[0].startswith("clip.height: 40 becomes 48")
    assert len(generator.jobs()) == 2


def test_sources_beside_the_recipe_are_found(models, tmp_path):
    import cv2
    import numpy as np

    (tmp_path / "first").mkdir()
    cv2.imwrite(str(tmp_path / "first" / "a.png"), np.zeros((32, 32, 3), np.uint8))
    more = ", mode: image, images: first"
    (tmp_path / "tiny.yaml").write_text(RECIPE.format(model=models("wan-i2v"), more=more))
    assert len(build_generator(read_recipe(tmp_path / "tiny.yaml")).jobs()) == 2


def test_a_missing_model_is_refused_when_the_generator_is_built():
    recipe = parse_recipe(RECIPE.format(model="/nowhere/model", more=""))
    with pytest.raises(EnvironmentFault, match=r"/nowhere/model.*model_index\.json"):
        build_generator(recipe)


def test_a_preset_that_is_not_here_names_the_command_that_fetches_it(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    recipe = parse_recipe(RECIPE.format(model="x", more="").replace("model: x", "preset: wan2.2-5b"))
    with pytest.raises(EnvironmentFault, match=r"framefoundry fetch wan2\.2-5b"):
        build_generator(recipe)


def test_the_documents_tables_are_those_of_the_code():
    text = (Path(__file__).parents[3] / "docs" / "diffusers.md").read_text()
    for family in FAMILIES:
        status = "tested" if family.tested else "untested"
        row = f"| `{family.pipeline}` | {family.mode} | {family.frame_step}k + 1 | {family.size_step} | {status} |"
        assert row in text, row
    for preset in PRESETS:
        clip = f"{preset.width}x{preset.height}, {preset.frames} frames, {preset.fps:g} fps"
        row = f"| `{preset.name}` | {preset.model} | {preset.steps} | {clip} | {preset.memory_gb:g} GB |"
        assert row in text, row
    batches = " | ".join(str(PROFILES[name].batch) for name in ("balanced", "fast", "low-memory"))
    assert f"| `batch` | {batches} | no |" in text
