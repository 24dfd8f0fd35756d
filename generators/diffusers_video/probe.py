"""What a loaded pipeline takes and gives, read from its call signature and attributes."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generators.diffusers_video.geometry import Geometry
from schemas.diffusers_options import Mode
from schemas.errors import EnvironmentFault

_FRAMES = ("num_frames", "frames", "video_length")
_RATE = ("frame_rate", "fps", "target_fps")
_TEMPORAL = ("vae_scale_factor_temporal", "vae_temporal_compression_ratio", "vae_temporal_scale_factor")
_SPATIAL = ("vae_scale_factor_spatial", "vae_spatial_compression_ratio", "vae_scale_factor")
_OUTPUTS = ("frames", "video", "videos", "images")


@dataclass(frozen=True)
class CallShape:
    """How a pipeline class is called.

    Attributes:
        mode: what a clip starts from: ``video`` and ``image`` where it asks for one, else ``text``.
        frames: name of its frame count; None where the input video tells it.
        rate: name of its frame rate; None where the model knows only one.
        accepted: names of all its arguments.
        reports_steps: whether it calls back after each denoising step, so that a run can be checked and cancelled.
    """

    mode: Mode
    frames: str | None
    rate: str | None
    accepted: frozenset[str]
    reports_steps: bool

    def keep(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of ``values`` that the call accepts and that are not None."""
        return {name: value for name, value in values.items() if name in self.accepted and value is not None}


def probe_call(pipeline: type) -> CallShape:
    """The shape of the call of the pipeline class ``pipeline``."""
    names = frozenset(inspect.signature(pipeline.__call__).parameters)
    mode: Mode = "video" if "video" in names else "image" if "image" in names else "text"
    frames = next((name for name in _FRAMES if name in names), None)
    rate = next((name for name in _RATE if name in names), None)
    return CallShape(mode, frames, rate, names, "callback_on_step_end" in names)


def probe_geometry(pipeline: Any) -> Geometry | None:
    """The rules of a loaded pipeline by its own attributes; None where it has none of the known ones."""
    frame_step = _first_attribute(pipeline, _TEMPORAL)
    size_step = _first_attribute(pipeline, _SPATIAL)
    if frame_step is None or size_step is None:
        return None
    patch = getattr(getattr(getattr(pipeline, "transformer", None), "config", None), "patch_size", 1)
    return Geometry(frame_step, size_step * int(patch[-1] if isinstance(patch, list | tuple) else patch or 1))


def output_of(result: Any) -> Any:
    """The frames in what a pipeline returned.

    Raises:
        EnvironmentFault: none of the known attributes is there.
    """
    found = next((getattr(result, name) for name in _OUTPUTS if getattr(result, name, None) is not None), None)
    if found is None:
        raise EnvironmentFault(
            f"the pipeline returned {type(result).__name__}, which has none of {', '.join(_OUTPUTS)}.",
            "Use one of the families in docs/diffusers.md.",
        )
    return found


def check_mode(shape: CallShape, mode: Mode, pipeline: str) -> None:
    """Refuse a pipeline that cannot start from what the recipe gives it.

    Raises:
        EnvironmentFault: its signature asks for something else.
    """
    if shape.mode != mode:
        raise EnvironmentFault(
            f"{pipeline} starts from {shape.mode}, the recipe's mode is {mode}.", f"Set `mode: {shape.mode}`."
        )


def _first_attribute(pipeline: Any, names: tuple[str, ...]) -> int | None:
    return next((int(getattr(pipeline, name)) for name in names if getattr(pipeline, name, None)), None)
