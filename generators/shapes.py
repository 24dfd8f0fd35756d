"""Clips of one plain shape that crosses the frame, with exact boxes: the smallest world that a prompt can describe.

The bundled tiny video model and its detector are trained on these clips (`framefoundry bootstrap video`). Some
combinations of colour, shape and direction are held out of that training, so that obeying them cannot be memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (230, 40, 40),
    "green": (40, 200, 60),
    "blue": (50, 80, 235),
    "yellow": (235, 215, 40),
}
SHAPES = ("circle", "cross", "triangle")
DIRECTIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
BACKGROUND = 32
"""Grey value of everything that is not the shape."""

_RADIUS = (0.18, 0.22)
_SPEED = (0.04, 0.06)
_ARM = 0.38


@dataclass(frozen=True, order=True)
class Motif:
    """What a clip shows: keys of ``COLOURS`` and ``DIRECTIONS``, and one of ``SHAPES``."""

    colour: str
    shape: str
    direction: str

    @property
    def prompt(self) -> str:
        """The motif in words."""
        return f"a {self.colour} {self.shape} moving {self.direction}"


MOTIFS = tuple(Motif(*names) for names in product(COLOURS, SHAPES, DIRECTIONS))

# A Latin square: each pair of colour and shape, and each of colour and direction, is left out exactly once.
HELD_OUT = tuple(
    motif
    for motif in MOTIFS
    if (tuple(COLOURS).index(motif.colour) + SHAPES.index(motif.shape) + tuple(DIRECTIONS).index(motif.direction)) % 4
    == 0
)
"""Motifs of which no training clip shows any; the words of each appear in others."""

TRAINED = tuple(motif for motif in MOTIFS if motif not in HELD_OUT)


@dataclass(frozen=True)
class ShapeClips:
    """Drawn clips.

    Attributes:
        motifs: what each shows.
        frames: N x T x H x W x 3, uint8, RGB.
        boxes: N x T x 4, float32: left, top, width and height of the visible part, pixels.
    """

    motifs: tuple[Motif, ...]
    frames: np.ndarray
    boxes: np.ndarray


def draw_shape_clips(rng: np.random.Generator, motifs: Sequence[Motif], frames: int, size: int) -> ShapeClips:
    """Draw one clip of each motif: place, size and speed by chance, from edges that are smoothed over one pixel.

    Args:
        rng: of the places.
        motifs: what to show.
        frames: of each clip.
        size: width and height, pixels.
    """
    count = len(motifs)
    radius = size * rng.uniform(*_RADIUS, count)
    centres = _draw_paths(rng, motifs, frames, size, radius)
    coverage = _cover(motifs, centres, radius, size)
    paint = np.array([COLOURS[motif.colour] for motif in motifs], np.float32)[:, None, None, None]
    pixels = BACKGROUND + coverage[..., None] * (paint - BACKGROUND)
    return ShapeClips(tuple(motifs), np.rint(pixels).astype(np.uint8), _enclose(coverage))


def _draw_paths(
    rng: np.random.Generator, motifs: Sequence[Motif], frames: int, size: int, radius: np.ndarray
) -> np.ndarray:
    """Centres, N x T x 2: straight, at constant speed, inside the frame but for a pixel or two."""
    heading = np.array([DIRECTIONS[motif.direction] for motif in motifs], np.float64)
    speed = size * rng.uniform(*_SPEED, len(motifs))
    travel = (frames - 1) * speed
    room = size / 2 - radius[:, None] - np.abs(heading) * travel[:, None] / 2
    middle = size / 2 + rng.uniform(-1, 1, (len(motifs), 2)) * np.maximum(room, size / 32)
    steps = np.arange(frames) - (frames - 1) / 2
    return middle[:, None] + heading[:, None] * (speed[:, None] * steps)[..., None]


def _cover(motifs: Sequence[Motif], centres: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """Share of each pixel that the shape covers, N x T x H x W, from the signed distance to its edge."""
    place = np.arange(size) + 0.5
    right = (place[None, None, None, :] - centres[..., 0, None, None]).astype(np.float32)
    down = (place[None, None, :, None] - centres[..., 1, None, None]).astype(np.float32)
    reach = radius[:, None, None, None].astype(np.float32)
    inside = {
        "circle": lambda x, y, r: r - np.hypot(x, y),
        "cross": lambda x, y, r: (
            r - np.maximum(np.maximum(np.abs(x), np.abs(y)), r * (1 - _ARM) + np.minimum(np.abs(x), np.abs(y)))
        ),
        "triangle": lambda x, y, r: np.minimum(r * 0.9 - y, (y + r) * 0.47 - np.abs(x) * 0.89),
    }
    parts = [inside[motif.shape](right[one], down[one], reach[one]) for one, motif in enumerate(motifs)]
    return np.clip(np.stack(parts) + 0.5, 0, 1)


def _enclose(coverage: np.ndarray) -> np.ndarray:
    """Boxes around the pixels that are covered by half or more."""
    seen = np.asarray(coverage >= 0.5)
    edges = []
    for axis in (2, 3):  # columns, then rows
        along = np.atleast_1d(seen.any(axis=axis))
        first = along.argmax(axis=-1)
        last = along.shape[-1] - along[..., ::-1].argmax(axis=-1)
        edges.append((first, last - first))
    (left, width), (top, height) = edges
    return np.stack([left, top, width, height], axis=-1).astype(np.float32)
