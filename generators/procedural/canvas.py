"""Flat shapes in canvas pixels: what every object is drawn from, once for its colours and once for its mask."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHIFT = 4
"""Fractional bits of the coordinates handed to OpenCV."""
_ONE = 1 << SHIFT
CONVEX, CONCAVE = 0, -1
_LIMIT = 20_000.0

_TURN = np.linspace(0.5 * np.pi, 1.5 * np.pi, 6)
# Around a capsule: half a turn about its start, then half a turn about its end.
_CAP_COS = np.concatenate([np.cos(_TURN), np.cos(_TURN + np.pi)])
_CAP_SIN = np.concatenate([np.sin(_TURN), np.sin(_TURN + np.pi)])


@dataclass(slots=True)
class Sprite:
    """Shapes from back to front. `style`: CONVEX, CONCAVE, or a line width in pixels for an open line."""

    shapes: list[NDArray[np.int32]] = field(default_factory=list)
    colours: list[tuple[float, float, float]] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)
    outline: list[bool] = field(default_factory=list)

    def add(
        self, shape: NDArray[np.int32], colour: tuple[float, float, float], style: int = CONVEX, outline: bool = True
    ) -> None:
        """Put one shape (N, 2), in fixed-point pixels, on top; `outline` is false for details inside other shapes."""
        self.shapes.append(shape)
        self.colours.append(colour)
        self.styles.append(style)
        self.outline.append(outline)


@dataclass(slots=True)
class Silhouette:
    """The mask of one whole sprite (uint8, 0 or 255) with its place on the canvas."""

    mask: NDArray[np.uint8]
    left: int
    top: int


def to_fixed(pixels: Array) -> NDArray[np.int32]:
    """Pixels to OpenCV's fixed point, rounded."""
    return np.rint(np.clip(pixels, -_LIMIT, _LIMIT) * _ONE).astype(np.int32)


def capsule_shapes(start: Array, end: Array, start_radius: Array, end_radius: Array) -> Array:
    """Outlines (N, 12, 2) of N round-ended bars from `start` (N, 2) to `end` with radii (N,), in pixels."""
    along = end - start
    length = np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2)
    along = along / np.maximum(length, 1e-6)[:, None]
    along[length < 1e-6] = (1.0, 0.0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    ring = along[:, None, :] * _CAP_COS[None, :, None] + across[:, None, :] * _CAP_SIN[None, :, None]
    ring[:, :6] *= start_radius[:, None, None]
    ring[:, 6:] *= end_radius[:, None, None]
    ring[:, :6] += start[:, None, :]
    ring[:, 6:] += end[:, None, :]
    return ring


def paint(image: NDArray[np.uint8], sprite: Sprite) -> None:
    """Draw a sprite's colours onto `image`."""
    for shape, colour, style in zip(sprite.shapes, sprite.colours, sprite.styles, strict=True):
        if style == CONVEX:
            cv2.fillConvexPoly(image, shape, colour, cv2.LINE_8, SHIFT)
        elif style == CONCAVE:
            cv2.fillPoly(image, [shape], colour, cv2.LINE_8, SHIFT)
        else:
            cv2.polylines(image, [shape], False, colour, style, cv2.LINE_8, SHIFT)


def draw_silhouette(sprite: Sprite, width: int, height: int) -> Silhouette | None:
    """The sprite's mask within one canvas size around a canvas of `width` x `height`; None when nothing lies there."""
    shapes = [shape for shape, outline in zip(sprite.shapes, sprite.outline, strict=True) if outline]
    if not shapes:
        return None
    points = np.concatenate(shapes)
    margin = 2 + max(0, *sprite.styles, 0)
    low = (points.min(axis=0) >> SHIFT) - margin
    high = (points.max(axis=0) >> SHIFT) + margin + 1
    left, top = max(int(low[0]), -width), max(int(low[1]), -height)
    right, bottom = min(int(high[0]), 2 * width), min(int(high[1]), 2 * height)
    if right <= left or bottom <= top:
        return None
    mask = np.zeros((bottom - top, right - left), np.uint8)
    offset = np.array([left << SHIFT, top << SHIFT], np.int32)
    for shape, style, outline in zip(sprite.shapes, sprite.styles, sprite.outline, strict=True):
        if not outline:
            continue
        if style == CONVEX:
            cv2.fillConvexPoly(mask, shape - offset, 255, cv2.LINE_8, SHIFT)
        elif style == CONCAVE:
            cv2.fillPoly(mask, [shape - offset], 255, cv2.LINE_8, SHIFT)
        else:
            cv2.polylines(mask, [shape - offset], False, 255, style, cv2.LINE_8, SHIFT)
    return Silhouette(mask, left, top)
