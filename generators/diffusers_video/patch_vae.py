"""A VAE without training: blocks of pixels by their principal components. Imports torch and diffusers: import it late.

It has the interface that diffusers' Wan pipelines want of a VAE. As in Wan's own, the first frame is a latent frame
by itself, and each further latent frame stands for ``scale_factor_temporal`` frames.
"""

from types import SimpleNamespace
from typing import Any

import torch
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config

_FITTED_BLOCKS = 20_000


class PatchVAE(ModelMixin, ConfigMixin):
    """Codes blocks of ``scale_factor_temporal`` frames of ``scale_factor_spatial`` squared pixels in ``z_dim`` numbers.

    Attributes:
        components: D x z_dim, orthonormal, where D is the count of values in a block.
        centre: D, the mean block.
    """

    @register_to_config
    def __init__(
        self,
        z_dim: int = 12,
        scale_factor_spatial: int = 4,
        scale_factor_temporal: int = 4,
        latents_mean: tuple[float, ...] = (),
        latents_std: tuple[float, ...] = (),
    ) -> None:
        super().__init__()
        values = 3 * scale_factor_temporal * scale_factor_spatial**2
        self.components = torch.nn.Parameter(torch.zeros(values, z_dim), requires_grad=False)
        self.centre = torch.nn.Parameter(torch.zeros(values), requires_grad=False)

    def encode(self, clips: torch.Tensor, return_dict: bool = True) -> Any:
        """Latents of ``clips``, N x 3 x T x H x W from -1 to 1; a distribution without spread, as pipelines expect."""
        codes = ((self._split(clips) - self.centre) @ self.components).permute(0, 4, 1, 2, 3)
        certain = SimpleNamespace(mode=lambda: codes, sample=lambda generator=None: codes, mean=codes)
        return SimpleNamespace(latent_dist=certain) if return_dict else (certain,)

    def decode(self, latents: torch.Tensor, return_dict: bool = True) -> Any:
        """Clips of ``latents``, N x z_dim x t x h x w; values are clipped to -1 to 1."""
        space, time = self._steps
        blocks = latents.permute(0, 2, 3, 4, 1) @ self.components.T + self.centre
        count, t, h, w, _ = blocks.shape
        blocks = blocks.view(count, t, h, w, 3, time, space, space).permute(0, 4, 1, 5, 2, 6, 3, 7)
        clips = blocks.reshape(count, 3, t * time, h * space, w * space)[:, :, time - 1 :].clamp(-1, 1)
        return SimpleNamespace(sample=clips) if return_dict else (clips,)

    @property
    def _steps(self) -> tuple[int, int]:
        """Pixels and frames of a block."""
        config: Any = self.config
        return config.scale_factor_spatial, config.scale_factor_temporal

    def _split(self, clips: torch.Tensor) -> torch.Tensor:
        """Blocks, N x t x h x w x D; the first frame is repeated to fill a block."""
        space, time = self._steps
        filled = torch.cat([clips[:, :, :1].expand(-1, -1, time - 1, -1, -1), clips], 2)
        count, channels, frames, height, width = filled.shape
        t, h, w = frames // time, height // space, width // space
        blocks = filled.view(count, channels, t, time, h, space, w, space).permute(0, 2, 4, 6, 1, 3, 5, 7)
        return blocks.reshape(count, t, h, w, -1)


def fit_patch_vae(clips: torch.Tensor, z_dim: int = 12) -> PatchVAE:
    """The VAE whose components explain most of the variance of ``clips``, N x 3 x T x H x W from -1 to 1.

    The spread that pipelines divide latents by lies halfway, on a scale of ratios, between each channel's own and the
    largest: channels that say little stay quieter.
    """
    draft = PatchVAE(z_dim=z_dim)
    blocks = draft._split(clips).reshape(-1, len(draft.centre))
    centre = blocks.mean(0)
    chosen = torch.randperm(len(blocks), generator=torch.Generator().manual_seed(0))[:_FITTED_BLOCKS]
    components = torch.linalg.svd(blocks[chosen] - centre, full_matrices=False)[2][:z_dim].T.contiguous()
    codes = (blocks - centre) @ components
    spread = codes.std(0).clamp_min(1e-3)
    vae: PatchVAE = PatchVAE(
        z_dim=z_dim,
        latents_mean=tuple(codes.mean(0).tolist()),
        latents_std=tuple((spread * spread.max()).sqrt().tolist()),
    )
    vae.components.data, vae.centre.data = components, centre
    return vae
