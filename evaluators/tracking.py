"""How well tracks keep the identity of objects: IDF1 and identity switches.

IDF1 after Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking" (2016): each
true track is paired with at most one predicted track, so that most boxes agree. Switches after Bernardin and
Stiefelhagen's CLEAR MOT (2008): a pair that still overlaps is kept before new ones are made.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluators.matching import Bools, Floats, Ints, iou_matrix


@dataclass(frozen=True)
class TrackedBoxes:
    """N boxes with identities.

    Attributes:
        frame: int64 (N,): names the frame within the whole evaluation, clips included.
        track: int64 (N,): names the track likewise: tracks of different clips must have different numbers.
        class_index: int64 (N,).
        box: float32 (N, 4): x, y, width, height, pixels.
        difficult: bool (N,): of true boxes: neither asked for nor held against a tracker; all False in predictions.
    """

    frame: Ints
    track: Ints
    class_index: Ints
    box: Floats
    difficult: Bools

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: Bools) -> "TrackedBoxes":
        """The rows of a mask."""
        return TrackedBoxes(
            self.frame[rows], self.track[rows], self.class_index[rows], self.box[rows], self.difficult[rows]
        )


@dataclass(frozen=True)
class TrackingReport:
    """Counts of boxes under the best pairing of whole tracks, and identity switches.

    Attributes:
        agreed: predicted boxes on the object that their track is paired with.
        truths, predictions: boxes, difficult ones and predictions on them left out.
        switches: times that an object's predicted identity changed.
    """

    agreed: int
    truths: int
    predictions: int
    switches: int

    @property
    def idf1(self) -> float:
        """0 to 1; nan when there are neither truths nor predictions."""
        total = self.truths + self.predictions
        return 2 * self.agreed / total if total else float("nan")

    @property
    def id_precision(self) -> float:
        """Share of the predicted boxes that agree; nan without predictions."""
        return self.agreed / self.predictions if self.predictions else float("nan")

    @property
    def id_recall(self) -> float:
        """Share of the true boxes that agree; nan without truths."""
        return self.agreed / self.truths if self.truths else float("nan")


def evaluate_tracks(predicted: TrackedBoxes, truth: TrackedBoxes, threshold: float = 0.5) -> TrackingReport:
    """Compare predicted with true tracks; boxes agree from an overlap of ``threshold`` on, within one class."""
    counted, clear = without_difficult(predicted, truth, threshold)
    pairs = _overlapping_pairs(counted, clear, threshold)
    return TrackingReport(
        agreed=_count_agreed(counted, clear, pairs),
        truths=len(clear),
        predictions=len(counted),
        switches=_count_switches(counted, clear, pairs),
    )


def without_difficult(
    predicted: TrackedBoxes, truth: TrackedBoxes, threshold: float = 0.5
) -> tuple[TrackedBoxes, TrackedBoxes]:
    """Predictions and truth without difficult objects, and without predictions that overlap such a one and no other."""
    return predicted.take(~_lies_on_difficult(predicted, truth, threshold)), truth.take(~truth.difficult)


def _lies_on_difficult(predicted: TrackedBoxes, truth: TrackedBoxes, threshold: float) -> Bools:
    """Predictions that overlap a difficult object and no other."""
    on_difficult, on_clear = np.zeros(len(predicted), bool), np.zeros(len(predicted), bool)
    for rows, candidates in _by_frame(predicted, truth):
        overlap = _class_overlap(predicted, truth, rows, candidates) >= threshold
        difficult = truth.difficult[candidates]
        on_difficult[rows] = overlap[:, difficult].any(axis=1)
        on_clear[rows] = overlap[:, ~difficult].any(axis=1)
    return on_difficult & ~on_clear


def _overlapping_pairs(
    predicted: TrackedBoxes, truth: TrackedBoxes, threshold: float
) -> list[tuple[Ints, Ints, Floats]]:
    """Per frame: rows of predictions, rows of truths, and their overlaps, 0 below the threshold."""
    pairs = []
    for rows, candidates in _by_frame(predicted, truth):
        overlap = _class_overlap(predicted, truth, rows, candidates)
        pairs.append((rows, candidates, np.where(overlap >= threshold, overlap, 0).astype(np.float32)))
    return pairs


def _count_agreed(predicted: TrackedBoxes, truth: TrackedBoxes, pairs: list[tuple[Ints, Ints, Floats]]) -> int:
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array

    _, predicted_index = np.unique(predicted.track, return_inverse=True)
    _, truth_index = np.unique(truth.track, return_inverse=True)
    left, right = [], []
    for rows, candidates, overlap in pairs:
        row, column = np.nonzero(overlap)
        left.append(predicted_index[rows[row]])
        right.append(truth_index[candidates[column]])
    if not left or not sum(len(part) for part in left):
        return 0
    first, second = np.concatenate(left), np.concatenate(right)
    shape = (int(predicted_index.max()) + 1, int(truth_index.max()) + 1)
    shared = coo_array((np.ones(len(first)), (first, second)), shape=shape).toarray()
    chosen = linear_sum_assignment(shared, maximize=True)
    return int(shared[chosen].sum())


def _count_switches(predicted: TrackedBoxes, truth: TrackedBoxes, pairs: list[tuple[Ints, Ints, Floats]]) -> int:
    from scipy.optimize import linear_sum_assignment

    last: dict[int, int] = {}
    switches = 0
    for rows, candidates, overlap in pairs:
        # A pair from before is worth more than any overlap, so that identities change only when they must.
        kept = np.array([[last.get(int(truth.track[c])) == predicted.track[r] for c in candidates] for r in rows])
        worth = overlap + 2.0 * (kept & (overlap > 0))
        for row, column in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if overlap[row, column] == 0:
                continue
            true_track, track = int(truth.track[candidates[column]]), int(predicted.track[rows[row]])
            switches += last.get(true_track, track) != track
            last[true_track] = track
    return switches


def _by_frame(predicted: TrackedBoxes, truth: TrackedBoxes) -> Iterator[tuple[Ints, Ints]]:
    """Rows of both sides of each frame, in order, in which both have boxes."""
    for frame in np.intersect1d(predicted.frame, truth.frame):
        yield np.flatnonzero(predicted.frame == frame), np.flatnonzero(truth.frame == frame)


def _class_overlap(predicted: TrackedBoxes, truth: TrackedBoxes, rows: Ints, candidates: Ints) -> Floats:
    same = predicted.class_index[rows][:, None] == truth.class_index[candidates][None]
    return np.where(same, iou_matrix(predicted.box[rows], truth.box[candidates]), 0).astype(np.float32)
