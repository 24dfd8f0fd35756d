"""From latents to frames: decode one clip, and refuse what is no picture."""

from typing import Any

import numpy as np

from generators.diffusers_video.denoising import DecodeCall, DeferredVae

BLACKEST = 8
"""A clip whose brightest value stays below this, of 255, is black: half-precision VAEs fail in this way."""


class SpoiledClipError(Exception):
    """A clip that is not a picture; ``reason`` is ``not_finite`` or ``black_frames``."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def decode_clip(pipe: Any, vae: DeferredVae, call: DecodeCall) -> np.ndarray:
    """Decode one clip; its frames, uint8 F x H x W x 3 RGB.

    Raises:
        SpoiledClipError: NaN, infinity, or nothing but black.
        torch.OutOfMemoryError: the device's memory is exhausted.
    """
    import torch

    with torch.no_grad():
        video = vae.decode(call)
        if not bool(torch.isfinite(video).all()):
            raise SpoiledClipError("not_finite", "the decoded frames hold NaN or infinity")
        pictures = pipe.video_processor.postprocess_video(video, output_type="pt")[0]  # F x 3 x H x W in [0, 1]
        # Rounded on the device: a quarter of the bytes to copy.
        bytes_ = (pictures.float() * 255).round().clamp(0, 255).to(torch.uint8)
        frames: np.ndarray = bytes_.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    brightest = int(frames.max())
    if brightest < BLACKEST:
        raise SpoiledClipError("black_frames", f"the brightest value of all frames is {brightest} of 255")
    return frames
