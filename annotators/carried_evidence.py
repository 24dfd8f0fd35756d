"""What a detector saw of boxes carried from a source, frame by frame: which detection shows which box, and as what."""

from dataclasses import dataclass

import numpy as np

from annotators.boxes import areas
from annotators.rival_detections import MergedDetections

LEAST_IOU = 0.3
"""A detection that overlaps a box by less shows something else, or the object somewhere else."""

SCORE_SAY = 0.25
"""Power of a detection's score in the choice between detections of one box: overlap counts more, a faint detection
with a little more of it does not win over a firm one."""


@dataclass(frozen=True)
class CarriedBoxes:
    """Boxes of a source, sorted by frame.

    Attributes:
        frame, track: ``(N,)`` int32.
        class_index: ``(N,)`` int32, into the detector's classes.
        corners: ``(N, 4)`` float32, x1, y1, x2, y2, pixels.
    """

    frame: np.ndarray
    track: np.ndarray
    class_index: np.ndarray
    corners: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class Sightings:
    """For each of N carried boxes the detection that shows it, if there is one.

    Attributes:
        detection: ``(N,)`` int32 row of the merged detections; -1 where the detector saw nothing.
        iou: ``(N,)`` float32, of box and detection; 0 where it saw nothing.
        support: ``(N,)`` float32, score at which the detector saw the box's class there; 0 where it did not.
        doubt: ``(N,)`` float32, highest score at which it saw another class in the same place.
    """

    detection: np.ndarray
    iou: np.ndarray
    support: np.ndarray
    doubt: np.ndarray


def find_sightings(boxes: CarriedBoxes, merged: MergedDetections, least_iou: float = LEAST_IOU) -> Sightings:
    """Give each detection to at most one box and each box at most one detection, in every frame, the best pairs first.

    A neighbour's detection is thereby not taken for a thing that is gone, as long as the neighbour is there.
    """
    votes = _votes(merged, 1 + int(boxes.class_index.max(initial=-1)))
    detection, iou = np.full(len(boxes), -1, np.int32), np.zeros(len(boxes), np.float32)
    support, doubt = np.zeros(len(boxes), np.float32), np.zeros(len(boxes), np.float32)
    kept = merged.kept
    ends = np.searchsorted(kept.frame, boxes.frame, side="right")
    begins = np.searchsorted(kept.frame, boxes.frame, side="left")
    for rows in np.split(np.arange(len(boxes)), np.flatnonzero(np.diff(boxes.frame)) + 1):
        if not len(rows):
            continue
        seen = np.arange(begins[rows[0]], ends[rows[0]])
        overlap = iou_of_all(boxes.corners[rows], kept.corners[seen])
        named = votes[seen][:, boxes.class_index[rows]].T
        worth = overlap * (kept.score[seen][None] ** SCORE_SAY) * (0.5 + 0.5 * (named > 0))
        for row, column in _best_pairs(np.where(overlap >= least_iou, worth, 0)):
            box, found = rows[row], seen[column]
            others = votes[found].copy()
            others[boxes.class_index[box]] = 0
            detection[box], iou[box] = found, overlap[row, column]
            support[box], doubt[box] = named[row, column], others.max(initial=0)
    return Sightings(detection, iou, support, doubt)


def iou_of_all(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(N, M)`` intersection over union of each of ``a`` ``(N, 4)`` with each of ``b`` ``(M, 4)``, corners."""
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.prod(np.clip(size, 0, None), axis=2)
    union = areas(a)[:, None] + areas(b)[None] - shared
    ratio: np.ndarray = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return ratio


def _votes(merged: MergedDetections, classes: int) -> np.ndarray:
    """``(rows, C)`` float32 scores of each detection's votes; C is at least ``classes``."""
    classes = max(classes, int(merged.vote_class.max(initial=-1)) + 1)
    table = np.zeros((len(merged.kept), classes), np.float32)
    table[merged.vote_row, merged.vote_class] = merged.vote_score
    return table


def _best_pairs(worth: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) with a worth above 0, each row and column at most once, greedily."""
    pairs: list[tuple[int, int]] = []
    worth = worth.copy()
    while worth.size and worth.max() > 0:
        row, column = divmod(int(worth.argmax()), worth.shape[1])
        pairs.append((row, column))
        worth[row], worth[:, column] = 0, 0
    return pairs
