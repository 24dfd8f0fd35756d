"""Several detections of one thing, made one: a box keeps what its rivals say about the class.

A detector unsure of a class reports the same box twice, as a cat and as a dog. Trackers match across classes, so the
second box would start a second track on one animal. No published frame may hold both.
"""

from dataclasses import dataclass

import numpy as np

from annotators.boxes import areas
from annotators.detections import Detections

SAME_THING_IOU = 0.7
"""From this overlap on two boxes show one thing, whatever their classes: the overlap at which the detector's own
suppression merges boxes of one class."""


@dataclass(frozen=True)
class MergedDetections:
    """Detections of which no two in a frame show the same thing, and all votes on their classes.

    Attributes:
        kept: the strongest of each group of rivals, sorted by frame.
        vote_row: ``(V,)`` row of ``kept`` that a vote is about.
        vote_class: ``(V,)`` class index voted for; at most one vote for a row and class.
        vote_score: ``(V,)`` float32, the voter's score.
    """

    kept: Detections
    vote_row: np.ndarray
    vote_class: np.ndarray
    vote_score: np.ndarray


def merge_rivals(detections: Detections, iou: float = SAME_THING_IOU) -> MergedDetections:
    """Keep the highest-scored of each group that overlaps it by more than ``iou``, per frame and across classes."""
    winner = np.arange(len(detections))
    edges = np.flatnonzero(np.diff(detections.frame)) + 1
    for rows in np.split(winner.copy(), edges):
        if len(rows) > 1:
            winner[rows] = rows[_winners(detections.corners[rows], detections.score[rows], iou)]
    is_kept = winner == np.arange(len(winner))
    order = np.lexsort((-detections.score, detections.class_index, winner))
    pairs = np.stack([winner[order], detections.class_index[order]], axis=1)
    first = np.ones(len(order), bool)
    first[1:] = np.any(pairs[1:] != pairs[:-1], axis=1)
    voters = order[first]
    return MergedDetections(
        kept=detections.rows(is_kept),
        vote_row=(np.cumsum(is_kept) - 1)[winner[voters]],
        vote_class=detections.class_index[voters],
        vote_score=detections.score[voters],
    )


def _winners(corners: np.ndarray, scores: np.ndarray, iou: float) -> np.ndarray:
    """``(N,)`` for each box of a frame the place of the one that stands for it: greedy suppression by score."""
    size = areas(corners)
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    rivals = shared > iou * (size[:, None] + size[None, :] - shared)
    winner = np.arange(len(corners))
    if not np.any(rivals.sum(axis=1) > 1):
        return winner
    free = np.ones(len(corners), bool)
    for place in np.argsort(-scores, kind="stable"):
        if free[place]:
            beaten = rivals[place] & free
            beaten[place] = True
            winner[beaten] = place
            free[beaten] = False
    return winner
