"""When the frames of a video are shown, and how that becomes a constant rate and segments of one length."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from schemas.errors import MediaError

MIN_TAIL_FRAMES = 4
"""A shorter rest at the end of a source joins the segment before it."""

MAX_HOLE_SECONDS = 0.25
"""For so long a neighbour stands in for frames that are missing in a source of constant rate."""

MAX_SEGMENT_FRAMES = 4999
MAX_FPS = 240.0
_STEADY_STEP = 0.1
_STEADY_SHARE = 0.9


@dataclass(frozen=True)
class Timeline:
    """When each frame of a source is shown.

    Attributes:
        times: seconds on the container's clock, ascending, one for each frame.
        end: when the last frame ends, or when the container says that it should, seconds.
        fps: frames a second; the container's figure where the times bear it out, else their average.
    """

    times: np.ndarray
    end: float
    fps: float

    @property
    def is_steady(self) -> bool:
        """Whether the rate is constant, so that a hole means that frames were lost."""
        return _is_steady(self.times)


@dataclass(frozen=True)
class Segment:
    """A stretch of the normalised stream: ``frames`` frames from frame ``start`` on."""

    index: int
    start: int
    frames: int


def read_timeline(path: Path, nominal_fps: float) -> Timeline:
    """Read the times of all frames from the packets of ``path``; nothing is decoded.

    ``nominal_fps`` is what the container calls its average rate.

    Raises:
        MediaError: the file cannot be read, or has no video.
    """
    stamps, lengths = [], []
    try:
        # files alone: a text that poses as a video must not make FFmpeg open an address
        with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is not None and packet.size and not packet.is_discard:
                    stamps.append(stamp)
                    lengths.append(packet.duration or 0)
            tick = float(stream.time_base) if stream.time_base else 0.0
            declared = _declared_seconds(stream)
    except (av.FFmpegError, OSError, IndexError) as fault:
        raise MediaError(f"{path}: cannot be read as video: {fault}.", "The file is damaged or no video.") from fault
    if not stamps or not tick:
        raise MediaError(f"{path}: no frame in it has a time.", "Remux or re-encode the file.")
    order = np.argsort(stamps, kind="stable")
    times = np.unique(np.array(stamps)[order]) * tick
    last = lengths[order[-1]] * tick or _usual_step(times, nominal_fps)
    end = float(times[-1]) + last
    promised = float(times[0]) + declared
    return Timeline(times, promised if promised > end + MAX_HOLE_SECONDS else end, _rate(times, last, nominal_fps))


def show_times(timeline: Timeline, fps: float) -> np.ndarray:
    """For each frame of a stream at the constant rate ``fps``, the time of the source's frame nearest to it.

    Of two equally near frames the earlier is shown. Where frames are missing (beyond the last one, or in a hole of a
    source of constant rate) the time is one at which the source has none. There is at least one frame.
    """
    first = timeline.times[0]
    count = max(1, round((timeline.end - first) * fps))
    wanted = first + np.arange(count) / fps
    after = np.searchsorted(timeline.times, wanted).clip(1, max(1, len(timeline.times) - 1))
    before = after - 1
    after = np.minimum(after, len(timeline.times) - 1)
    nearer = timeline.times[after] - wanted < wanted - timeline.times[before] - 1e-9
    shown: np.ndarray = timeline.times[np.where(nearer, after, before)]
    must_be_near = (wanted > timeline.times[-1]) | timeline.is_steady
    return np.where(must_be_near & (np.abs(shown - wanted) > MAX_HOLE_SECONDS), wanted, shown)


def cut_segments(total: int, length: int) -> list[Segment]:
    """Cut ``total`` frames into segments of ``length``; the last one holds the rest.

    A rest of fewer than ``MIN_TAIL_FRAMES`` frames joins the segment before it, unless that would make this longer
    than ``MAX_SEGMENT_FRAMES``.
    """
    bounds = [*range(0, total, length), total]
    tail = bounds[-1] - bounds[-2]
    if len(bounds) > 2 and tail < min(MIN_TAIL_FRAMES, length) and length + tail <= MAX_SEGMENT_FRAMES:
        del bounds[-2]
    return [Segment(index, start, end - start) for index, (start, end) in enumerate(pairwise(bounds))]


def _declared_seconds(stream: Any) -> float:
    """How long the container says that the pictures last; 0 where it does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    written = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""))  # Matroska's own tag
    return (
        sum(float(part) * unit for part, unit in zip(written.groups(), (3600, 60, 1), strict=True)) if written else 0.0
    )


def _usual_step(times: np.ndarray, nominal_fps: float) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1 / nominal_fps


def _is_steady(times: np.ndarray) -> bool:
    steps = np.diff(times)
    usual = np.median(steps) if len(steps) else 0.0
    return not len(steps) or bool(np.mean(np.abs(steps - usual) <= _STEADY_STEP * usual) >= _STEADY_SHARE)


def _rate(times: np.ndarray, last: float, nominal_fps: float) -> float:
    """The nominal rate, unless the times tell another one; lost frames do not lower a constant rate."""
    if _is_steady(times):  # times in whole milliseconds blur a step by up to half of one
        measured, leeway = 1 / _usual_step(times, nominal_fps), 0.05
    else:
        measured, leeway = len(times) / (float(times[-1] - times[0]) + last), 0.02
    is_nominal = abs(measured - nominal_fps) <= leeway * nominal_fps
    return min(nominal_fps if is_nominal else round(measured, 3), MAX_FPS)
