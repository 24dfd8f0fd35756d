"""The bundled model does what its prompt says, for combinations that it was never trained on."""

import json
from pathlib import Path

import numpy as np
import pytest

from generators.shapes import BACKGROUND, COLOURS, DIRECTIONS, HELD_OUT, TRAINED, draw_shape_clips

MODEL = Path(__file__).parents[3] / "generators" / "tiny_video"


@pytest.fixture(scope="module")
def pipeline():
    import diffusers

    diffusers.utils.logging.set_verbosity_error()
    loaded = diffusers.DiffusionPipeline.from_pretrained(MODEL, local_files_only=True, use_safetensors=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_it_is_small_and_holds_no_pickle():
    files = [path for path in MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8_000_000
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}


def test_all_its_parts_are_stock_classes():
    index = json.loads((MODEL / "model_index.json").read_text())
    parts = {name: entry for name, entry in index.items() if isinstance(entry, list) and entry[0]}
    assert {library for library, _ in parts.values()} == {"diffusers", "transformers"}
    assert parts["vae"] == ["diffusers", "AutoencoderKLWan"]


def test_its_files_name_no_place_on_the_machine_that_made_it():
    assert not [path for path in MODEL.rglob("*.json") if "_name_or_path" in path.read_text()]


def test_its_vae_keeps_drawn_clips(pipeline):
    import torch

    drawn = draw_shape_clips(np.random.default_rng(9), HELD_OUT, frames=9, size=32)
    clips = torch.from_numpy(drawn.frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    with torch.no_grad():
        again = pipeline.vae(clips).sample
    assert float(again.abs().max()) <= 1
    assert float(10 * torch.log10(4 / (again - clips).square().mean())) > 27


def test_unseen_prompts_get_their_colour_and_direction(pipeline):
    import torch

    chosen = [motif for motif in HELD_OUT if motif.shape == "circle"]
    assert not set(chosen) & set(TRAINED)
    clips = pipeline(
        prompt=[motif.prompt for motif in chosen], negative_prompt="", height=32, width=32, num_frames=9,
        num_inference_steps=20, guidance_scale=3.0, max_sequence_length=16, output_type="np",
        generator=[torch.Generator().manual_seed(index) for index in range(len(chosen))],
    ).frames  # fmt: skip
    assert [(colour_of(clip), direction_of(clip)) for clip in clips * 255] == [
        (motif.colour, motif.direction) for motif in chosen
    ]


def colour_of(clip):
    bright = clip[np.abs(clip - BACKGROUND).max(-1) > 90]
    return min(COLOURS, key=lambda name: float(np.square(bright.mean(0) - COLOURS[name]).sum()))


def direction_of(clip):
    weight = np.clip(np.abs(clip - BACKGROUND).max(-1) - 50, 0, None)
    rows, columns = np.mgrid[:32, :32]
    middle = [((part * columns).sum() / part.sum(), (part * rows).sum() / part.sum()) for part in weight]
    way = np.array(middle[-1]) - np.array(middle[0])
    return max(DIRECTIONS, key=lambda name: float(way @ np.array(DIRECTIONS[name])))
