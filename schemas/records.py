"""What the stages hand each other about scenarios and clips."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from schemas.errors import StoreError
from schemas.version import SCHEMA_VERSION, check_schema_version


@dataclass(frozen=True)
class Scenario:
    """One thing to render: the words, and what they mean as data.

    Attributes:
        scenario_id: hash of prompt, negative prompt, attributes, objects and repeat. Neither the recipe's name nor
            the weights of its axes are in it, so that a scenario keeps its identity when the recipe grows.
        prompt: text for the generator; empty for footage.
        negative_prompt: text to steer away from; may be empty.
        attributes: axis name -> value, such as ``{"weather": "fog"}``.
        objects: promised class name -> count; empty where nothing was promised.
        repeat: 0 for the first clip of this prompt, 1 for the second, …
        seed: in [0, 2**63); from the recipe's seed and the scenario alone.
    """

    scenario_id: str
    prompt: str
    negative_prompt: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)
    repeat: int = 0
    seed: int = 0


@dataclass(frozen=True)
class SourceSegment:
    """A stretch of an existing video.

    Attributes:
        sha256: of the source file's bytes.
        name: the file's name, without its folder.
        index: 0 for the first segment of the source.
        start: first frame, counted from 0 in the normalised stream.
    """

    sha256: str
    name: str
    index: int
    start: int


@dataclass(frozen=True)
class ClipJob:
    """One clip that a generator is asked for.

    Attributes:
        clip_id: hash of all inputs that determine the pixels.
        scenario: what to show.
        segment: for footage, which stretch of which file; None for rendered clips.
        attempt: 0 at first; a retry's seed is a hash of the scenario's seed and the attempt.
    """

    clip_id: str
    scenario: Scenario
    segment: SourceSegment | None = None
    attempt: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a clip's pixels come from; recorded with it and published.

    Attributes:
        generator: kind: procedural, footage or diffusers.
        version: the generator's own version.
        model, revision: of a diffusion model; empty elsewhere.
        licence: of the clip as an output.
        synthetic: False for camera footage.
        notes: what was done differently from plan for want of memory, such as "batch 1; vae tiling"; mostly empty.
    """

    generator: str
    version: str
    model: str = ""
    revision: str = ""
    licence: str = ""
    synthetic: bool = True
    notes: str = ""


@dataclass(frozen=True)
class ClipRecord:
    """A committed clip. ``media_id`` is SHA-256 over its encoded video packets and survives remuxing and signing.

    Attributes:
        clip_id, scenario, segment, attempt: as in the :class:`ClipJob` that it answers.
        media_id: 64 hexadecimal digits.
        frames, fps, width, height: of the file as written; fps in frames a second, sizes in pixels.
        size: of the file, bytes.
        origin: generator, model and licence.
        has_truth: whether exact labels are committed beside it.
        render_seconds: wall time spent on it.
    """

    clip_id: str
    scenario: Scenario
    media_id: str
    frames: int
    fps: float
    width: int
    height: int
    size: int
    origin: Origin
    segment: SourceSegment | None = None
    attempt: int = 0
    has_truth: bool = False
    render_seconds: float = 0.0

    @property
    def family(self) -> str:
        """What must stay on one side of a split: the source video, or the prompt text."""
        return self.segment.sha256 if self.segment else self.scenario.prompt

    @property
    def media_key(self) -> str:
        """Where the store keeps the file."""
        return f"media/{self.media_id[:2]}/{self.media_id}.mp4"


@dataclass(frozen=True)
class Failure:
    """A clip that did not come to be at some stage, and why.

    Attributes:
        clip_id: of the clip.
        stage: render, detect, track or score.
        reason: a short name that outcomes are counted by, such as ``unreadable``, ``black_frames``, ``timeout``.
        detail: the message for a person.
    """

    clip_id: str
    stage: str
    reason: str
    detail: str


def clip_to_json(record: ClipRecord) -> dict[str, Any]:
    """A JSON-ready mapping of ``record``, with the schema version in it."""
    return {"schema_version": SCHEMA_VERSION, **asdict(record)}


def clip_from_json(data: Mapping[str, Any], where: str = "clip record") -> ClipRecord:
    """The inverse of :func:`clip_to_json`; keys that later minor changes may add are left out.

    Raises:
        StoreError: the record was written by a newer version, or a key is missing.
    """
    check_schema_version(data.get("schema_version"), where)
    try:
        segment = _known(SourceSegment, data["segment"]) if data.get("segment") else None
        scenario, origin = _known(Scenario, data["scenario"]), _known(Origin, data["origin"])
        return replace(_known(ClipRecord, data), scenario=scenario, origin=origin, segment=segment)
    except (KeyError, TypeError, AttributeError) as fault:
        raise StoreError(
            f"{where}: is not a whole clip record: {fault}.", "Remove it to render the clip again."
        ) from None


_Record = TypeVar("_Record", ClipRecord, Scenario, Origin, SourceSegment)


def _known(kind: type[_Record], data: Mapping[str, Any]) -> _Record:
    """A ``kind`` from those of ``data`` that it knows."""
    return kind(**{name.name: data[name.name] for name in fields(kind) if name.name in data})
