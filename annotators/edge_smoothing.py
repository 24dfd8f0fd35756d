"""Centred smoothing of box edges over a track: a detector's jitter goes, motion stays."""

import numpy as np

MAX_SHIFT = 0.05
"""Most that smoothing moves an edge, as a share of the box's side: a larger jump is the object's own, such as a part
that steps out from behind something."""

BORDER = 1.0
"""An edge this close to the frame's border, pixels, is cut off there, not seen there."""


def smooth_edges(
    frame: np.ndarray, track: np.ndarray, corners: np.ndarray, score: np.ndarray, *, window: int, size: tuple[int, int]
) -> np.ndarray:
    """Replace each edge by a local straight-line fit over ``window`` frames around it, weighted by score and nearness.

    Local linear regression (Cleveland, 1979) follows constant motion without lag, at the ends of a track too. The four
    edges are fitted apart. An edge that lies on the frame's border stays there, and takes no part in the fit of its
    neighbours: where it would be without the border is not known.

    Args:
        frame, track: ``(N,)``, sorted by track, then frame.
        corners: ``(N, 4)`` float32, pixels.
        score: ``(N,)`` float32, above 0.
        window: frames, at least 2.
        size: width and height of the frames, pixels.

    Returns:
        ``(N, 4)`` float32.
    """
    reach = window // 2
    free = ~_on_border(corners, size)
    sums = np.zeros((5, *corners.shape))
    for step in range(-reach, reach + 1):
        here, there = _paired_rows(len(frame), step)
        apart = frame[there] - frame[here]
        near = (track[here] == track[there]) & (np.abs(apart) <= reach)
        here, there, apart = here[near], there[near], apart[near, None].astype(float)
        weight = (1 - np.abs(apart) / (reach + 1)) * score[there, None] * free[there]
        moved = corners[there].astype(float) - corners[here]
        for row, term in enumerate((weight, weight * apart, weight * apart**2, weight * moved, weight * apart * moved)):
            sums[row, here] += term
    shift = _line_at_zero(*sums)
    side = np.tile(corners[:, 2:] - corners[:, :2], 2)
    shift = np.clip(shift, -MAX_SHIFT * side, MAX_SHIFT * side)
    return np.where(free, corners + shift, corners).astype(np.float32)


def _on_border(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    limits = np.array(size, np.float32) - BORDER
    return np.concatenate([corners[:, :2] <= BORDER, corners[:, 2:] >= limits], axis=1)


def _paired_rows(rows: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows ``i`` that have a row ``i + step``, and those."""
    here = np.arange(max(0, -step), min(rows, rows - step))
    return here, here + step


def _line_at_zero(w: np.ndarray, wt: np.ndarray, wtt: np.ndarray, wy: np.ndarray, wty: np.ndarray) -> np.ndarray:
    """The value at t = 0 of the weighted line through the points that the sums describe; 0 where all share one t."""
    spread = w * wtt - wt**2
    lone = spread <= 1e-9 * np.maximum(w, 1e-12) ** 2
    line = (wtt * wy - wt * wty) / np.where(lone, 1, spread)
    return np.where(lone, 0, line)
