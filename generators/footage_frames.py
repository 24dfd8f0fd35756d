"""Frames of existing videos, upright and at the size that the clips shall have."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from generators.footage_timeline import MAX_HOLE_SECONDS
from schemas.errors import MediaError

_SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_SAME_TIME = 1e-6
_SEEK_FROM_SECONDS = 2.0


@dataclass(frozen=True)
class Fit:
    """How a source's picture becomes a clip's, sizes in pixels.

    Attributes:
        rotation: degrees clockwise by which the stored picture is turned: 0, 90, 180 or 270.
        scaled_width, scaled_height: to which the upright picture is scaled.
        width, height: of the clip, even; a smaller picture is padded with black on all sides, a larger one cut.
    """

    rotation: int
    scaled_width: int
    scaled_height: int
    width: int
    height: int


def choose_fit(
    source: tuple[int, int], rotation: int, clip: tuple[int, int], how: Literal["native", "letterbox", "crop"]
) -> Fit:
    """The fit of an upright picture of ``source`` (width, height) to clips of size ``clip``.

    ``native`` keeps the source's size, less an odd last column or row; ``letterbox`` shows all of it, ``crop`` fills
    the clip.

    Raises:
        ValueError: the source is smaller than two pixels.
    """
    width, height = source
    if min(source) < 2:
        raise ValueError(f"a picture of {width}x{height} cannot be encoded")
    if how == "native":
        return Fit(rotation, width, height, width // 2 * 2, height // 2 * 2)
    factors = Fraction(clip[0], width), Fraction(clip[1], height)
    factor = min(factors) if how == "letterbox" else max(factors)
    return Fit(rotation, max(1, round(width * factor)), max(1, round(height * factor)), *clip)


def read_at(path: Path, times: np.ndarray, fit: Fit) -> Iterator[np.ndarray]:
    """The frames of ``path`` shown at ``times``, RGB uint8 (height, width, 3); float64 seconds on its clock, ascending.

    Where frames cannot be decoded, the one before is shown instead, for up to ``MAX_HOLE_SECONDS``.

    Raises:
        MediaError: when the reader gets to it: the file is damaged, or ends too early.
    """
    try:
        with av.open(str(path.absolute()), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            yield from _choose(_decode_from(container, stream, float(times[0])), times, fit, path)
    except (av.FFmpegError, OSError, IndexError) as fault:
        raise MediaError(f"{path}: decoding failed: {fault}.", "The file is damaged; copy it again.") from fault


def _choose(frames: Iterator[tuple[float, Any]], times: np.ndarray, fit: Fit, path: Path) -> Iterator[np.ndarray]:
    """For each of ``times`` the last frame that is not later."""
    reformatter = VideoReformatter()
    current = following = next(frames, None)
    pixels: np.ndarray | None = None
    for time in times:
        while following is not None and following[0] <= time + _SAME_TIME:
            current, pixels = following, None
            following = next(frames, None)
        if current is None or abs(current[0] - time) > MAX_HOLE_SECONDS:
            raise MediaError(
                f"{path}: nothing can be decoded around second {time:.2f}.", "The file is damaged; copy it again."
            )
        if pixels is None:
            pixels = _fitted(reformatter, current[1], fit)
        yield pixels


def _decode_from(container: Any, stream: Any, start: float) -> Iterator[tuple[float, Any]]:
    """Whole frames and their times in seconds, from a key frame at or before ``start`` on."""
    if start > _SEEK_FROM_SECONDS:
        container.seek(int(start / stream.time_base), stream=stream, backward=True)
        frames = _whole_frames(container, stream)
        first = next(frames, None)
        if first is not None and first[0] <= start + _SAME_TIME:
            yield from chain([first], frames)
            return
        container.seek(0)  # a file without an index can land anywhere
    yield from _whole_frames(container, stream)


def _whole_frames(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    tick = float(stream.time_base)
    for frame in container.decode(stream):
        stamp = frame.dts if frame.pts is None else frame.pts
        if stamp is not None and not frame.is_corrupt:
            yield stamp * tick, frame


def _fitted(reformatter: VideoReformatter, frame: Any, fit: Fit) -> np.ndarray:
    lying = fit.rotation in {90, 270}
    width, height = (fit.scaled_height, fit.scaled_width) if lying else (fit.scaled_width, fit.scaled_height)
    scaled = reformatter.reformat(frame, width, height, format="rgb24", interpolation=_SCALING, threads=1)
    picture = np.rot90(scaled.to_ndarray(), k=-fit.rotation // 90)
    if picture.shape[:2] == (fit.height, fit.width):
        return np.ascontiguousarray(picture)
    return _placed(picture, fit)


def _placed(picture: np.ndarray, fit: Fit) -> np.ndarray:
    """``picture`` in the middle of a clip's frame; what stands over is cut, at the right and below if it is odd."""
    frame = np.zeros((fit.height, fit.width, 3), np.uint8)
    target, source = zip(
        *(_overlap(have, want) for have, want in zip(picture.shape[:2], frame.shape[:2], strict=True)), strict=True
    )
    frame[target] = picture[source]
    return frame


def _overlap(have: int, want: int) -> tuple[slice, slice]:
    """Where ``have`` pixels, centred, lie among ``want`` ones, and which of them."""
    if have <= want:
        first = (want - have) // 2
        return slice(first, first + have), slice(0, have)
    first = (have - want) // 2
    return slice(0, want), slice(first, first + want)
