"""Track numbers that people and files see: from 1 in each sequence, in the order in which objects appear."""

import numpy as np


def number_tracks(
    *,
    sequence: np.ndarray,
    segment: np.ndarray,
    frame: np.ndarray,
    track: np.ndarray,
    box: np.ndarray,
    shown: np.ndarray,
) -> np.ndarray:
    """The published number of each box's track.

    Numbers depend on what is seen, not on the numbers that a tracker happened to give: tracks are ordered by the
    segment and frame of their first shown box, then by where it lies. Tracks of which nothing is shown follow behind,
    so that the published ones leave no gaps.

    Args:
        sequence, segment, frame, track: (N,) whole numbers; a track is a number within a sequence.
        box: (N, 4) float, x y w h in pixels.
        shown: (N,) bool, whether the box is a label or an ignore region.

    Returns:
        (N,) int64, from 1.
    """
    if not len(track):
        return np.empty(0, dtype=np.int64)
    order = np.lexsort((track, *box.T[::-1], frame, segment, ~shown, sequence))
    identity = sequence.astype(np.int64) * (int(track.max()) + 1) + track
    _, first, member = np.unique(identity[order], return_index=True, return_inverse=True)
    by_appearance = np.argsort(first)
    home = sequence[order][first[by_appearance]]
    starts = np.searchsorted(home, home, side="left")
    rank = np.empty(len(first), dtype=np.int64)
    rank[by_appearance] = np.arange(len(first)) - starts + 1
    numbers = np.empty(len(track), dtype=np.int64)
    numbers[order] = rank[member]
    return numbers
