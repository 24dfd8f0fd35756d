"""Track numbers that people and files see: from 1 in each sequence, in the order in which objects appear."""

import numpy as np

from schemas.row_order import group_rows


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
    member = group_rows(sequence, track)
    first_seen = _first_rows(member, segment, frame, shown)
    keys = (track, *box.T[::-1], frame, segment, ~shown, sequence)
    order = first_seen[np.lexsort([key[first_seen] for key in keys])]
    _, first = np.unique(member[order], return_index=True)
    by_appearance = np.argsort(first)
    home = sequence[order][first[by_appearance]]
    starts = np.searchsorted(home, home, side="left")
    rank = np.empty(len(first), dtype=np.int64)
    rank[by_appearance] = np.arange(len(first)) - starts + 1
    numbers: np.ndarray = rank[member]
    return numbers


def _first_rows(member: np.ndarray, segment: np.ndarray, frame: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Rows of each track's first segment and frame, of its shown boxes where it has any: few of many are left."""
    moment = segment.astype(np.int64) * (int(frame.max()) + 1) + frame
    moment += np.where(shown, 0, int(moment.max()) + 1)
    first = np.full(int(member.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, member, moment)
    return np.flatnonzero(moment == first[member])
