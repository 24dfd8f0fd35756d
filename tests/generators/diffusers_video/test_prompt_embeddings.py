"""Prompts are encoded once, kept, and mean the same to the model as when it reads them itself."""

from dataclasses import replace

import pytest

from generators.diffusers_video.loading import load_renderer
from generators.diffusers_video.prompt_embeddings import PromptEmbeddings
from storage.store import Store


@pytest.mark.parametrize("model", ["wan", "ltx", "cogvideox", "mochi"])
def test_stored_embeddings_give_the_latents_of_the_prompts_themselves(plan_of, tasks_of, latents_of, model):
    plan, tasks = plan_of(model), tasks_of("a red ball", "a dog on the road at night")
    as_text = replace(plan, family=replace(plan.family, embeddings=()))
    assert load_renderer(as_text, "cpu").text_encoder is not None
    assert (latents_of(plan, tasks) - latents_of(as_text, tasks)).abs().max() < 1e-5


@pytest.mark.parametrize("model", ["wan", "ltx"])
def test_the_negative_prompt_matters_where_there_is_guidance_and_not_without(plan_of, tasks_of, latents_of, model):
    def difference(guidance: float) -> float:
        plan = plan_of(model, guidance=guidance)
        one, other = (latents_of(plan, tasks_of("a red ball", negative=words)) for words in ("fog", "rain and night"))
        return float((one - other).abs().max())

    assert difference(5.0) > 0
    assert difference(1.0) == 0


def test_the_text_encoder_is_not_loaded_for_denoising(plan_of):
    pipe = load_renderer(plan_of("wan"), "cpu")
    assert pipe.text_encoder is None
    assert pipe.tokenizer is None


def test_each_text_is_encoded_once_for_each_way_of_reading_it(plan_of, tmp_path):
    store = Store.open(tmp_path / "store")
    kept = PromptEmbeddings(store, plan_of("wan"))
    assert kept.missing(["a", "b", "a"]) == ["a", "b"]
    kept.encode(["a"], "cpu")
    assert PromptEmbeddings(store, plan_of("wan", steps=9, batch=3)).missing(["a", "b"]) == ["b"]
    assert PromptEmbeddings(store, plan_of("wan", prompt_tokens=16)).missing(["a"]) == ["a"]
    assert PromptEmbeddings(store, plan_of("wan", dtype="bfloat16")).missing(["a"]) == ["a"]
    assert PromptEmbeddings(store, plan_of("ltx")).missing(["a"]) == ["a"]
