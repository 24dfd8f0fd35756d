"""Detections joined from each frame to the next, weak ones too: pieces of tracks that the stitching then joins.

A tracker at work on a live stream needs thresholds, because what it takes for an object it cannot take back. Offline
every detection may become part of a track, and what the track is worth is judged when all of it is known.
"""

import numpy as np

from annotators.box_pairs import buffered_iou_table
from annotators.detections import Detections
from annotators.trackers import Observations

BUFFER = 0.2
"""Share of its side by which a box is widened on each side before overlaps are taken, so that small and fast things
still meet themselves (C-BIoU, Yang et al. 2023)."""

LEAST_OVERLAP = 0.5
"""Boxes that overlap less, widened, are never linked: what is wrong in a piece stays wrong, while pieces can still be
joined when all of both is known."""

OTHER_CLASS_COST = 0.3
"""Overlap that a change of class costs."""

SCORE_GAIN = 2.0
"""What the lesser of two scores adds to their overlap: of two boxes on one thing, the surer one carries the track."""

STEADY_STEPS = 1.5
"""Steps of standing still that a velocity is averaged with: one displacement says little."""

REMEMBERED_STEPS = 4
"""Number of displacements that a velocity averages, about."""


def link_detections(detections: Detections, frames: int) -> np.ndarray:
    """Follow detections from frame to frame.

    In each pair of frames the links are chosen together, so that their overlaps, after the expected motion, add up to
    the most (linear assignment).

    Args:
        detections: of all frames, no two in a frame of one thing.
        frames: number of frames.

    Returns:
        ``(N,)`` int64, the same number for detections that were linked, from 0.
    """
    first = detections.first_rows(frames)
    motion = _Motion.at_rest(len(detections))
    piece = np.arange(len(detections))
    for frame in range(frames - 1):
        before, after = (slice(first[frame + step], first[frame + step + 1]) for step in range(2))
        if before.start < before.stop and after.start < after.stop:
            left, right = _assign(detections, before, after, motion.expected(before))
            piece[right] = piece[left]
            motion.advance(detections.corners, left, right)
    return np.unique(piece, return_inverse=True)[1]


def pieces_of_tracker(seen: Observations, rows: int) -> np.ndarray:
    """What a tracker made of ``rows`` detections, in the form of :func:`link_detections`.

    A detection that it let go of is a piece of its own.
    """
    known = seen.detection >= 0
    piece = np.arange(rows, dtype=np.int64) + 1 + int(seen.track.max(initial=0))
    piece[seen.detection[known]] = seen.track[known]
    return np.unique(piece, return_inverse=True)[1]


class _Motion:
    """Displacement of each detection's centre from the frame before, averaged along its piece of a track."""

    def __init__(self, velocity: np.ndarray, steps: np.ndarray) -> None:
        self.velocity = velocity
        self.steps = steps

    @classmethod
    def at_rest(cls, rows: int) -> "_Motion":
        return cls(np.zeros((rows, 2)), np.zeros(rows))

    def expected(self, rows: slice) -> np.ndarray:
        steps = self.steps[rows, None]
        moved: np.ndarray = self.velocity[rows] * (steps / (steps + STEADY_STEPS))
        return moved

    def advance(self, corners: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        remembered = np.minimum(self.steps[left], REMEMBERED_STEPS)[:, None]
        moved = _centres(corners[right]) - _centres(corners[left])
        self.velocity[right] = (self.velocity[left] * remembered + moved) / (remembered + 1)
        self.steps[right] = self.steps[left] + 1


def _assign(detections: Detections, before: slice, after: slice, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import linear_sum_assignment

    a, b = detections.corners[before] + np.tile(expected, 2), detections.corners[after]
    overlap = buffered_iou_table(a, b, BUFFER)
    changed = detections.class_index[before][:, None] != detections.class_index[after]
    surer = np.minimum(detections.score[before][:, None], detections.score[after])
    worth = np.clip(overlap - OTHER_CLASS_COST * changed + SCORE_GAIN * surer, 0, None) * (overlap >= LEAST_OVERLAP)
    row, column = linear_sum_assignment(worth, maximize=True)
    linked = worth[row, column] > 0
    return row[linked] + before.start, column[linked] + after.start


def _centres(corners: np.ndarray) -> np.ndarray:
    centres: np.ndarray = (corners[:, :2].astype(np.float64) + corners[:, 2:]) / 2
    return centres
