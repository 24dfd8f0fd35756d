"""Centred smoothing of box edges over a track: a detector's jitter goes, motion stays."""

import numpy as np

from annotators.local_lines import fit_lines
from annotators.shared_motion import measure_shaking

MAX_SHIFT = 0.1
"""Most that smoothing moves an edge, as a share of the box's side: a larger jump is the object's own, such as a part
that steps out from behind something."""

BORDER = 1.0
"""An edge this close to the frame's border, pixels, is cut off there, not seen there."""


def smooth_edges(
    frame: np.ndarray, track: np.ndarray, corners: np.ndarray, score: np.ndarray, *, window: int, size: tuple[int, int]
) -> np.ndarray:
    """Replace each edge by a local straight-line fit over ``window`` frames around it.

    The four edges are fitted apart, in the picture of a camera that does not shake. Sightings count by their squared
    scores: edges scatter the less the surer the detector is. An edge that lies on the frame's border stays there, and
    takes no part in the fit of its neighbours: where it would be without the border is not known.

    Args:
        frame, track: ``(N,)``, sorted by track, then frame.
        corners: ``(N, 4)`` float32, pixels.
        score: ``(N,)`` float32, above 0.
        window: frames, at least 2.
        size: width and height of the frames, pixels.

    Returns:
        ``(N, 4)`` float32.
    """
    free = ~_on_border(corners, size)
    shaking = measure_shaking(frame, track, corners)
    steady = corners - np.tile(shaking[frame], 2)
    shift = fit_lines(frame, track, steady, score[:, None].astype(float) ** 2 * free, window // 2)
    most = MAX_SHIFT * np.tile(corners[:, 2:] - corners[:, :2], 2)
    return np.where(free, corners + np.clip(shift, -most, most), corners).astype(np.float32)


def _on_border(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    limits = np.array(size, np.float32) - BORDER
    return np.concatenate([corners[:, :2] <= BORDER, corners[:, 2:] >= limits], axis=1)
