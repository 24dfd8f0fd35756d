"""Read back what a clip of one plain shape shows, from the boxes and the class that labels give it.

The other direction of `generators.shapes`: it tells whether a rendered clip is what its prompt asked for.
"""

from collections.abc import Sequence

import numpy as np

from generators.shapes import BACKGROUND, COLOURS, DIRECTIONS, Motif


def read_motif(class_name: str, boxes: np.ndarray, frames: Sequence[np.ndarray]) -> Motif:
    """The motif whose colour and direction come nearest to what a track shows.

    Args:
        class_name: of the track.
        boxes: N x 4: left, top, width, height, pixels; in the order of time.
        frames: the N frames that the boxes lie in, H x W x 3, uint8, RGB.
    """
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    way = centres[-1] - centres[0]
    direction = max(DIRECTIONS, key=lambda name: float(way @ np.array(DIRECTIONS[name])))
    return Motif(_read_colour(boxes, frames), class_name, direction)


def _read_colour(boxes: np.ndarray, frames: Sequence[np.ndarray]) -> str:
    """The named colour nearest to the mean of the pixels in the boxes that differ most from the background."""
    inside = []
    for (left, top, width, height), frame in zip(boxes, frames, strict=True):
        rows = slice(max(0, int(top)), int(np.ceil(top + height)))
        columns = slice(max(0, int(left)), int(np.ceil(left + width)))
        pixels = frame[rows, columns].reshape(-1, 3).astype(np.float64)
        contrast = np.abs(pixels - BACKGROUND).max(1)
        inside.append(pixels[contrast >= np.median(contrast)])
    mean = np.concatenate(inside).mean(0)
    return min(COLOURS, key=lambda name: float(np.square(mean - COLOURS[name]).sum()))
