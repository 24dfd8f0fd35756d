"""Sizes and lengths that a model can render, and the nearest of them to what a recipe asks for."""

from dataclasses import dataclass
from math import lcm
from typing import Any

from generators.diffusers_video.families import Family
from generators.diffusers_video.model_files import Component, ModelFiles
from schemas.errors import RecipeError


@dataclass(frozen=True)
class Geometry:
    """A model's rules: ``k * frame_step + 1`` frames (k from 0), width and height multiples of ``size_step`` pixels."""

    frame_step: int
    size_step: int

    def snap_frames(self, frames: int) -> int:
        """The nearest length that the model renders; the longer one of two as near."""
        return (2 * (frames - 1) + self.frame_step) // (2 * self.frame_step) * self.frame_step + 1

    def snap_size(self, pixels: int) -> int:
        """The nearest width or height that the model renders; the larger one of two as near; at least one step."""
        return max(1, (2 * pixels + self.size_step) // (2 * self.size_step)) * self.size_step


def read_geometry(files: ModelFiles, family: Family | None) -> Geometry:
    """The rules of the model in ``files``: those of its configuration, and of its family.

    Raises:
        RecipeError: neither the configuration nor the table of families tells.
    """
    vae, transformer = files.component("vae"), files.component("transformer")
    temporal, spatial = _compression(vae) if vae else (None, None)
    frame_step = temporal or (family.frame_step if family else None)
    # What the latents need, and what the pipeline's own check of its inputs asks for beyond that.
    steps = [spatial * _patch(transformer) if spatial else None, family.size_step if family else None]
    size_step = lcm(*filter(None, steps)) if any(steps) else None
    if frame_step is None or size_step is None:
        raise RecipeError(
            f"generator: {files.pipeline} ({files.name}) does not tell what sizes and lengths it renders.",
            "Use one of the families in docs/diffusers.md.",
        )
    return Geometry(frame_step, size_step)


def _compression(vae: Component) -> tuple[int | None, int | None]:
    """(frames, pixels) of video that one step of the latents stands for, by the configuration of the VAE."""
    config = vae.config()
    if "scale_factor_temporal" in config and "scale_factor_spatial" in config:  # Wan
        return int(config["scale_factor_temporal"]), int(config["scale_factor_spatial"])
    if "spatial_compression_ratio" in config and "temporal_compression_ratio" in config:  # Hunyuan, LTX-2
        temporal, spatial = config["temporal_compression_ratio"], config["spatial_compression_ratio"]
        if temporal and spatial:
            return int(temporal), int(spatial)
    if "spatio_temporal_scaling" in config and "patch_size_t" in config:  # LTX: each scaling block halves all three
        halvings = sum(map(bool, config["spatio_temporal_scaling"]))
        return int(config["patch_size_t"]) * 2**halvings, int(config["patch_size"]) * 2**halvings
    return None, None


def _patch(transformer: Component | None) -> int:
    patch: Any = transformer.config().get("patch_size", 1) if transformer else 1
    return int(patch[-1]) if isinstance(patch, list) else int(patch or 1)
