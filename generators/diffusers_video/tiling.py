"""Decoding in overlapping tiles: from which size on a VAE does so, and turning it on."""

from typing import Any

from generators.diffusers_video.model_files import Component
from schemas.errors import EnvironmentFault

# A VAE that is told to tile decodes a picture that fits into one tile as a whole, and says nothing.
_TILES = {
    "AutoencoderKLWan": 256,
    "AutoencoderKLMochi": 256,
    "AutoencoderKLHunyuanVideo15": 256,
    "AutoencoderKLLTXVideo": 512,
    "AutoencoderKLLTX2Video": 512,
}


def describe_idle_tiling(vae: Component | None, width: int, height: int) -> str | None:
    """Why tiling has no effect on frames of ``width`` x ``height`` pixels; None where it has, or nobody knows."""
    tile = _tile_size(vae) if vae else None
    if vae is None or tile is None or width > tile[0] or height > tile[1]:
        return None
    return (
        f"vae_tiling has no effect at {width}x{height}: {vae.class_name} decodes what fits into "
        f"{tile[0]}x{tile[1]} as a whole"
    )


def tiles_engage(pipe: Any, width: int, height: int) -> bool:
    """Whether the loaded VAE, told to tile, would cut frames of ``width`` x ``height`` pixels."""
    vae = pipe.vae
    if not hasattr(vae, "enable_tiling"):
        return False
    known = hasattr(vae, "tile_sample_min_width") and hasattr(vae, "tile_sample_min_height")
    return not known or width > vae.tile_sample_min_width or height > vae.tile_sample_min_height


def enable_tiling(pipe: Any) -> None:
    """Decode and encode in overlapping tiles.

    Raises:
        EnvironmentFault: this VAE cannot.
    """
    enable = getattr(pipe.vae, "enable_tiling", None)
    if enable is None:
        raise EnvironmentFault(f"{type(pipe.vae).__name__} cannot decode in tiles.", "Remove `vae_tiling`.")
    enable()


def _tile_size(vae: Component) -> tuple[int, int] | None:
    """(width, height) of a tile, in pixels."""
    if vae.class_name == "AutoencoderKLCogVideoX":
        config = vae.config()
        return config.get("sample_width", 720) // 2, config.get("sample_height", 480) // 2
    side = _TILES.get(vae.class_name)
    return (side, side) if side else None
