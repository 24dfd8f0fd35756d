import numpy as np
import pytest
import torch

from generators.shapes import TRAINED, draw_shape_clips


@pytest.fixture(scope="module")
def clips():
    drawn = draw_shape_clips(np.random.default_rng(0), TRAINED * 2, frames=9, size=32)
    return torch.from_numpy(drawn.frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def psnr(vae, clips):
    again = vae.decode(vae.encode(clips).latent_dist.mode()).sample
    return float(10 * torch.log10(4 / (again - clips).square().mean()))


def test_latents_have_one_frame_for_the_first_and_one_for_each_further_four(clips):
    from generators.diffusers_video.patch_vae import fit_patch_vae

    vae = fit_patch_vae(clips)
    assert vae.encode(clips[:2]).latent_dist.mode().shape == (2, 12, 3, 8, 8)
    assert vae.decode(torch.zeros(1, 12, 3, 8, 8), return_dict=False)[0].shape == (1, 3, 9, 32, 32)


def test_more_components_keep_more_and_all_keep_everything(clips):
    from generators.diffusers_video.patch_vae import fit_patch_vae

    few, some, every = (psnr(fit_patch_vae(clips, z_dim), clips) for z_dim in (4, 12, 192))
    assert few < some - 3 and some > 24 and every > 60


def test_it_is_saved_and_loaded_as_diffusers_does(clips, tmp_path):
    from generators.diffusers_video.patch_vae import PatchVAE, fit_patch_vae

    vae = fit_patch_vae(clips)
    vae.save_pretrained(tmp_path)
    again = PatchVAE.from_pretrained(tmp_path, local_files_only=True)
    assert psnr(again, clips) == pytest.approx(psnr(vae, clips))
    assert list(again.config.latents_std) == list(vae.config.latents_std)
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix != ".json"] == [".safetensors"]
