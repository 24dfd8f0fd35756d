"""What the generator and its renderer processes say to each other."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from generators.clip_identity import attempt_seed
from schemas.errors import FramefoundryError
from schemas.records import ClipJob
from storage.video import EncodedClip

if TYPE_CHECKING:
    from generators.diffusers_video.inputs import Source


@dataclass(frozen=True)
class ClipTask:
    """One clip to render.

    Attributes:
        job: what is asked for, and which attempt it is.
        path: where the mp4 file goes.
        crf: x264 quality.
        source: first frame or video that it starts from; None for text to video.
    """

    job: ClipJob
    path: Path
    crf: int
    source: "Source | None" = None

    @property
    def clip_id(self) -> str:
        """Of the job."""
        return self.job.clip_id

    @property
    def seed(self) -> int:
        """Of this attempt's noise, in [0, 2**63)."""
        return attempt_seed(self.job.scenario, self.job.attempt)

    def next_attempt(self) -> "ClipTask":
        """The same clip with another seed."""
        return replace(self, job=replace(self.job, attempt=self.job.attempt + 1))


@dataclass(frozen=True)
class Ready:
    """The renderer can take a batch: the model is loaded, and the device is free or soon will be."""


@dataclass(frozen=True)
class Done:
    """A clip is written. ``notes``: what was given up for want of memory; ``seconds``: its share of the time."""

    clip_id: str
    attempt: int
    encoded: EncodedClip
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoiled:
    """A clip came out as NaN or black; another seed may do better. ``reason`` is ``not_finite`` or ``black_frames``."""

    clip_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class GivenUp:
    """A clip that cannot be rendered here, and another seed would not help."""

    clip_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Event:
    """Something worth recording that is no clip: a step down the memory ladder, a restart."""

    text: str


@dataclass(frozen=True)
class Usage:
    """How a device was used since its renderer had loaded its model.

    Attributes:
        device: such as ``cuda:0``.
        busy_seconds: time in which denoising or decoding ran.
        wall_seconds: time from the first denoising to the end of the last work.
        denoise_seconds, decode_seconds, encode_seconds: sums over batches and clips; they overlap.
        clips: finished.
        peak_memory_gb: most memory that tensors took on the device; 0 on a CPU.
        cached_share: share of block computations that the cache saved; None without a cache.
    """

    device: str
    busy_seconds: float = 0.0
    wall_seconds: float = 0.0
    denoise_seconds: float = 0.0
    decode_seconds: float = 0.0
    encode_seconds: float = 0.0
    clips: int = 0
    peak_memory_gb: float = 0.0
    cached_share: float | None = None

    @property
    def busy_share(self) -> float:
        """Share of the time, in [0, 1], in which the device had our work; 0 before any."""
        return self.busy_seconds / self.wall_seconds if self.wall_seconds else 0.0


def describe_usage(used: Usage) -> str:
    """One line for people."""
    text = f"{used.device}: busy {used.busy_share:.0%} of {used.wall_seconds:.0f} s, {used.clips} clips"
    text += f", at most {used.peak_memory_gb:.1f} GB" if used.peak_memory_gb else ""
    if used.cached_share is None:
        return text
    saved = f"; the cache saved {used.cached_share:.0%} of the blocks"
    return text + (saved if used.cached_share else f"{saved}: it has no effect, raise cache_threshold or remove it")


@dataclass(frozen=True)
class Fault:
    """The renderer cannot go on; ``fault`` is for the user."""

    fault: FramefoundryError


@dataclass(frozen=True)
class Batch:
    """Clips to render together."""

    tasks: tuple[ClipTask, ...]


Answer = Ready | Done | Spoiled | GivenUp | Event | Usage | Fault


@dataclass(frozen=True)
class RendererStart:
    """What a renderer process is started with.

    Attributes:
        device: such as ``cpu`` or ``cuda:0``.
        store: location of the store that keeps prompt embeddings.
        prompts: all texts of the recipe; those without a stored embedding are encoded first.
        memory_left_gb: device memory that the renderer must leave to others.
    """

    device: str
    store: str
    prompts: tuple[str, ...] = ()
    memory_left_gb: float = 0.0
