"""When the frames of a video are shown, and how that becomes a constant rate and segments of one length."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from schemas.errors import MediaError

MIN_TAIL_FRAMES = 4
"""A shorter rest at the end of a source joins the segment before it."""

MAX_SEGMENT_FRAMES = 4999
MAX_FPS = 240.0
_STEADY = 0.02


@dataclass(frozen=True)
class Timeline:
    """When each frame of a source is shown.

    Attributes:
        times: seconds on the container's clock, ascending, one for each frame.
        end: when the last frame ends, seconds.
        fps: frames a second; the container's figure where the times bear it out, else their average.
    """

    times: np.ndarray
    end: float
    fps: float


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
    except (av.FFmpegError, OSError, IndexError) as fault:
        raise MediaError(f"{path}: cannot be read as video: {fault}.", "The file is damaged or no video.") from fault
    if not stamps or not tick:
        raise MediaError(f"{path}: no frame in it has a time.", "Remux or re-encode the file.")
    order = np.argsort(stamps, kind="stable")
    times = np.unique(np.array(stamps)[order]) * tick
    last = lengths[order[-1]] * tick or _usual_step(times, nominal_fps)
    return Timeline(times, float(times[-1]) + last, _rate(times, last, nominal_fps))


def show_times(timeline: Timeline, fps: float) -> np.ndarray:
    """For each frame of a stream at the constant rate ``fps``, the time of the source's frame nearest to it.

    Each time is one of ``timeline.times``; of two equally near frames the earlier is shown. There is at least one.
    """
    first = timeline.times[0]
    count = max(1, round((timeline.end - first) * fps))
    wanted = first + np.arange(count) / fps
    after = np.searchsorted(timeline.times, wanted).clip(1, max(1, len(timeline.times) - 1))
    before = after - 1
    after = np.minimum(after, len(timeline.times) - 1)
    nearer = timeline.times[after] - wanted < wanted - timeline.times[before] - 1e-9
    shown: np.ndarray = timeline.times[np.where(nearer, after, before)]
    return shown


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


def _usual_step(times: np.ndarray, nominal_fps: float) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 1 / nominal_fps


def _rate(times: np.ndarray, last: float, nominal_fps: float) -> float:
    measured = len(times) / (float(times[-1] - times[0]) + last)
    is_steady = len(times) == 1 or abs(measured - nominal_fps) <= _STEADY * nominal_fps
    return min(nominal_fps if is_steady else round(measured, 3), MAX_FPS)
