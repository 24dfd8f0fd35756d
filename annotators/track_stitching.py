"""Pieces of tracks joined across holes, by where both ends lead and by class: a thing that was hidden stays itself.

All joins are chosen together, as the linear assignment of the most worth, so that two things that hide at one time are
not given each other's ends by whoever comes first.
"""

from dataclasses import dataclass

import numpy as np

from annotators.box_pairs import buffered_iou, ranged_pairs
from annotators.rival_detections import MergedDetections

LONGEST_HOLE = 12
"""Most frames without a sighting that a join spans."""

LEAST_OVERLAP = 0.35
"""Least overlap of where one end leads with where the other is, less the costs below."""

END_FRAMES = 6
"""Frames at an end of a piece that tell how it moves."""

BUFFER, BUFFER_GROWTH = 0.3, 0.009
"""Widening of boxes, share of the side, and how much more of it for each frame of the hole."""

OTHER_CLASS_COST = 0.3
"""Overlap that ends of entirely different classes lose."""

FRAME_COST = 0.01
"""Overlap lost for each frame of the hole."""

SCORE_GAIN = 0.3
"""What the lesser of the best scores of two pieces adds to the worth of joining them."""


def stitch_pieces(merged: MergedDetections, piece: np.ndarray) -> np.ndarray:
    """Join the pieces that ``piece`` names.

    Args:
        merged: detections and votes on their classes.
        piece: ``(N,)`` of ``merged.kept``, from 0 without holes; no piece has two detections in a frame.

    Returns:
        ``(N,)`` int32, ids of tracks, from 1, in the order of their first sighting.
    """
    if len(piece):
        piece = _heads(_choose_joins(merged, piece))[piece]
    _, first, place = np.unique(piece, return_index=True, return_inverse=True)
    return (np.argsort(np.argsort(first, kind="stable"))[place] + 1).astype(np.int32)


@dataclass(frozen=True)
class _Ends:
    """Fits of one end of each piece: its frame, box ``(P, 4)`` there, and motion ``(P, 4)`` of the box, px a frame."""

    frame: np.ndarray
    box: np.ndarray
    motion: np.ndarray

    def led(self, pieces: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Where the boxes of ``pieces`` are, ``frames`` later."""
        led: np.ndarray = self.box[pieces] + self.motion[pieces] * frames[:, None]
        return led


def _choose_joins(merged: MergedDetections, piece: np.ndarray) -> np.ndarray:
    """``(P,)`` the piece that follows each, -1 for none."""
    starts, ends = _fit_ends(merged, piece, last=False), _fit_ends(merged, piece, last=True)
    order = np.argsort(starts.frame, kind="stable")
    begun = starts.frame[order]
    low = np.searchsorted(begun, ends.frame, side="right")
    high = np.searchsorted(begun, ends.frame + LONGEST_HOLE + 1, side="right")
    left, place = ranged_pairs(low, high - low)
    right = order[place]
    apart = (starts.frame[right] - ends.frame[left]).astype(np.float64)
    buffer = BUFFER + BUFFER_GROWTH * apart
    onward = buffered_iou(ends.led(left, apart), starts.box[right], buffer)
    back = buffered_iou(starts.led(right, -apart), ends.box[left], buffer)
    # A short piece's motion is poorly known, so that one of the two directions is enough, at a discount.
    overlap = np.maximum((onward + back) / 2, 0.9 * np.maximum(onward, back))
    likeness = _class_likeness(merged, piece, left, right)
    overlap = overlap - OTHER_CLASS_COST * (1 - likeness) - FRAME_COST * (apart - 1)
    best = np.zeros(len(starts.frame))
    np.maximum.at(best, piece, merged.kept.score)
    worth = overlap + SCORE_GAIN * np.minimum(best[left], best[right])
    chosen = np.flatnonzero((overlap >= LEAST_OVERLAP) & (worth > 0))
    return _assign_sparsely(left[chosen], right[chosen], worth[chosen], len(starts.frame))


def _fit_ends(merged: MergedDetections, piece: np.ndarray, *, last: bool) -> _Ends:
    """Weighted straight lines through the first or last ``END_FRAMES`` frames of each piece."""
    detections, pieces = merged.kept, int(piece.max()) + 1
    frame = np.full(pieces, -1 if last else np.iinfo(np.int64).max)
    (np.maximum if last else np.minimum).at(frame, piece, detections.frame)
    away = (detections.frame - frame[piece]).astype(np.float64)
    near = np.abs(away) < END_FRAMES
    rows, at, away = np.flatnonzero(near), piece[near], away[near]
    weight = np.sqrt(detections.score[rows].astype(np.float64))
    corners = detections.corners[rows].astype(np.float64)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(at, weights=values, minlength=pieces)

    w, wt, wtt = total(weight), total(weight * away), total(weight * away**2)
    wy = np.stack([total(weight * side) for side in corners.T], axis=1)
    wty = np.stack([total(weight * away * side) for side in corners.T], axis=1)
    spread = w * wtt - wt**2
    lone = spread <= 1e-9
    slope = (w[:, None] * wty - wt[:, None] * wy) / np.where(lone, 1, spread)[:, None]
    seen = np.bincount(at, minlength=pieces)
    # Drawn towards standing still, for two or three noisy boxes tell no velocity.
    slope *= np.where(lone, 0, (seen - 1) / (seen + 0.5))[:, None]
    box = (wy - slope * wt[:, None]) / w[:, None]
    return _Ends(frame, box, np.tile((slope[:, :2] + slope[:, 2:]) / 2, 2))


def _class_likeness(merged: MergedDetections, piece: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """``(K,)`` cosine, 0 to 1, of the votes on the classes of the pieces ``left[k]`` and ``right[k]``."""
    classes, column = np.unique(merged.vote_class, return_inverse=True)
    tally = np.zeros((int(piece.max()) + 1, len(classes)))
    np.add.at(tally, (piece[merged.vote_row], column), merged.vote_score)
    tally /= np.linalg.norm(tally, axis=1, keepdims=True)
    likeness: np.ndarray = np.einsum("ij,ij->i", tally[left], tally[right])
    return likeness


def _assign_sparsely(left: np.ndarray, right: np.ndarray, worth: np.ndarray, pieces: int) -> np.ndarray:
    """``(P,)`` the right of each left in the assignment of most worth, -1 for none.

    Pieces that compete with each other, directly or through others, are few: each such group is solved apart, so that
    an hour of video costs no table of all its pieces by all its pieces.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    following = np.full(pieces, -1)
    graph = coo_array((np.ones(len(left)), (left, right + pieces)), shape=(2 * pieces, 2 * pieces))
    group = connected_components(graph, directed=False)[1][left]
    order = np.argsort(group, kind="stable")
    for edges in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else ():
        rows, row = np.unique(left[edges], return_inverse=True)
        columns, column = np.unique(right[edges], return_inverse=True)
        table = np.zeros((len(rows), len(columns)))
        table[row, column] = worth[edges]
        chosen, taken = linear_sum_assignment(table, maximize=True)
        real = table[chosen, taken] > 0
        following[rows[chosen[real]]] = columns[taken[real]]
    return following


def _heads(following: np.ndarray) -> np.ndarray:
    """``(P,)`` the first piece of the chain that each piece is in."""
    before = np.arange(len(following))
    joined = following >= 0
    before[following[joined]] = np.flatnonzero(joined)
    while not np.array_equal(before, before[before]):
        before = before[before]
    return before
