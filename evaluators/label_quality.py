"""Precision and recall of published labels with their intervals, overall, by class and by condition.

Frames of a clip resemble each other, and so do the tracks in it, so the clip is what is drawn, not the box: a share is
a ratio of two sums over clips, its variance that of a ratio estimator (Cochran, "Sampling Techniques", 1977, chapter
6), and its interval Wilson's for as many independent boxes as have that variance (Korn and Graubard, "Confidence
intervals for proportions with small expected number of positive counts", 1998, for the idea; Wilson's score for the
form), with Student's quantile. Such an interval stays within 0 and 1 and has a width when every box was right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import stdtrit

from evaluators.calibration import Floats, Ints, JudgedBoxes, list_conditions
from evaluators.matching import Detections, Truths, match_detections
from schemas.calibration import QualityCell, Share

IOU = 0.5
LEVEL = 0.95
MIN_COUNT, MIN_CLIPS = 30, 5
"""A share of fewer boxes, or of fewer clips, is not stated."""

_FRAMES_PER_CLIP = 1_000_000


@dataclass(frozen=True)
class ClassIndex:
    """How class names are told apart: published classes, and which detected or true names each gathers."""

    names: tuple[str, ...]
    gathers: Mapping[str, str]

    def of(self, column: pa.ChunkedArray) -> Ints:
        """int64: index of the published class of each name; -1 where it is not published."""
        encoded = pc.dictionary_encode(column.cast(pa.string()).combine_chunks())
        places = {name: place for place, name in enumerate(self.names)}
        known = [places.get(self.gathers.get(name, name), -1) for name in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_numpy()
        return np.array(known, np.int64)[codes] if len(codes) else np.zeros(0, np.int64)


@dataclass(frozen=True)
class Judgement:
    """Boxes with their fate, and the objects that there were to find.

    Attributes:
        boxes: see :class:`evaluators.calibration.JudgedBoxes`.
        rows: int64 (N,): row of each judged box in the table that was judged.
        objects: int64 (clips, classes): objects that are not difficult.
    """

    boxes: JudgedBoxes
    rows: Ints
    objects: Ints


def judge_boxes(tracks: pa.Table, truth: pa.Table, clip_ids: Sequence[str], classes: ClassIndex) -> Judgement:
    """Compare boxes with the truth of the same clips, as COCO does, the most confident box first.

    Args:
        tracks: ``TRACKS`` with ``clip_id`` in front; classes that are not published are left out.
        truth: ``TRUTH``, or its columns up to the box and ``difficult``, with ``clip_id`` in front.
        clip_ids: the clips; rows of others are left out.
        classes: names as published.
    """
    clip, kind = _places(tracks["clip_id"], clip_ids), classes.of(tracks["class_name"])
    kept = np.flatnonzero((clip >= 0) & (kind >= 0))
    confidence = tracks["confidence"].to_numpy()[kept]
    clip, kind = clip[kept], kind[kept]
    found = Detections(_frame_numbers(tracks, kept, clip), kind, _boxes(tracks, kept), confidence)
    truths, shown_in = _truths(truth, clip_ids, classes)
    matches = match_detections(found, truths, (IOU,))
    counted = ~matches.ignored[:, 0]
    objects = np.zeros((len(clip_ids), len(classes.names)), np.int64)
    asked = ~truths.difficult
    np.add.at(objects, (shown_in[asked], truths.class_index[asked]), 1)
    boxes = JudgedBoxes(clip, kind, confidence.astype(np.float64), matches.hit[:, 0]).take(counted)
    return Judgement(boxes, kept[counted], objects)


def measure_labels(judgement: Judgement, inflation: float = 1.0) -> tuple[Share, Share]:
    """Precision: the share of the boxes that are right. Recall: the share of the objects that a box found.

    ``inflation`` of their variances: see :func:`variance_inflation`.
    """
    return _measure(judgement.boxes, judgement.objects.sum(axis=1), inflation)


def measure_classes(
    judgement: Judgement, class_names: Sequence[str], inflation: float = 1.0
) -> tuple[QualityCell, ...]:
    """One cell a class, in their order; see :func:`measure_labels`."""
    cells = []
    for index, name in enumerate(class_names):
        boxes = judgement.boxes.take(judgement.boxes.class_index == index)
        precision, recall = _measure(boxes, judgement.objects[:, index], inflation)
        cells.append(QualityCell(axis="class", value=name, precision=precision, recall=recall))
    return tuple(cells)


def measure_conditions(
    judgement: Judgement, attributes: Sequence[Mapping[str, str]], inflation: float = 1.0
) -> tuple[QualityCell, ...]:
    """One cell for each value of each axis of the clips' scenarios, sorted; axes with too many values are left out."""
    objects = judgement.objects.sum(axis=1)
    cells = []
    for axis, value in list_conditions(attributes):
        chosen = np.array([one.get(axis) == value for one in attributes])
        boxes = judgement.boxes.take(chosen[judgement.boxes.clip])
        precision, recall = _measure(boxes, np.where(chosen, objects, 0), inflation)
        cells.append(QualityCell(axis=axis, value=value, precision=precision, recall=recall))
    return tuple(cells)


def variance_inflation(clips: int, degrees: float) -> float:
    """By how much a variance grows because ``degrees`` free numbers were fitted to the same ``clips``; at least 1.

    Where the labels to be judged depend on a curve from the same clips, the curve leans towards them; the usual
    correction of cluster-robust variances (Cameron and Miller, "A Practitioner's Guide to Cluster-Robust Inference",
    2015, section VI) counts what was fitted off the clips.
    """
    return (clips - 1) / max(clips - 1 - degrees, 1.0)


def ratio_interval(
    part: NDArray[np.integer], whole: NDArray[np.integer], inflation: float = 1.0, level: float = LEVEL
) -> Share:
    """Sum of ``part`` over sum of ``whole``, with an interval that the draw of the clips accounts for.

    Args:
        part, whole: (clips,) counts; ``part`` is at most ``whole``. Clips where ``whole`` is 0 say nothing.
        inflation: of the variance.
        level: share of all draws of clips whose interval holds the true value.

    Returns:
        a Share without value where there are fewer than ``MIN_COUNT`` or fewer than ``MIN_CLIPS`` clips.
    """
    shown = whole > 0
    parts, wholes = part[shown].astype(np.float64), whole[shown].astype(np.float64)
    count, clips = int(wholes.sum()), int(shown.sum())
    if count < MIN_COUNT or clips < MIN_CLIPS:
        return Share(value=None, low=None, high=None, count=count, clips=clips)
    value = parts.sum() / count
    alike = count**2 / (wholes**2).sum()  # clips of one size that tell as much (Kish)
    quantile = float(stdtrit(max(alike - 1, 1), (1 + level) / 2))
    low, high = _wilson(value, _effective_count(parts, wholes, value) / inflation, quantile)
    return Share(value=_figure(value), low=_figure(low), high=_figure(high), count=count, clips=clips)


def count_right(boxes: JudgedBoxes, clips: int) -> tuple[Ints, Ints]:
    """Right boxes and all boxes of each clip, int64 (clips,) each."""
    return np.bincount(boxes.clip[boxes.right], minlength=clips), np.bincount(boxes.clip, minlength=clips)


def _measure(boxes: JudgedBoxes, objects: Ints, inflation: float) -> tuple[Share, Share]:
    right, published = count_right(boxes, len(objects))
    return ratio_interval(right, published, inflation), ratio_interval(right, objects, inflation)


def _effective_count(part: Floats, whole: Floats, value: float) -> float:
    """How many independent boxes would tell ``value`` as surely: at most all; where all are alike, one a clip."""
    if value in {0.0, 1.0}:
        return float(len(whole))
    clips, count = len(whole), float(whole.sum())
    residual = part - value * whole
    variance = float((residual**2).sum()) * clips / (clips - 1) / count**2
    return min(value * (1 - value) / max(variance, 1e-12), count)


def _wilson(value: float, count: float, quantile: float) -> tuple[float, float]:
    square = quantile**2
    centre = (value + square / (2 * count)) / (1 + square / count)
    reach = quantile / (1 + square / count) * np.sqrt(value * (1 - value) / count + square / (4 * count**2))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def _truths(truth: pa.Table, clip_ids: Sequence[str], classes: ClassIndex) -> tuple[Truths, Ints]:
    clip, kind = _places(truth["clip_id"], clip_ids), classes.of(truth["class_name"])
    kept = np.flatnonzero((clip >= 0) & (kind >= 0))
    clip = clip[kept]
    difficult = truth["difficult"].to_numpy()[kept].astype(bool)
    # The visible share is not asked for here; what is too little visible is marked difficult already.
    visibility = np.ones(len(kept), np.float32)
    frames, boxes = _frame_numbers(truth, kept, clip), _boxes(truth, kept)
    return Truths(frames, kind[kept], boxes, difficult, visibility), clip


def _places(column: pa.ChunkedArray, clip_ids: Sequence[str]) -> Ints:
    """Place of each row's clip in ``clip_ids``; -1 where it is not among them."""
    at = pc.index_in(column.cast(pa.string()).combine_chunks(), value_set=pa.array(clip_ids, pa.string()))
    places: Ints = pc.fill_null(at, -1).to_numpy().astype(np.int64)
    return places


def _frame_numbers(table: pa.Table, rows: Ints, clip: Ints) -> Ints:
    numbers: Ints = clip * _FRAMES_PER_CLIP + table["frame"].to_numpy()[rows].astype(np.int64)
    return numbers


def _boxes(table: pa.Table, rows: Ints) -> NDArray[np.float32]:
    return np.stack([table[side].to_numpy()[rows] for side in "xywh"], axis=1).astype(np.float32)


def _figure(value: float) -> float:
    return round(float(value), 4)
