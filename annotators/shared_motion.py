"""What moves all boxes at once is the camera: its shaking is measured on the boxes, so that it can be taken out."""

import numpy as np

from annotators.local_lines import fit_lines

REACH = 4
"""Frames on either side over which what pans or walks goes straight on, and what shakes does not."""

ROUNDS = 2
"""The first round's lines follow the shaking in part; the second sees what they left over."""

MEDIAN_LOSS = 1.57
"""Variance of the median of normal deviates, times their number (pi / 2)."""


def measure_shaking(frame: np.ndarray, track: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """How far off its smooth path the camera moved the picture in each frame.

    Every track's centre is held against a straight line through its neighbours; the median over the tracks of a frame
    is what they share. It is believed as far as it stands out against the tracks' own scatter (Wiener's ratio of
    variances, over the whole sequence), so that a steady camera gives almost nothing.

    Args:
        frame, track: ``(N,)``, sorted by track, then frame.
        corners: ``(N, 4)``, pixels.

    Returns:
        ``(F, 2)`` float64 up to the last frame in ``frame``: pixels to the right and down; 0 where fewer than two
        tracks are seen.
    """
    frames = int(frame.max(initial=-1)) + 1
    centres = (corners[:, :2].astype(float) + corners[:, 2:]) / 2
    shaking = np.zeros((frames, 2))
    for _ in range(ROUNDS):
        steady = centres - shaking[frame]
        off = -fit_lines(frame, track, steady, np.ones_like(steady), REACH)
        shaking += _shared_part(frame, off, frames)
    return shaking


def _shared_part(frame: np.ndarray, off: np.ndarray, frames: int) -> np.ndarray:
    """``(frames, 2)`` medians of each frame's rows of ``off``, scaled down by the share of them that is chance."""
    counts = np.bincount(frame, minlength=frames)
    known = counts >= 2
    if not known.any():
        return np.zeros((frames, 2))
    median = np.stack([_medians(frame, off[:, axis], counts) for axis in range(2)], axis=1)
    scatter = 1.4826 * np.median(np.abs(off - median[frame])[known[frame]], axis=0)
    chance = MEDIAN_LOSS * scatter**2 / np.maximum(counts, 1)[:, None]
    signal = np.maximum(np.mean(median[known] ** 2 - chance[known], axis=0), 0)
    believed = signal / np.maximum(signal + chance, np.finfo(float).tiny)
    return np.where(known[:, None], believed * median, 0)


def _medians(frame: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``(frames,)`` median of the values of each frame, 0 where it has none."""
    ranked = np.append(values[np.lexsort((values, frame))], 0)
    first = np.cumsum(counts) - counts
    low, high = first + np.maximum(counts - 1, 0) // 2, first + counts // 2
    return np.where(counts > 0, (ranked[low] + ranked[np.minimum(high, len(ranked) - 1)]) / 2, 0)
