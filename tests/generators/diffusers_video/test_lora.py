"""A LoRA changes the output as its scale says and is part of the identity; one that does not fit is refused."""

import re

import pytest

from generators.diffusers_video.loading import load_renderer
from generators.diffusers_video.lora import locate_lora
from schemas.diffusers_options import LoraOptions
from schemas.errors import EnvironmentFault, RecipeError

LAYERS = {
    "wan": re.compile(r"blocks\.\d\.attn1\.to_[qv]"),
    "ltx": re.compile(r"transformer_blocks\.\d\.attn1\.to_[qv]"),
}


@pytest.fixture
def lora_of(plan_of, tmp_path):
    """A file of random low-rank weights for the attention of a tiny model; of zeros if ``strength`` is 0."""
    import torch
    from safetensors.torch import save_file

    def make(model: str, strength: float = 0.3):
        transformer = load_renderer(plan_of(model), "cpu").transformer
        torch.manual_seed(5)
        weights = {}
        for name, layer in transformer.named_modules():
            if LAYERS[model].fullmatch(name):
                weights[f"transformer.{name}.lora_A.weight"] = torch.randn(2, layer.in_features) * 0.3
                weights[f"transformer.{name}.lora_B.weight"] = torch.randn(layer.out_features, 2) * strength
        path = tmp_path / f"{model}.safetensors"
        save_file(weights, path)
        return path

    return make


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_a_lora_changes_the_output_the_more_the_larger_its_scale(plan_of, tasks_of, latents_of, lora_of, model):
    path, task = lora_of(model), tasks_of("a red ball")
    plain = latents_of(plan_of(model), task)

    def distance(scale: float) -> float:
        plan = plan_of(model, lora={"model": str(path), "scale": scale})
        return float((latents_of(plan, task) - plain).abs().mean())

    little, much = distance(0.3), distance(1.0)
    assert 0 < little < much


def test_a_lora_is_merged_before_weights_are_quantised(plan_of, tasks_of, latents_of, lora_of):
    path, task = lora_of("wan"), tasks_of("a red ball")
    asked = {"quantise": "int8", "lora": {"model": str(path)}}
    pipe = load_renderer(plan_of("wan", **asked), "cpu")
    assert not any("lora" in name for name, _ in pipe.transformer.named_parameters())
    near = (
        latents_of(plan_of("wan", **asked), task, pipe) - latents_of(plan_of("wan", lora=asked["lora"]), task)
    ).abs()
    far = (
        latents_of(plan_of("wan", quantise="int8"), task) - latents_of(plan_of("wan", lora=asked["lora"]), task)
    ).abs()
    assert 0 < near.mean() < far.mean()


def test_content_and_scale_are_part_of_a_clips_identity_and_the_files_name_is_not(plan_of, lora_of):
    path = lora_of("wan")

    def identity(path, scale=1.0):
        return plan_of("wan", lora={"model": str(path), "scale": scale}).identity()

    first = identity(path)
    moved = path.rename(path.with_name("renamed.safetensors"))
    assert identity(moved) == first != plan_of("wan").identity()
    assert identity(moved, scale=0.5) != first
    assert identity(lora_of("wan", strength=0.2)) != first


@pytest.mark.parametrize(("made_for", "strength", "reason"), [("ltx", 0.3, "does not fit"), ("wan", 0.0, "no weight")])
def test_a_lora_without_effect_is_refused(plan_of, lora_of, made_for, strength, reason):
    path = lora_of(made_for, strength)
    with pytest.raises(EnvironmentFault, match=reason):
        load_renderer(plan_of("wan", lora={"model": str(path)}), "cpu")


def test_a_folder_with_one_file_needs_no_name_and_one_with_two_does(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    first.write_bytes(b"a")
    assert locate_lora(LoraOptions(model=str(tmp_path))).path == first
    second.write_bytes(b"b")
    with pytest.raises(RecipeError, match=r"a\.safetensors, b\.safetensors"):
        locate_lora(LoraOptions(model=str(tmp_path)))
    assert locate_lora(LoraOptions(model=str(tmp_path), weight_name="b.safetensors")).path == second


def test_what_is_not_here_or_not_safe_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "style.bin").write_bytes(b"pickle")
    with pytest.raises(RecipeError, match="pickled weights can run code"):
        locate_lora(LoraOptions(model=str(tmp_path / "style.bin")))
    with pytest.raises(EnvironmentFault, match="there is no"):
        locate_lora(LoraOptions(model="./nowhere"))
    with pytest.raises(EnvironmentFault) as missing:
        locate_lora(LoraOptions(model="nobody/nothing", weight_name="few.safetensors"))
    assert "framefoundry fetch nobody/nothing --lora few.safetensors" in str(missing.value)
    with pytest.raises(ValueError, match="scale 0 has no effect"):
        LoraOptions(model="x", scale=0)
