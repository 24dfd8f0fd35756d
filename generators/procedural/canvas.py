"""Flat shapes in canvas pixels: what every object is drawn from, once for its colours and once for its mask."""

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from generators.procedural.arrays import Colour, FixedPoints, Floats, Image, Mask

SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""
CONVEX, CONCAVE = 0, -1
_ONE = 1 << SHIFT
_LIMIT = 20_000.0

_TURN = np.linspace(0.5 * np.pi, 1.5 * np.pi, 6)
# Around a capsule: half a turn about its start, then half a turn about its end.
_CAP_COS = np.concatenate([np.cos(_TURN), np.cos(_TURN + np.pi)])
_CAP_SIN = np.concatenate([np.sin(_TURN), np.sin(_TURN + np.pi)])


class Shape(NamedTuple):
    """One filled polygon or open line of a sprite.

    `style` is CONVEX, CONCAVE, or a line width in pixels for an open line; `outline` is false for details inside other
    shapes.
    """

    points: FixedPoints
    colour: Colour
    style: int
    outline: bool


@dataclass(slots=True)
class Sprite:
    """Shapes from back to front."""

    shapes: list[Shape] = field(default_factory=list)

    def add(self, points: FixedPoints, colour: Colour, style: int = CONVEX, *, outline: bool = True) -> None:
        """Put one shape (N, 2), in fixed-point pixels, on top."""
        self.shapes.append(Shape(points, colour, style, outline))


@dataclass(slots=True)
class Silhouette:
    """The mask of one whole sprite (uint8, 0 or 255) with its place on the canvas."""

    mask: Mask
    left: int
    top: int

    def window(self, width: int, height: int) -> tuple[slice, slice] | None:
        """Rows and columns of a canvas of `width` x `height` that the mask's rectangle covers; None: it covers none."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom = min(self.top + self.mask.shape[0], height)
        right = min(self.left + self.mask.shape[1], width)
        if bottom <= top or right <= left:
            return None
        return slice(top, bottom), slice(left, right)

    def part(self, rows: slice, columns: slice) -> Mask:
        """The mask within rows and columns of the canvas."""
        return self.mask[
            rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ]


def to_fixed(pixels: Floats) -> FixedPoints:
    """Pixels to OpenCV's fixed point, rounded."""
    fixed: FixedPoints = np.rint(np.minimum(np.maximum(pixels, -_LIMIT), _LIMIT) * _ONE).astype(np.int32)
    return fixed


def to_colours(table: Floats) -> list[Colour]:
    """Rows (N, 3) as the tuples that OpenCV takes."""
    return [(red, green, blue) for red, green, blue in table.tolist()]


def capsule_shapes(start: Floats, end: Floats, start_radius: Floats, end_radius: Floats) -> Floats:
    """Outlines (N, 12, 2) of N round-ended bars from `start` (N, 2) to `end` with radii (N,), in pixels."""
    along = end - start
    length = np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)
    along = along / np.maximum(length, 1e-6)[:, None]
    along[length < 1e-6] = (1.0, 0.0)
    across = np.empty_like(along)
    np.negative(along[:, 1], out=across[:, 0])
    across[:, 1] = along[:, 0]
    ring: Floats = along[:, None, :] * _CAP_COS[None, :, None] + across[:, None, :] * _CAP_SIN[None, :, None]
    ring[:, :6] *= start_radius[:, None, None]
    ring[:, 6:] *= end_radius[:, None, None]
    ring[:, :6] += start[:, None, :]
    ring[:, 6:] += end[:, None, :]
    return ring


def paint(image: Image, sprite: Sprite) -> None:
    """Draw a sprite's colours onto `image`."""
    for points, colour, style, _ in sprite.shapes:
        _fill(image, points, colour, style)


def draw_silhouette(sprite: Sprite, width: int, height: int) -> Silhouette | None:
    """The sprite's mask within one canvas size around a canvas of `width` x `height`; None when nothing lies there."""
    shapes = [shape for shape in sprite.shapes if shape.outline]
    if not shapes:
        return None
    points = np.concatenate([shape.points for shape in shapes])
    margin = 2 + max(0, *(shape.style for shape in sprite.shapes), 0)
    low = (points.min(axis=0) >> SHIFT) - margin
    high = (points.max(axis=0) >> SHIFT) + margin + 1
    left, top = max(int(low[0]), -width), max(int(low[1]), -height)
    right, bottom = min(int(high[0]), 2 * width), min(int(high[1]), 2 * height)
    if right <= left or bottom <= top:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    points -= np.array([left << SHIFT, top << SHIFT], np.int32)
    first = 0
    for shape in shapes:
        last = first + len(shape.points)
        _fill(mask, points[first:last], 255, shape.style)
        first = last
    return Silhouette(mask, left, top)


def _fill(image: Image | Mask, points: FixedPoints, colour: Colour | int, style: int) -> None:
    if style == CONVEX:
        cv2.fillConvexPoly(image, points, colour, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
    elif style == CONCAVE:
        cv2.fillPoly(image, [points], colour, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
    else:
        cv2.polylines(image, [points], False, colour, style, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
