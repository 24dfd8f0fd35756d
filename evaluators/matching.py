"""Which detection found which object: intersection over union, and COCO's greedy matching."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""COCO's ten thresholds, 0.50 to 0.95."""


@dataclass(frozen=True)
class Detections:
    """N detected boxes of many frames.

    Attributes:
        frame: int64 (N,): any number that names the frame within the whole evaluation, clips included.
        class_index: int64 (N,).
        box: float32 (N, 4): top-left x, y, width, height, pixels.
        score: float32 (N,), 0 to 1.
    """

    frame: Ints
    class_index: Ints
    box: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: Bools | Ints) -> "Detections":
        """The rows of a mask or an index."""
        return Detections(self.frame[rows], self.class_index[rows], self.box[rows], self.score[rows])


@dataclass(frozen=True)
class Truths:
    """M true boxes of many frames; columns as in :class:`Detections`.

    Attributes:
        difficult: bool (M,): neither asked of a detector nor held against one that finds it.
        visibility: float32 (M,), 0 to 1: visible share of the object.
    """

    frame: Ints
    class_index: Ints
    box: Floats
    difficult: Bools
    visibility: Floats

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: Bools | Ints) -> "Truths":
        """The rows of a mask or an index."""
        return Truths(
            self.frame[rows], self.class_index[rows], self.box[rows], self.difficult[rows], self.visibility[rows]
        )


@dataclass(frozen=True)
class Matches:
    """What became of N detections at T thresholds.

    Attributes:
        truth: int64 (N, T): row of the object that the detection found, -1 where it found none.
        ignored: bool (N, T): the object found is difficult, so the detection counts neither way.
    """

    truth: Ints
    ignored: Bools

    @property
    def hit(self) -> Bools:
        """bool (N, T): true positives."""
        return (self.truth >= 0) & ~self.ignored


def iou_matrix(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each pair of boxes.

    Args:
        first: float (N, 4), x, y, width, height.
        second: float (M, 4).

    Returns:
        float32 (N, M), 0 to 1; 0 where both boxes are empty.
    """
    a, b = first.reshape(-1, 1, 4).astype(np.float64), second.reshape(1, -1, 4).astype(np.float64)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0).astype(np.float32)
    return overlap


def match_frame(
    boxes: Floats, truths: Floats, difficult: Bools, thresholds: Sequence[float] = IOU_THRESHOLDS
) -> Matches:
    """Match detections of one class in one frame, greedily in their order, as COCO does.

    A detection takes the free object that it overlaps most, at least by the threshold. Only one that overlaps no such
    object may take a difficult one, which any number of detections may share (COCO's rule for crowds).

    Args:
        boxes: float (N, 4), best score first.
        truths: float (M, 4).
        difficult: bool (M,).
        thresholds: T least overlaps.

    Returns:
        Matches of shape (N, T) with rows of ``truths``.
    """
    overlap = iou_matrix(boxes, truths)
    found = np.full((len(boxes), len(thresholds)), -1, np.int64)
    ignored = np.zeros(found.shape, bool)
    for column, threshold in enumerate(thresholds):
        free = ~difficult
        for row in range(len(boxes)):
            choice, is_difficult = _choose(overlap[row], free, difficult, threshold)
            found[row, column], ignored[row, column] = choice, is_difficult
            if choice >= 0:
                free[choice] = False
    return Matches(found, ignored)


def match_detections(detections: Detections, truths: Truths, thresholds: Sequence[float] = IOU_THRESHOLDS) -> Matches:
    """Match detections of all frames and classes; rows of the result are those of ``detections``."""
    found = np.full((len(detections), len(thresholds)), -1, np.int64)
    ignored = np.zeros(found.shape, bool)
    truth_rows = _rows_by_key(truths.frame, truths.class_index)
    for key, unranked in _rows_by_key(detections.frame, detections.class_index).items():
        candidates = truth_rows.get(key)
        if candidates is None:
            continue
        rows = unranked[np.argsort(-detections.score[unranked], kind="stable")]
        matches = match_frame(detections.box[rows], truths.box[candidates], truths.difficult[candidates], thresholds)
        found[rows] = np.where(matches.truth >= 0, candidates[matches.truth], -1)
        ignored[rows] = matches.ignored
    return Matches(found, ignored)


def _choose(overlap: Floats, free: Bools, difficult: Bools, threshold: float) -> tuple[int, bool]:
    """Row of the best free object, else of the best difficult one, else -1; and whether it is difficult."""
    # COCO takes overlaps equal to the threshold; the margin absorbs the rounding of float32.
    reach = overlap >= threshold - 1e-6
    for candidates, is_difficult in ((free & reach, False), (difficult & reach, True)):
        if candidates.any():
            return int(np.where(candidates, overlap, -1).argmax()), is_difficult
    return -1, False


def _rows_by_key(frame: Ints, class_index: Ints) -> dict[tuple[int, int], Ints]:
    """Rows of each (frame, class)."""
    if not len(frame):
        return {}
    order = np.lexsort((class_index, frame))
    keys = np.stack([frame[order], class_index[order]], axis=1)
    starts = np.flatnonzero(np.r_[True, (np.diff(keys, axis=0) != 0).any(axis=1)])
    groups = np.split(order, starts[1:])
    return {(int(keys[start, 0]), int(keys[start, 1])): group for start, group in zip(starts, groups, strict=True)}
