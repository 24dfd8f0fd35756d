"""The encoder against principal components found another way; the decoder's training, a few steps of it."""

import numpy as np
import pytest
import torch

from generators.shapes import TRAINED, draw_shape_clips
from trainers.tiny_vae import TinyVaeTraining, decode_latents, encode_clips, train_tiny_vae
from trainers.tiny_vae_encoder import build_linear_encoder
from trainers.tiny_video import frames_to_clips


@pytest.fixture(scope="module")
def clips():
    return frames_to_clips(draw_shape_clips(np.random.default_rng(0), TRAINED[::3], frames=9, size=32).frames)


@pytest.fixture(scope="module")
def vae(clips):
    return build_linear_encoder(clips)


def cut_into_blocks(clips):
    """N x 3 x 8 x 8 x 192: as the encoder should see them, in NumPy."""
    frames = clips.numpy()
    frames = np.concatenate([np.repeat(frames[:, :, :1], 3, axis=2), frames], axis=2)
    cut = frames.reshape(len(frames), 3, 3, 4, 8, 4, 8, 4).transpose(0, 2, 4, 6, 1, 3, 5, 7)
    return cut.reshape(len(frames), 3, 8, 8, 192)


def test_latents_are_principal_components_of_blocks(clips, vae):
    blocks = cut_into_blocks(clips)
    flat = blocks.reshape(-1, 192)
    directions = np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][:12]
    expected = ((blocks - flat.mean(0)) @ directions.T).transpose(0, 4, 1, 2, 3)
    latents = encode_clips(vae, clips).numpy()
    assert latents.shape == expected.shape == (len(clips), 12, 3, 8, 8)
    signs = np.sign((latents * expected).sum((0, 2, 3, 4), keepdims=True))
    assert np.abs(latents * signs - expected).mean() < 0.01 * expected.std()


def test_the_first_frame_is_coded_as_a_block_that_stands_still(clips, vae):
    still = clips[:, :, :1].expand(-1, -1, 5, -1, -1)
    latents = encode_clips(vae, still)
    assert torch.allclose(latents[:, :, 0], latents[:, :, 1], atol=1e-3)


def test_latents_leave_nothing_to_chance(clips, vae):
    coded = vae.encode(clips[:2]).latent_dist
    assert torch.allclose(coded.sample(), coded.mode(), atol=1e-4)


def test_training_makes_the_decoder_better_and_leaves_the_encoder_alone(clips):
    threads, told = torch.get_num_threads(), []
    training = TinyVaeTraining(steps=20, batch=2, clips=len(clips))
    trained = train_tiny_vae(lambda count: clips[:count], training, told.append).vae
    torch.set_num_threads(threads)
    assert [report.step for report in told] == list(range(1, 21))
    untrained = build_linear_encoder(clips)
    latents = encode_clips(trained, clips[:8])
    assert torch.allclose(latents, encode_clips(untrained, clips[:8]), atol=1e-3)
    before, after = (float((decode_latents(one, latents) - clips[:8]).square().mean()) for one in (untrained, trained))
    assert after < before / 3


def test_it_is_saved_and_loaded_by_diffusers_alone(clips, vae, tmp_path):
    from diffusers import AutoencoderKLWan

    vae.save_pretrained(tmp_path)
    again = AutoencoderKLWan.from_pretrained(tmp_path, local_files_only=True)
    latents = encode_clips(again, clips[:2])
    assert torch.equal(latents, encode_clips(vae, clips[:2]))
    assert torch.equal(decode_latents(again, latents), decode_latents(vae, latents))
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix != ".json"] == [".safetensors"]
