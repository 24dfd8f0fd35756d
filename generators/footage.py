"""Clips of existing footage: every video of a folder at a constant rate, upright, cut into segments."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from generators.footage_files import find_videos
from generators.footage_frames import read_at
from generators.footage_sources import KIND, VERSION, Plan, Source, open_source
from generators.footage_timeline import Segment
from generators.protocol import RenderedClip
from schemas.errors import MediaError
from schemas.generator_options import FootageOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Failure, Origin
from storage.video import EncodedClip, write_clip

logger = logging.getLogger(__name__)


class FootageGenerator:
    """Cuts existing videos into clips; implements ``generators.protocol.Generator``.

    Each source keeps its frame rate (``options.fps`` is ``source``) or is brought to the clip's (``clip``) by showing
    the nearest frame at each moment; a variable rate becomes constant either way. Pictures are turned upright and
    fitted in size (``options.fit``); the stream is cut into segments of ``clip.frames`` frames.

    A file that cannot be read, or whose end is missing, is one failed clip. Damage inside a file fails the segments
    that it touches, the others are kept. Of several copies of one file the first is taken.
    """

    def __init__(self, options: FootageOptions, clip: ClipOptions) -> None:
        self._options = options
        self._clip = clip

    def jobs(self) -> list[ClipJob]:
        """One job for each segment of each source, by name and place; decodes one frame of each source.

        Raises:
            MediaError: no such folder, or no video in it.
        """
        return [job for source in self._sources.values() for job in source.jobs]

    def render(self, jobs: Sequence[ClipJob], folder: Path) -> Iterator[RenderedClip | Failure]:
        """Write the segments that ``jobs`` name, source by source, each decoded once from its first wanted segment."""
        by_source: dict[str, list[ClipJob]] = {}
        for job in jobs:
            by_source.setdefault(job.segment.sha256 if job.segment else "", []).append(job)
        for sha256, wanted in by_source.items():
            source = self._sources.get(sha256)
            if source is None:
                yield from (_failure(job, "missing", "The source is no longer in the folder.") for job in wanted)
            elif source.plan is None:
                yield from (_failure(job, "unreadable", source.fault) for job in wanted)
            else:
                yield from self._render_source(source, source.plan, wanted, folder)

    def close(self) -> None:
        """Nothing is kept open."""

    @cached_property
    def _sources(self) -> Mapping[str, Source]:
        """The folder's videos by the hash of their bytes."""
        root = self._options.path
        found: dict[str, Source] = {}
        for path in find_videos(root):
            name = path.name if path == root else path.relative_to(root).as_posix()
            source = open_source(path, name, self._options, self._clip)
            if source.sha256 in found:
                logger.warning("%s: passed over, it is a copy of %s", path, found[source.sha256].path)
            else:
                found[source.sha256] = source
        return found

    def _render_source(
        self, source: Source, plan: Plan, jobs: Sequence[ClipJob], folder: Path
    ) -> Iterator[RenderedClip | Failure]:
        """Decode in one go; after damage, again from the next segment on."""
        segment_of = {job.clip_id: segment for job, segment in zip(source.jobs, plan.segments, strict=True)}
        pending = sorted(
            (job for job in jobs if job.clip_id in segment_of), key=lambda job: segment_of[job.clip_id].start
        )
        for job in jobs:
            if job.clip_id not in segment_of:
                yield _failure(job, "missing", f"{source.path} has no such segment any more.")
        while pending:
            frames = read_at(source.path, _times(plan, [segment_of[job.clip_id] for job in pending]), plan.fit)
            while pending:
                job = pending.pop(0)
                started = time.perf_counter()
                try:
                    encoded = self._write(folder / f"{job.clip_id}.mp4", frames, segment_of[job.clip_id], plan.fps)
                except MediaError as fault:
                    yield _failure(job, "unreadable", str(fault))
                    break
                yield RenderedClip(job, encoded, None, self._origin, time.perf_counter() - started)

    def _write(self, path: Path, frames: Iterator[np.ndarray], segment: Segment, fps: float) -> EncodedClip:
        encoded = write_clip(path, islice(frames, segment.frames), fps, crf=self._clip.crf)
        if encoded.frames != segment.frames:
            path.unlink()
            raise MediaError(f"{encoded.frames} frames where {segment.frames} were planned.", "The file is damaged.")
        return encoded

    @property
    def _origin(self) -> Origin:
        return Origin(KIND, VERSION, licence=self._options.licence, synthetic=self._options.synthetic)


def _times(plan: Plan, segments: Sequence[Segment]) -> np.ndarray:
    return np.concatenate([plan.times[segment.start : segment.start + segment.frames] for segment in segments])


def _failure(job: ClipJob, reason: str, detail: str) -> Failure:
    return Failure(job.clip_id, "render", reason, detail)
