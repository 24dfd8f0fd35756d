"""What every generator offers: the identity of its clips, and the clips themselves, streamed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from schemas.recipe import ClipOptions
from schemas.records import ClipJob, ClipRecord, Failure, Origin
from storage.video import EncodedClip


@dataclass(frozen=True)
class RenderedClip:
    """A clip as a generator hands it over, not yet in the store.

    Attributes:
        job: what was asked for.
        encoded: the mp4 file, in the folder that the caller named.
        truth: exact labels (``schemas.tables.TRUTH``), where the generator knows them.
        origin: generator, model and licence.
        seconds: wall time spent on this clip.
        source_truth: exact labels of the source that it was restyled from, on the clip's frames and size; what the
            restyling left of them is for an annotator to find out.
    """

    job: ClipJob
    encoded: EncodedClip
    truth: pa.Table | None
    origin: Origin
    seconds: float
    source_truth: pa.Table | None = None

    def record(self) -> ClipRecord:
        """The record under which the store commits this clip."""
        return ClipRecord(
            clip_id=self.job.clip_id,
            scenario=self.job.scenario,
            media_id=self.encoded.media_id,
            frames=self.encoded.frames,
            fps=self.encoded.fps,
            width=self.encoded.width,
            height=self.encoded.height,
            size=self.encoded.size,
            origin=self.origin,
            segment=self.job.segment,
            attempt=self.job.attempt,
            has_truth=self.truth is not None,
            render_seconds=round(self.seconds, 3),
        )


class Generator(Protocol):
    """A source of clips. ``close`` ends whatever processes it keeps; it may be called twice."""

    def jobs(self) -> list[ClipJob]:
        """One job for each clip of the recipe, in a fixed order; renders nothing.

        Raises:
            FramefoundryError: the recipe cannot be carried out (no videos, a missing model).
        """
        ...

    def render(self, jobs: Sequence[ClipJob], folder: Path) -> Iterator[RenderedClip | Failure]:
        """Render ``jobs`` into files below ``folder``; one answer for each job, in any order, as it is ready."""
        ...

    def close(self) -> None:
        """Free processes and devices."""
        ...


@dataclass(frozen=True)
class RenderCost:
    """What a generator knows of the cost of its clips before it has rendered any.

    Attributes:
        clip: size and length that it will render.
        seconds: of one clip on one device; None where nothing is known.
        devices: how many render at the same time.
        memory_gb: GPU memory, GB; None where none is needed, or nothing is known.
        basis: where the figures come from, in words.
    """

    clip: ClipOptions
    seconds: float | None
    devices: int
    memory_gb: float | None
    basis: str


@runtime_checkable
class Costing(Protocol):
    """A generator that can tell what its clips will cost."""

    def cost(self) -> RenderCost:
        """Of one clip; nothing is loaded for it."""
        ...


def cost_of(generator: Generator) -> RenderCost | None:
    """What ``generator`` knows of its cost; None for one that leaves it to constants."""
    return generator.cost() if isinstance(generator, Costing) else None


@runtime_checkable
class Remarking(Protocol):
    """A generator that has things to say about how it understood its recipe, and how rendering went."""

    def remarks(self) -> tuple[str, ...]:
        """One line for each thing that the user should know; more of them once clips were rendered."""
        ...


def remarks_of(generator: Generator) -> tuple[str, ...]:
    """The remarks of ``generator``; none of one that makes none."""
    return generator.remarks() if isinstance(generator, Remarking) else ()
