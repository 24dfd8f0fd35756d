"""Speed and memory: what each profile means, and what a recipe's single options make of it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from schemas.diffusers_options import Attention, Cache, DiffusersOptions, Dtype, Offload, Profile, Quantise


@dataclass(frozen=True)
class Settings:
    """How a pipeline is run; see ``DiffusersOptions`` for each.

    ``overlap`` decodes and encodes one batch while the next is denoised.
    """

    dtype: Dtype = "bfloat16"
    vae_dtype: Dtype = "float32"
    attention: Attention = "native"
    cache: Cache = "none"
    cache_threshold: float = 0.1
    cache_interval: int = 3
    compile: bool = False
    quantise: Quantise = "none"
    offload: Offload = "none"
    vae_tiling: bool = False
    batch: int = 2
    overlap: bool = True


LOSSY = ("dtype", "vae_dtype", "attention", "cache", "cache_threshold", "cache_interval", "quantise", "vae_tiling")
"""Settings that change pixels by more than the order of floating-point sums; they are part of a clip's identity."""

_CACHE_SETTINGS = {"cache_threshold": "first_block", "cache_interval": "taylorseer"}

PROFILES: dict[Profile, Settings] = {
    "balanced": Settings(),
    "fast": Settings(batch=4, compile=True, cache="first_block"),
    "low-memory": Settings(batch=1, offload="model", vae_tiling=True, overlap=False),
}


def resolve_settings(options: DiffusersOptions, *, distilled: bool, dtype: Dtype = "bfloat16") -> Settings:
    """The settings of ``options``: the profile's, with the recipe's single options over them.

    A profile's cache is left out for a ``distilled`` model, whose few steps have nothing in common to reuse. ``dtype``
    is the model's own recommendation.
    """
    chosen = replace(PROFILES[options.profile], dtype=dtype)
    if distilled:
        chosen = replace(chosen, cache="none")
    own = {name: getattr(options, name) for name in asdict(chosen) if name != "overlap"}
    given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if given.get("offload", chosen.offload) != "none":
        given["overlap"] = False  # parts that move between host and GPU cannot be used by two threads
    return replace(chosen, **given)


def lossy_settings(settings: Settings) -> dict[str, Any]:
    """Those settings that determine pixels, JSON-ready; a cache's own settings only where that cache is used."""
    unused = {name for name, cache in _CACHE_SETTINGS.items() if settings.cache != cache}
    return {name: value for name, value in asdict(settings).items() if name in LOSSY and name not in unused}
