"""Tiling cuts what is larger than a tile, and where it cuts nothing the user is told."""

import pytest

from generators.diffusers_video.loading import load_renderer
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.tiling import describe_idle_tiling, tiles_engage
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions


def decode(vae, latents):
    """What the VAE makes of ``latents``, and the widest picture that its decoder saw at once, in latents."""
    import torch

    seen = []
    hook = vae.decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    with torch.no_grad():
        video = vae.decode(latents).sample
    hook.remove()
    return video, max(seen)


@pytest.mark.parametrize(("model", "width", "height", "compression"), [("wan", 272, 32, 8), ("ltx", 544, 32, 32)])
def test_larger_frames_are_decoded_in_tiles_and_come_out_otherwise(plan_of, model, width, height, compression):
    import torch

    clip = ClipOptions(frames=5, fps=8, width=width, height=height)
    whole, tiled = (load_renderer(plan_of(model, clip, vae_tiling=on), "cpu").vae for on in (False, True))
    shape = (1, 16, 1, height // compression, width // compression)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    (expected, at_once), (found, in_tiles) = decode(whole, latents), decode(tiled, latents)
    assert in_tiles < at_once == width // compression
    assert (found - expected).abs().max() > 0


@pytest.mark.parametrize("model", ["wan", "ltx", "mochi", "cogvideox"])
def test_the_plan_knows_each_vaes_tile_as_the_loaded_vae_has_it(plan_of, models, model):
    plan = plan_of(model)
    pipe = load_renderer(plan, "cpu")
    vae = locate_model(DiffusersOptions(model=str(models(model)))).component("vae")
    tile = pipe.vae.tile_sample_min_width, pipe.vae.tile_sample_min_height
    for width, height in (tile, (tile[0] + 1, 1), (1, tile[1] + 1)):
        idle = describe_idle_tiling(vae, width, height) is not None
        assert idle is not tiles_engage(pipe, width, height), (width, height)


def test_tiling_that_would_cut_nothing_is_said_by_the_plan(plan_of):
    def notes(width: int, **options) -> str:
        return " ".join(plan_of("wan", ClipOptions(frames=5, fps=8, width=width, height=32), **options).notes)

    said = "vae_tiling has no effect at 96x32: AutoencoderKLWan decodes what fits into 256x256 as a whole"
    assert said in notes(96, vae_tiling=True)
    assert said in notes(96, profile="low-memory")
    assert "vae_tiling" not in notes(96) + notes(288, vae_tiling=True)
