"""A training of two steps: everything but the skill."""

import numpy as np
import pytest
import torch

from generators.diffusers_video.model_files import locate_model
from generators.shapes import TRAINED, draw_shape_clips
from schemas.diffusers_options import DiffusersOptions
from trainers.tiny_vae_encoder import build_linear_encoder
from trainers.tiny_video import TinyVideoTraining, frames_to_clips, train_tiny_video

PROMPTS = [motif.prompt for motif in TRAINED]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    def draw(count):
        motifs = [TRAINED[index] for index in rng.integers(len(TRAINED), size=count)]
        return draw_shape_clips(rng, motifs, 9, 32).frames, [motif.prompt for motif in motifs]

    rng, told = np.random.default_rng(0), []
    vae = build_linear_encoder(frames_to_clips(draw(32)[0]))
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("tiny") / "model"
    result = train_tiny_video(
        draw, PROMPTS, vae, folder, TinyVideoTraining(rounds=((1, 2e-3), (1, 1e-3)), batch=4, clips=12), told.append
    )
    torch.set_num_threads(threads)
    return result, told


def test_progress_is_told_after_each_step(trained):
    _, told = trained
    assert [(report.step, report.steps) for report in told] == [(1, 2), (2, 2)]


def test_the_result_is_a_small_model_that_the_backend_takes(trained):
    result, _ = trained
    files = locate_model(DiffusersOptions(model=str(result.folder)))
    assert files.pipeline == "WanPipeline"
    assert sum(path.stat().st_size for path in result.folder.rglob("*") if path.is_file()) < 8_000_000
    assert not [path for path in result.folder.rglob("*") if path.suffix in {".bin", ".pt", ".ckpt"}]
    assert [entry.name for entry in result.folder.parent.iterdir()] == ["model"]  # no half-written folder beside it


def test_every_word_of_the_prompts_is_known_and_others_are_not(trained):
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(trained[0].folder / "tokenizer", local_files_only=True)
    unknown = words.unk_token_id
    assert not any(unknown in words(prompt).input_ids for prompt in PROMPTS)
    assert unknown in words("a purple circle").input_ids
