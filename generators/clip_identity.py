"""What a clip's name is made of: the inputs that determine its pixels, and nothing else."""

from collections.abc import Mapping
from typing import Any

from schemas.identity import digest, stable_seed
from schemas.recipe import ClipOptions
from schemas.records import Scenario, SourceSegment

ENCODER_VERSION = 2
"""Of :mod:`storage.video`'s encoding, which is not imported here, so that planning stays light."""


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
            "encoder": ENCODER_VERSION,
        }
    )


def footage_clip_id(segment: SourceSegment, normalisation: Mapping[str, Any]) -> str:
    """The ``clip_id`` of a segment of existing footage; the file's name is not in it.

    Args:
        segment: the stretch of which file.
        normalisation: JSON-ready settings that turn the file's frames into the clip's: kind and version of the
            generator, rate, length, size, fit, encoder quality.
    """
    return digest(
        {
            "source": segment.sha256,
            "index": segment.index,
            "start": segment.start,
            "normalisation": dict(normalisation),
            "encoder": ENCODER_VERSION,
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
