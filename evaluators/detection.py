"""Precision, recall and COCO's average precision, overall, by class and by size; recall by visibility.

Average precision follows COCO's own evaluation: precision made monotone from the right, read at 101 recalls from 0 to
1, averaged over the IoU thresholds 0.50 to 0.95 and over the classes that have an object to find.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluators.matching import Bools, Detections, Floats, Matches, Truths, match_detections

RECALLS = np.linspace(0, 1, 101)
SIZE_BANDS: tuple[tuple[str, float, float], ...] = (("small", 0, 20), ("medium", 20, 48), ("large", 48, np.inf))
"""Name, least and limit of the square root of a box's area, pixels. COCO's 32 and 96 suit frames twice as large."""
VISIBILITY_BANDS: tuple[tuple[str, float, float], ...] = (
    ("0.25-0.50", 0.25, 0.5),
    ("0.50-0.80", 0.5, 0.8),
    ("0.80-1.00", 0.8, np.inf),
)
"""Name, least and limit of the visible share."""


@dataclass(frozen=True)
class Quality:
    """How good detections of one class, or the mean over classes, are.

    Attributes:
        name: class, band or group.
        map50_95, map50: average precision, 0 to 1; nan without objects.
        objects: number of true objects, difficult ones left out.
    """

    name: str
    map50_95: float
    map50: float
    objects: int


@dataclass(frozen=True)
class OperatingPoint:
    """Counts at one score threshold and IoU 0.5; precision, recall and F1 are 0 to 1, nan where undefined."""

    threshold: float
    true_positives: int
    false_positives: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the detections that are right."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the objects that are found."""
        return _ratio(self.true_positives, self.true_positives + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.missed)


@dataclass(frozen=True)
class Recall:
    """Share of the objects of a band that are found at IoU 0.5, and averaged over 0.50 to 0.95."""

    name: str
    recall50: float
    recall50_95: float
    objects: int


@dataclass(frozen=True)
class DetectionReport:
    """All figures of one evaluation."""

    overall: Quality
    classes: tuple[Quality, ...]
    sizes: tuple[Quality, ...]
    visibilities: tuple[Recall, ...]
    point: OperatingPoint


def evaluate_detections(
    detections: Detections, truths: Truths, class_names: Sequence[str], threshold: float = 0.25
) -> DetectionReport:
    """Compare detections with the truth of the same frames.

    Args:
        detections: down to a low score: average precision needs the tail.
        truths: of all frames, also those in which nothing was detected.
        class_names: by class index.
        threshold: score from which on a detection counts for precision, recall and F1, and for recall by visibility.
    """
    matches = match_detections(detections, truths)
    classes = _qualities(detections, truths, matches, class_names)
    return DetectionReport(
        overall=_mean_quality("all", classes),
        classes=classes,
        sizes=tuple(_quality_of_size(detections, truths, class_names, band) for band in SIZE_BANDS),
        visibilities=_recall_by_visibility(detections, truths, matches, threshold),
        point=operating_point(detections, truths, matches, threshold),
    )


def mean_average_precision(
    detections: Detections, truths: Truths, class_names: Sequence[str], name: str = "all"
) -> Quality:
    """The overall figure alone; see :func:`evaluate_detections`."""
    return _mean_quality(name, _qualities(detections, truths, match_detections(detections, truths), class_names))


def average_precision(score: Floats, hit: Bools, positives: int) -> float:
    """COCO's 101-point average precision of ranked detections.

    Args:
        score: float (N,).
        hit: bool (N,): the detection is a true positive; ignored detections must be left out before.
        positives: number of objects to find.

    Returns:
        0 to 1; nan when there is nothing to find.
    """
    if positives == 0:
        return float("nan")
    ranked = hit[np.argsort(-score, kind="stable")]
    true = np.cumsum(ranked)
    recall = true / positives
    precision = true / np.arange(1, len(ranked) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    place = np.searchsorted(recall, RECALLS - 1e-12, side="left")
    return float(np.append(envelope, 0.0)[np.minimum(place, len(ranked))].mean())


def operating_point(detections: Detections, truths: Truths, matches: Matches, threshold: float) -> OperatingPoint:
    """Counts over all classes at one score threshold, at the first IoU threshold of ``matches``."""
    kept = detections.score >= threshold
    hit, ignored = matches.hit[kept, 0], matches.ignored[kept, 0]
    found = int(hit.sum())
    return OperatingPoint(threshold, found, int((~hit & ~ignored).sum()), int((~truths.difficult).sum()) - found)


def _qualities(
    detections: Detections, truths: Truths, matches: Matches, class_names: Sequence[str], excused: Bools | None = None
) -> tuple[Quality, ...]:
    """Quality of each class; ``excused`` marks detections whose failure to match is no mistake."""
    qualities = []
    for index, name in enumerate(class_names):
        rows = detections.class_index == index
        positives = int(((truths.class_index == index) & ~truths.difficult).sum())
        precisions = []
        for column in range(matches.truth.shape[1]):
            counted = rows & ~matches.ignored[:, column]
            if excused is not None:
                counted &= matches.hit[:, column] | ~excused
            precisions.append(average_precision(detections.score[counted], matches.hit[counted, column], positives))
        qualities.append(Quality(name, float(np.mean(precisions)), precisions[0], positives))
    return tuple(qualities)


def _mean_quality(name: str, classes: Sequence[Quality]) -> Quality:
    present = [quality for quality in classes if quality.objects]
    if not present:
        return Quality(name, float("nan"), float("nan"), 0)
    return Quality(
        name,
        float(np.mean([quality.map50_95 for quality in present])),
        float(np.mean([quality.map50 for quality in present])),
        sum(quality.objects for quality in present),
    )


def _quality_of_size(
    detections: Detections, truths: Truths, class_names: Sequence[str], band: tuple[str, float, float]
) -> Quality:
    """As COCO's areas: objects of other sizes are not asked for, unmatched detections of other sizes no mistakes."""
    name, least, limit = band
    truth_side, side = (np.sqrt(boxes[:, 2] * boxes[:, 3]) for boxes in (truths.box, detections.box))
    banded = replace(truths, difficult=truths.difficult | (truth_side < least) | (truth_side >= limit))
    matches = match_detections(detections, banded)
    excused = (side < least) | (side >= limit)
    return _mean_quality(name, _qualities(detections, banded, matches, class_names, excused))


def _recall_by_visibility(
    detections: Detections, truths: Truths, matches: Matches, threshold: float
) -> tuple[Recall, ...]:
    """Recall only: a detection that matched nothing has no visibility, so no precision can be told by it."""
    kept = detections.score >= threshold
    found = np.zeros((len(truths), matches.truth.shape[1]), bool)
    for column in range(found.shape[1]):
        rows = matches.truth[kept, column]
        found[rows[rows >= 0], column] = True
    recalls = []
    for name, least, limit in VISIBILITY_BANDS:
        band = ~truths.difficult & (truths.visibility >= least) & (truths.visibility < limit)
        count = int(band.sum())
        shares = found[band].mean(axis=0) if count else np.full(found.shape[1], np.nan)
        recalls.append(Recall(name, float(shares[0]), float(shares.mean()), count))
    return tuple(recalls)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
