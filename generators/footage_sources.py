"""One existing video as a row of clips: which stretches, at which rate and size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from generators.clip_identity import footage_clip_id, scenario_identity
from generators.footage_files import hash_file
from generators.footage_frames import Fit, choose_fit
from generators.footage_timeline import Segment, cut_segments, read_timeline, show_times
from schemas.errors import MediaError
from schemas.generator_options import FootageOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Scenario, SourceSegment
from storage.video import probe

KIND = "footage"
VERSION = "1"
MAX_FRAMES = 24 * 3600 * 60
"""A day at 60 frames a second. A file of two frames may claim to last for years."""


@dataclass(frozen=True)
class Plan:
    """How a readable source becomes clips.

    Attributes:
        fps: constant rate of the clips, frames a second.
        fit: what becomes of the picture.
        times: for each frame of the whole normalised stream, when it is shown on the source's clock, seconds.
        segments: the clips.
    """

    fps: float
    fit: Fit
    times: np.ndarray
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Source:
    """A video file of the folder.

    Attributes:
        path: of the file.
        name: relative to the folder, with forward slashes.
        sha256: of its bytes.
        plan: None when it cannot be read.
        fault: why not; empty when it can.
        jobs: one for each segment; a single one, bound to fail, for a file that cannot be read.
    """

    path: Path
    name: str
    sha256: str
    plan: Plan | None
    fault: str
    jobs: tuple[ClipJob, ...] = field(repr=False)


def open_source(path: Path, name: str, options: FootageOptions, clip: ClipOptions) -> Source:
    """Plan the clips of the video at ``path``: its bytes are hashed, its packets read, its first frame decoded.

    Raises:
        MediaError: the bytes cannot be read. Whatever else is wrong with the file is told in ``fault``.
    """
    sha256 = hash_file(path)
    try:
        plan, fault = _plan_clips(path, options, clip), ""
    except MediaError as error:
        plan, fault = None, str(error)
    normalisation = _normalisation(plan, options, clip)
    segments = plan.segments if plan else (Segment(0, 0, 0),)
    jobs = (_job(name, SourceSegment(sha256, path.name, s.index, s.start), s.frames, normalisation) for s in segments)
    return Source(path, name, sha256, plan, fault, tuple(jobs))


def _plan_clips(path: Path, options: FootageOptions, clip: ClipOptions) -> Plan:
    info = probe(path)
    if min(info.width, info.height) < 2:
        raise MediaError(f"{path}: a picture of {info.width}x{info.height} cannot be encoded.", "Remove the file.")
    timeline = read_timeline(path, info.fps)
    fps = timeline.fps if options.fps == "source" else clip.fps
    seconds = timeline.end - float(timeline.times[0])
    if seconds * fps > MAX_FRAMES:
        raise MediaError(f"{path}: {seconds:.0f} s at {fps:g} frames a second are over {MAX_FRAMES} frames.", "Cut it.")
    times = show_times(timeline, fps)
    fit = choose_fit((info.width, info.height), info.rotation, (clip.width, clip.height), options.fit)
    return Plan(fps, fit, times, tuple(cut_segments(len(times), clip.frames)))


def _normalisation(plan: Plan | None, options: FootageOptions, clip: ClipOptions) -> dict[str, Any]:
    """All that turns the file's frames into the clips', JSON-ready."""
    return {
        "generator": KIND,
        "version": VERSION,
        "fps": plan.fps if plan else 0,
        "size": [plan.fit.width, plan.fit.height] if plan else [],
        "fit": options.fit,
        "crf": clip.crf,
    }


def _job(name: str, place: SourceSegment, frames: int, normalisation: Mapping[str, Any]) -> ClipJob:
    attributes = {"source": name}
    scenario = Scenario(
        scenario_id=scenario_identity("", "", attributes, {}, place.index),
        prompt="",
        attributes=attributes,
        repeat=place.index,
    )
    return ClipJob(footage_clip_id(place, {**normalisation, "frames": frames}), scenario, place)
