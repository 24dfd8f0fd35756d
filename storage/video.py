"""Video files: writing ours, reading anybody's.

Colours are BT.601, limited range, and tagged so: readers that honour tags and readers that ignore them (for small
frames they assume BT.601) agree.

Equal frames give equal bytes, whatever the processor. That takes three things: one encoder thread a clip (x264's pixels
depend on their number); x264 held to SSE2, which gives its C code's bytes at nearly full speed (with AVX2 and newer its
bytes differ between processors; with AVX-512, as built into PyAV 18, even from run to run); and swscale's exact
rounding.
"""

import hashlib
import math
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from schemas.errors import MediaError
from storage.disk_faults import explain_disk_faults
from storage.truncation import missing_bytes

GOP_FRAMES = 12
# Half the time of `medium` at the same size and error on 320x192 footage.
PRESET = "veryfast"
_EXACT_AREA = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# A playlist or list of files that poses as a video would have FFmpeg open what it names.
_PLAIN_FILES = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg",
}
MAX_PIXELS = 1 << 26
"""Of a frame, 8192 x 8192: a small file may claim frames that no memory holds."""
_NTSC = Fraction(1000, 1001)


@dataclass(frozen=True)
class EncodedClip:
    """A clip that was just written.

    Attributes:
        path: the file.
        media_id: SHA-256 over its video packets, 64 hexadecimal digits.
        frames, fps, width, height: as written; fps in frames a second, sizes in pixels.
        size: of the file, bytes.
    """

    path: Path
    media_id: str
    frames: int
    fps: float
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class VideoInfo:
    """What a container says about its first video stream.

    Attributes:
        frames: number of frames by the container; None where it does not say.
        fps: average rate, frames a second.
        width, height: pixels, as displayed: after ``rotation``.
        duration_s: seconds.
        codec: such as h264.
        rotation: degrees clockwise that a player turns the stored frames by: 0, 90, 180 or 270.
    """

    frames: int | None
    fps: float
    width: int
    height: int
    duration_s: float
    codec: str
    rotation: int


def write_clip(path: Path, frames: Iterable[np.ndarray], fps: float, *, crf: int = 18) -> EncodedClip:
    """Encode RGB frames, uint8 H x W x 3 with even sizes, as H.264 in MP4 at a constant rate.

    Equal frames give equal bytes. ``crf`` is x264's quality, 0 (lossless) to 51.

    Raises:
        MediaError: no frames; frames of odd, unequal or impossible size or type; or the encoder failed. No file is
            left.
        StoreError: the disk is full or not writable. No file is left.
    """
    rate = exact_rate(fps)
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise MediaError(f"{path}: no frames to encode.", "The generator gave none.")
    height, width = _check_frame(path, first, None)
    try:
        count = _encode(path, chain([first], source), rate, (height, width), crf)
        return EncodedClip(path, media_id(path), count, float(rate), width, height, path.stat().st_size)
    except BaseException as fault:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        if not isinstance(fault, av.FFmpegError):
            raise
        with explain_disk_faults(path.parent, f"writing {path.name}"):
            if isinstance(fault, OSError):
                raise
        raise MediaError(f"{path}: encoding failed: {fault.strerror}.", "Check the frames and the rate.") from fault


def exact_rate(fps: float) -> Fraction:
    """The rate meant by ``fps``: NTSC's for 29.97 and its like (30000/1001), else the nearest simple fraction.

    Raises:
        MediaError: not a finite number above 0.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise MediaError(f"frame rate {fps} is not above 0.", "Give frames a second.")
    ntsc = round(fps / float(_NTSC)) * _NTSC
    is_ntsc = ntsc != 0 and round(fps) != fps and abs(float(ntsc) - fps) < 0.005
    return ntsc if is_ntsc else Fraction(fps).limit_denominator(1000)


def media_id(path: Path) -> str:
    """SHA-256 over the packets of the first video stream: it survives remuxing and signing, re-encoding changes it.

    Raises:
        MediaError: unreadable, or no video in it.
    """
    sha = hashlib.sha256()
    seen = 0
    with _opened(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size:  # the last one is an empty mark of the end
                sha.update(memoryview(packet))
                seen += 1
    if not seen:
        raise MediaError(f"{path}: not one video packet in it.", "The file is empty or damaged.")
    return sha.hexdigest()


def probe(path: Path) -> VideoInfo:
    """What the container says about its video; the first frame is decoded to make sure that it can be.

    Raises:
        MediaError: missing, empty, not a video, or its first frame cannot be decoded.
    """
    with _opened(path) as (container, stream):
        frame = next(container.decode(stream), None)
        if frame is None:
            raise MediaError(f"{path}: not one frame can be decoded.", "The file is empty or damaged.")
        rotation = round(-frame.rotation) % 360
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate
        if not rate:
            raise MediaError(f"{path}: the container tells no frame rate.", "Remux or re-encode the file.")
        seconds = _duration(container, stream, rate)
        width, height = (frame.height, frame.width) if rotation in {90, 270} else (frame.width, frame.height)
        codec = stream.codec_context.name
        return VideoInfo(stream.frames or None, float(rate), width, height, seconds, codec, rotation)


def read_frames(path: Path, *, stride: int = 1, start: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Frames ``start``, ``start + stride``, … in display order as (index, RGB uint8 H x W x 3), as stored: not rotated.

    The pixels are those that OpenCV's ``VideoCapture`` gives, in RGB and before it turns them.

    Raises:
        MediaError: unreadable, cut short or without frames, before the first one; damaged, when the reader gets there.
    """
    if stride < 1 or start < 0:
        raise ValueError(f"stride must be at least 1 and start at least 0, got {stride} and {start}")
    reformatter = VideoReformatter()  # one for the clip: setting one up costs as much as a frame
    with _opened(path) as (container, stream):
        index = -1
        for index, frame in enumerate(container.decode(stream)):
            if index >= start and (index - start) % stride == 0:
                yield index, reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    if index < 0:
        raise MediaError(f"{path}: not one frame can be decoded.", "The file is empty or damaged.")


def check_clip(path: Path, frames: int) -> None:
    """Decode the whole file.

    Raises:
        MediaError: it cannot be decoded to its end, or does not hold exactly ``frames`` frames.
    """
    with _opened(path) as (container, stream):
        found = sum(1 for _ in container.decode(stream))
    if found != frames:
        raise MediaError(
            f"{path}: {found} frames where {frames} were expected.", "The file is truncated or not this clip."
        )


def _encode(path: Path, frames: Iterable[np.ndarray], rate: Fraction, shape: tuple[int, int], crf: int) -> int:
    reformatter = VideoReformatter()
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = _add_stream(container, rate, shape, crf)
        for count, pixels in enumerate(frames, start=1):
            _check_frame(path, pixels, shape)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame = reformatter.reformat(
                picture,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                dst_color_trc=ColorTrc.SMPTE170M,
                dst_color_primaries=ColorPrimaries.SMPTE170M,
                interpolation=_EXACT_AREA,
                threads=1,
            )
            frame.pts, frame.time_base = count - 1, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return count


def _add_stream(container: Any, rate: Fraction, shape: tuple[int, int], crf: int) -> Any:
    stream = container.add_stream("libx264", rate=rate, options=_encoder_options(crf))
    stream.height, stream.width = shape
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.thread_count = 1
    context.gop_size = GOP_FRAMES
    context.colorspace = Colorspace.ITU601
    context.color_range = ColorRange.MPEG
    context.color_trc = ColorTrc.SMPTE170M
    context.color_primaries = ColorPrimaries.SMPTE170M
    return stream


def _encoder_options(crf: int) -> dict[str, str]:
    """x264's options; whoever changes them raises ``generators.clip_identity.ENCODER_VERSION``."""
    # A clip is written once and decoded five times on its way: variable-length codes instead of arithmetic ones halve
    # the decoding (0.35 instead of 0.72 core-ms a frame of 320x192), for files 12 % larger at the same error.
    parameters = ["no-cabac=1"]
    if platform.machine().lower() in {"x86_64", "amd64", "i686"}:
        parameters.append("asm=SSE2")
    return {"crf": str(crf), "preset": PRESET, "x264-params": ":".join(parameters)}


def _check_frame(path: Path, frame: np.ndarray, shape: tuple[int, int] | None) -> tuple[int, int]:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise MediaError(f"{path}: a frame is {frame.dtype} {frame.shape}, not uint8 H x W x 3.", "Fix the generator.")
    height, width = frame.shape[:2]
    if shape is None and (height % 2 or width % 2 or not height or not width):
        raise MediaError(
            f"{path}: frames of {width}x{height}; yuv420p needs even sizes.", "Pad or crop them to even sizes."
        )
    if shape is not None and (height, width) != shape:
        raise MediaError(
            f"{path}: a frame of {width}x{height} after {shape[1]}x{shape[0]}.", "Give frames of one size."
        )
    return height, width


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream, decoded by one thread."""
    if not path.is_file():
        raise MediaError(f"{path}: no such file.", "Check the path.")
    if not path.stat().st_size:
        raise MediaError(f"{path}: the file is empty.", "Remove it, or copy it again.")
    try:
        missing = missing_bytes(path)
        if missing:
            raise MediaError(
                f"{path}: cut short: {missing} bytes are missing at its end.", "Copy or download it again."
            )
        with av.open(str(path.absolute()), options=_PLAIN_FILES) as container:
            if not container.streams.video:
                raise MediaError(f"{path}: no video stream in it.", "Remove it from the folder.")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # a later frame may be larger than the first
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(
                    f"{path}: frames of {stream.width}x{stream.height} are over {MAX_PIXELS} pixels.", "Scale it down."
                )
            yield container, stream
    except (av.FFmpegError, OSError) as fault:
        raise MediaError(
            f"{path}: cannot be read as video: {fault.strerror}.", "The file is damaged or no video."
        ) from fault


def _duration(container: Any, stream: Any, rate: Fraction) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return float(container.duration / av.time_base)
    return float(stream.frames / rate)
