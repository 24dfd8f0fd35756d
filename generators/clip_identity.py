"""What a clip's name is made of: the inputs that determine its pixels, and nothing else."""

from collections.abc import Mapping
from typing import Any

from schemas.generator_options import FootageOptions
from schemas.identity import digest, stable_seed
from schemas.recipe import ClipOptions
from schemas.records import Scenario, SourceSegment


def scenario_identity(
    prompt: str,
    negative_prompt: str,
    attributes: Mapping[str, str],
    objects: Mapping[str, int],
    repeat: int,
) -> str:
    """The ``scenario_id``: a hash of what is to be shown.

    Neither the recipe's name nor its seed nor the weights of its axes are in it, and the order of attributes and
    objects does not matter.
    """
    return digest(
        {
            "prompt": prompt,
            "negative": negative_prompt,
            "attributes": dict(attributes),
            "objects": dict(objects),
            "repeat": repeat,
        }
    )


def rendered_clip_id(
    scenario: Scenario, generator: str, version: str, parameters: Mapping[str, Any], clip: ClipOptions
) -> str:
    """The ``clip_id`` of a rendered clip.

    Args:
        scenario: what to show; its seed is part of the identity.
        generator: kind of generator, such as ``procedural``.
        version: of the generator; to be raised whenever its pixels change.
        parameters: JSON-ready settings of the generator that its pixels depend on.
        clip: length, rate, size and encoder quality.
    """
    return digest(
        {
            "scenario": scenario.scenario_id,
            "seed": scenario.seed,
            "generator": generator,
            "version": version,
            "parameters": dict(parameters),
            "clip": clip.model_dump(mode="json"),
        }
    )


def footage_clip_id(
    segment: SourceSegment,
    frames: int,
    fps: float,
    size: tuple[int, int],
    options: FootageOptions,
    version: str,
    crf: int,
) -> str:
    """The ``clip_id`` of a segment of existing footage; the file's name is not in it.

    Args:
        segment: the stretch of which file.
        frames: its length in the normalised stream.
        fps: rate that the source is brought to, frames a second.
        size: width and height that the source is brought to, pixels.
        options: how it is brought there.
        version: of the normalisation; to be raised whenever its pixels change.
        crf: encoder quality.
    """
    return digest(
        {
            "source": segment.sha256,
            "start": segment.start,
            "frames": frames,
            "fps": fps,
            "size": list(size),
            "fit": options.fit,
            "generator": options.kind,
            "version": version,
            "crf": crf,
        }
    )


def attempt_seed(scenario: Scenario, attempt: int) -> int:
    """The seed of one attempt, in [0, 2**63): the scenario's own at first, a hash of it and the attempt later.

    Raises:
        ValueError: ``attempt`` is negative.
    """
    if attempt < 0:
        raise ValueError(f"attempt must be at least 0, got {attempt}")
    return stable_seed(scenario.seed, attempt) if attempt else scenario.seed
