"""Local linear regression over tracks (Cleveland, 1979): follows steady motion without lag, at a track's ends too."""

import numpy as np


def fit_lines(frame: np.ndarray, track: np.ndarray, values: np.ndarray, weight: np.ndarray, reach: int) -> np.ndarray:
    """How far each value lies below the straight line through those of its track around it.

    Args:
        frame, track: ``(N,)``, sorted by track, then frame.
        values: ``(N, C)``; columns are fitted apart.
        weight: ``(N, C)``, at least 0; it is lowered in proportion to the distance in frames.
        reach: frames on either side that take part.

    Returns:
        ``(N, C)`` float64: the line's value minus the value; 0 where no line can be drawn.
    """
    sums = np.zeros((5, *values.shape))
    for step in range(-reach, reach + 1):
        here, there = _paired_rows(len(frame), step)
        apart = frame[there] - frame[here]
        near = (track[here] == track[there]) & (np.abs(apart) <= reach)
        here, there, apart = here[near], there[near], apart[near, None].astype(float)
        share = (1 - np.abs(apart) / (reach + 1)) * weight[there]
        moved = values[there].astype(float) - values[here]
        for row, term in enumerate((share, share * apart, share * apart**2, share * moved, share * apart * moved)):
            sums[row, here] += term
    return _line_at_zero(*sums)


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
