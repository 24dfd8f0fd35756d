"""Small video files of every odd kind, whose frames tell their number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = Fraction(1, 1200)
BITS = 6


def number_of(frame: np.ndarray) -> int:
    """Which frame this is, read from the bars in its middle."""
    height = len(frame)
    bars = np.array_split(frame[height // 2 - 2 : height // 2 + 2].mean(axis=(0, 2)), BITS)
    return sum(1 << bit for bit, bar in enumerate(bars) if bar[len(bar) // 4 : -len(bar) // 4].mean() > 128)


def make_video(
    path: Path,
    count: int = 20,
    *,
    fps: int = 10,
    size: tuple[int, int] = (64, 48),
    times: list[float] | None = None,
    codec: str = "libx264",
    turn: int = 0,
    audio: bool = False,
    gop: int = 5,
) -> Path:
    """A video of ``picture(0)``, ``picture(1)``, …

    ``times``: when each frame is shown, seconds; default: at a constant rate. ``turn``: degrees clockwise that a
    player shall turn the picture by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [place / fps for place in range(count)] if times is None else times
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        stream.codec_context.bit_rate = 4_000_000
        stream.options = {"crf": "8"}
        if path.suffix != ".avi":
            stream.codec_context.time_base = TICKS
        if turn:
            stream.set_display_rotation(-turn)
        sound = container.add_stream("aac", rate=48000) if audio else None
        for place, time in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture(place, size), format="rgb24")
            base = Fraction(1, fps) if path.suffix == ".avi" else TICKS
            frame.pts, frame.time_base = round(time / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            for chunk in range(48 * 3):  # longer than the pictures
                tone = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
                tone.sample_rate, tone.pts, tone.time_base = 48000, chunk * 1024, Fraction(1, 48000)
                container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return path


def picture(number: int, size: tuple[int, int]) -> np.ndarray:
    """Grey, a white block in the upper left corner, and six bars in the middle: the bits of ``number``, 0 to 63."""
    width, height = size
    frame = np.full((height, width, 3), 60, np.uint8)
    frame[: height // 4, : width // 4] = 255
    for bit, columns in enumerate(np.array_split(np.arange(width), BITS)):
        frame[height // 3 : 2 * height // 3, columns] = 220 if number >> bit & 1 else 20
    return frame


def damage(path: Path, first: float, last: float) -> Path:
    """Overwrite the bytes between two shares of the file with noise."""
    data = bytearray(path.read_bytes())
    start, end = int(first * len(data)), int(last * len(data))
    data[start:end] = np.random.default_rng(1).integers(0, 256, end - start, np.uint8).tobytes()
    path.write_bytes(data)
    return path
