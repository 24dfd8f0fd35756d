"""Labels against truth: error, precision of ranked boxes, identity. One treatment for every side.

A difficult object (see ``schemas/truth_limits.py``) is neither asked for nor a mistake. HOTA (Luiten et al., "HOTA: A
Higher Order Metric for Evaluating Multi-Object Tracking", 2021) is TrackEval's, its overlap 0 between classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.detection import mean_average_precision, operating_point
from evaluators.matching import Detections, Matches, Truths, iou_matrix, match_detections
from evaluators.tracking import TrackedBoxes, evaluate_tracks, without_difficult

from .clips import FRAMES, Truth


@dataclass(frozen=True)
class LabelledClip:
    """Labels of a clip, sorted by frame: ``frame, track, class_index, corners, confidence``, one row a box."""

    frame: np.ndarray
    track: np.ndarray
    class_index: np.ndarray
    corners: np.ndarray
    confidence: np.ndarray

    def take(self, rows: np.ndarray) -> "LabelledClip":
        """The rows of a mask."""
        return LabelledClip(
            self.frame[rows], self.track[rows], self.class_index[rows], self.corners[rows], self.confidence[rows]
        )


@dataclass(frozen=True)
class Errors:
    """Counts of boxes at IoU 0.5 and 0.75."""

    right: tuple[int, int]
    labels: tuple[int, int]
    objects: int

    @property
    def f1(self) -> tuple[float, float]:
        """At IoU 0.5 and 0.75."""
        first, second = (
            2 * right / (labels + self.objects) for right, labels in zip(self.right, self.labels, strict=True)
        )
        return first, second


@dataclass(frozen=True)
class Identity:
    """How well tracks keep objects: IDF1, HOTA (0 to 1), switches, and the share of first frames that are labelled."""

    idf1: float
    hota: float
    switches: int
    first_found: float


def count_errors(clips: Sequence[LabelledClip], truths: Sequence[Truth]) -> Errors:
    """Boxes that are right, each the only one on its object and of its class."""
    found, shown = join_detections(clips), join_truths(truths)
    matches = match_detections(found, shown, (0.5, 0.75))
    points = [operating_point(found, shown, _column(matches, column), 0.0) for column in range(2)]
    return Errors(
        right=(points[0].true_positives, points[1].true_positives),
        labels=tuple(point.true_positives + point.false_positives for point in points),  # type: ignore[arg-type]
        objects=int((~shown.difficult).sum()),
    )


def rank_precision(clips: Sequence[LabelledClip], truths: Sequence[Truth], class_names: Sequence[str]) -> float:
    """Mean average precision over IoU 0.50 to 0.95."""
    return mean_average_precision(join_detections(clips), join_truths(truths), class_names).map50_95


def judge_identity(clips: Sequence[LabelledClip], truths: Sequence[Truth]) -> Identity:
    """Identity figures at IoU 0.5; HOTA over 0.05 to 0.95."""
    pairs = [(_tracked(clip), _tracked_truth(truth)) for clip, truth in zip(clips, truths, strict=True)]
    reports = [evaluate_tracks(*pair) for pair in pairs]
    agreed, boxes = (
        sum(report.agreed for report in reports),
        sum(report.truths + report.predictions for report in reports),
    )
    found, shown = join_detections(clips), join_truths(truths)
    matches = match_detections(found, shown, (0.5,))
    labelled = np.zeros(len(shown), bool)
    labelled[matches.truth[matches.hit[:, 0], 0]] = True
    return Identity(
        idf1=2 * agreed / boxes,
        hota=_hota(pairs),
        switches=sum(report.switches for report in reports),
        first_found=float(labelled[_first_rows(truths)].mean()),
    )


def join_detections(clips: Sequence[LabelledClip]) -> Detections:
    """All clips' labels, frames numbered across clips."""
    return Detections(
        np.concatenate([clip.frame.astype(np.int64) + place * FRAMES for place, clip in enumerate(clips)]),
        np.concatenate([clip.class_index for clip in clips]).astype(np.int64),
        _sizes(np.concatenate([clip.corners for clip in clips])),
        np.concatenate([clip.confidence for clip in clips]),
    )


def join_truths(truths: Sequence[Truth]) -> Truths:
    """All clips' truth, frames numbered likewise; visibility plays no part."""
    return Truths(
        np.concatenate([truth.frame + place * FRAMES for place, truth in enumerate(truths)]),
        np.concatenate([truth.class_index for truth in truths]),
        _sizes(np.concatenate([truth.corners for truth in truths])),
        np.concatenate([truth.difficult for truth in truths]),
        np.ones(sum(len(truth.frame) for truth in truths), np.float32),
    )


def _first_rows(truths: Sequence[Truth]) -> np.ndarray:
    """Rows, in joined truths, of the first frame of each object in which it is not difficult."""
    rows, start = [], 0
    for truth in truths:
        clear = np.flatnonzero(~truth.difficult)
        _, first = np.unique(truth.track[clear], return_index=True)
        rows.append(clear[first] + start)
        start += len(truth.frame)
    return np.concatenate(rows)


def _hota(pairs: Sequence[tuple[TrackedBoxes, TrackedBoxes]]) -> float:
    from trackeval.metrics.hota import HOTA

    metric = HOTA({"PRINT_CONFIG": False})
    answers = {str(place): metric.eval_sequence(_as_sequence(*pair)) for place, pair in enumerate(pairs)}
    return float(metric.combine_sequences(answers)["HOTA"].mean())


def _as_sequence(predicted: TrackedBoxes, truth: TrackedBoxes) -> dict[str, object]:
    """A clip in the form that TrackEval's metrics take."""
    counted, clear = without_difficult(predicted, truth)
    tracks, track = np.unique(counted.track, return_inverse=True)
    objects, thing = np.unique(clear.track, return_inverse=True)
    per_frame = [(np.flatnonzero(counted.frame == f), np.flatnonzero(clear.frame == f)) for f in range(FRAMES)]
    return {
        "num_timesteps": FRAMES,
        "num_gt_ids": len(objects),
        "num_tracker_ids": len(tracks),
        "num_gt_dets": len(clear),
        "num_tracker_dets": len(counted),
        "gt_ids": [thing[shown] for _, shown in per_frame],
        "tracker_ids": [track[rows] for rows, _ in per_frame],
        "similarity_scores": [
            iou_matrix(clear.box[shown], counted.box[rows])
            * (clear.class_index[shown][:, None] == counted.class_index[rows])
            for rows, shown in per_frame
        ],
    }


def _tracked(clip: LabelledClip) -> TrackedBoxes:
    return TrackedBoxes(
        clip.frame.astype(np.int64), clip.track.astype(np.int64), clip.class_index.astype(np.int64),
        _sizes(clip.corners), np.zeros(len(clip.frame), bool),
    )  # fmt: skip


def _tracked_truth(truth: Truth) -> TrackedBoxes:
    return TrackedBoxes(truth.frame, truth.track, truth.class_index, _sizes(truth.corners), truth.difficult)


def _sizes(corners: np.ndarray) -> np.ndarray:
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).astype(np.float32)


def _column(matches: Matches, column: int) -> Matches:
    return Matches(matches.truth[:, [column]], matches.ignored[:, [column]])
