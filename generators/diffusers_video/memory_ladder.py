"""What to give up, step by step, when a device runs out of memory; never frames, never size."""

from dataclasses import dataclass, replace
from typing import Literal

from generators.diffusers_video.profiles import Settings

Work = Literal["denoise", "decode"]


@dataclass(frozen=True)
class Footing:
    """How much memory the renderer allows itself at the moment.

    Attributes:
        batch: clips denoised together.
        overlap: whether one batch is decoded while the next is denoised.
        vae_tiling, offload: as in ``Settings``.
    """

    batch: int
    overlap: bool
    vae_tiling: bool
    offload: str


class MemoryLadder:
    """The rungs below a footing, from the cheapest: smaller batches, decoding by itself, VAE tiling, offload.

    What was given up stays given up for the life of the renderer, and is noted on the clips that come after. Rungs that
    would change nothing here (``can_offload`` and ``can_tile`` tell) are left out.
    """

    def __init__(self, settings: Settings, *, can_offload: bool, can_tile: bool) -> None:
        self.footing = Footing(settings.batch, settings.overlap, settings.vae_tiling, settings.offload)
        self.taken: tuple[str, ...] = ()
        self._can_offload = can_offload
        self._can_tile = can_tile

    def step_down(self, work: Work, clips: int) -> str | None:
        """Take the next rung after ``work`` on ``clips`` clips found no memory; its name, or None at the end."""
        below = self._below(work, clips)
        if below is None:
            return None
        self.footing, name = below
        self.taken = (*self.taken, name)
        return name

    def _below(self, work: Work, clips: int) -> tuple[Footing, str] | None:
        now = self.footing
        if work == "denoise" and clips > 1:
            return replace(now, batch=clips // 2), f"batch {clips // 2}"
        if now.overlap:
            return replace(now, overlap=False), "decode by itself"
        if self._can_tile and not now.vae_tiling:
            return replace(now, vae_tiling=True), "vae tiling"
        if self._can_offload and now.offload == "none":
            return replace(now, offload="model"), "offload model"
        return None


def is_out_of_memory(fault: BaseException) -> bool:
    """Whether ``fault`` means that memory ran out, on a device or on the host."""
    import torch

    if isinstance(fault, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(fault).lower()
    return isinstance(fault, RuntimeError) and any(
        sign in text for sign in ("out of memory", "can't allocate memory", "alloc_failed")
    )
