"""What a clip will cost, from what is known before anything is loaded: published figures, or the model's arithmetic."""

import json
import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path

from generators.diffusers_video.presets import Preset, preset_of_model
from generators.diffusers_video.render_plan import RenderPlan

CPU_RATE = 4.0e9
"""Parameters times tokens that one CPU core gets through in a second, measured with the bundled tiny model."""

_USUAL_STEPS = 50


def estimate_clip(plan: RenderPlan, devices: Sequence[str]) -> tuple[float | None, float | None, str]:
    """Seconds of one clip on one of ``devices``, GB of GPU memory, and in words where the figures come from.

    None stands for what nobody has published; a figure is never made up for another device's.
    """
    preset = preset_of_model(plan.model)
    if all(device == "cpu" for device in devices):
        return _seconds_on_cpu(plan), None, "the transformer's arithmetic on one CPU core, to a factor of a few"
    memory = preset.memory_gb if preset else None
    if preset is None or preset.published_seconds is None:
        return None, memory, f"no published figure for {plan.model}; render a few clips and plan again"
    basis = f"a published figure ({preset.published_seconds:g} s a clip of {preset.name} on one H200), in proportion"
    return _scale(preset, preset.published_seconds, plan), memory, basis


def _scale(preset: Preset, seconds: float, plan: RenderPlan) -> float:
    """In proportion to steps and pixels; attention grows faster, so that larger clips take longer than this."""
    pixels = plan.width * plan.height * plan.frames / (preset.width * preset.height * preset.frames)
    return seconds * pixels * (plan.steps or preset.steps) / preset.steps


def _seconds_on_cpu(plan: RenderPlan) -> float:
    geometry = plan.geometry
    tokens = (
        ((plan.frames - 1) // geometry.frame_step + 1)
        * (plan.width // geometry.size_step)
        * (plan.height // geometry.size_step)
    )
    passes = (plan.steps or _USUAL_STEPS) * (2 if plan.guided else 1)
    return _count_parameters(plan.folder / "transformer") * tokens * passes / CPU_RATE


def _count_parameters(folder: Path) -> int:
    """By the headers of the .safetensors files in ``folder``: eight bytes of length, then JSON."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length))
        total += sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    return total
