"""Is one detector better than another on the same clips, or is it the luck of the draw?

A paired bootstrap over clips (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13): clips are
drawn with replacement, both detectors are judged on the same draw, and the differences tell how sure the verdict is.
Clips and not frames are drawn, because frames of one clip resemble each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluators.detection import RECALLS
from evaluators.matching import Bools, Detections, Floats, Ints, Truths, match_detections


@dataclass(frozen=True)
class PairedDifference:
    """Mean average precision (0.50 to 0.95) of a candidate minus that of an incumbent.

    Attributes:
        difference: on all clips, -1 to 1.
        low, high: ends of the interval that holds a share ``level`` of the bootstrap's differences.
        level: such as 0.9.
        clips: number of clips that were drawn from.
    """

    difference: float
    low: float
    high: float
    level: float
    clips: int

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0


@dataclass(frozen=True)
class _RankedClass:
    """Detections of one class by falling score: their clips, and hits and counted ones at each threshold."""

    clip: Ints
    hit: Bools
    counted: Bools
    positives: Floats


def compare_paired(
    candidate: Detections,
    incumbent: Detections,
    truths: Truths,
    frame_clips: tuple[Ints, Ints, Ints],
    classes: int,
    *,
    clips: int,
    rounds: int = 200,
    level: float = 0.9,
    seed: int = 0,
) -> PairedDifference:
    """Compare two detectors on the same clips.

    Args:
        candidate, incumbent: detections of each.
        truths: true boxes of the same frames.
        frame_clips: clip index, 0 to ``clips`` - 1, of each candidate detection, incumbent detection and truth.
        classes: number of classes.
        clips: number of clips.
        rounds: bootstrap draws.
        level: share of the draws inside the interval.
        seed: of the draws.

    Raises:
        ValueError: there are no clips.
    """
    if clips < 1:
        raise ValueError("a comparison needs at least one clip, got 0")
    first = _rank(candidate, truths, (frame_clips[0], frame_clips[2]), classes=classes, clips=clips)
    second = _rank(incumbent, truths, (frame_clips[1], frame_clips[2]), classes=classes, clips=clips)
    once = np.ones(clips, np.float32)
    rng = np.random.default_rng(seed)
    draws = [np.bincount(rng.integers(0, clips, clips), minlength=clips).astype(np.float32) for _ in range(rounds)]
    differences = [_mean_precision(first, draw) - _mean_precision(second, draw) for draw in draws]
    low, high = np.nanquantile(differences, [(1 - level) / 2, (1 + level) / 2])
    difference = _mean_precision(first, once) - _mean_precision(second, once)
    return PairedDifference(float(difference), float(low), float(high), level, clips)


def _rank(
    detections: Detections, truths: Truths, frame_clips: tuple[Ints, Ints], *, classes: int, clips: int
) -> list[_RankedClass]:
    """Each class's detections, with the clips that they (``frame_clips[0]``) and the truths (``[1]``) are of."""
    found_in, shown_in = frame_clips
    matches = match_detections(detections, truths)
    ranked = []
    for index in range(classes):
        rows = np.flatnonzero(detections.class_index == index)
        rows = rows[np.argsort(-detections.score[rows], kind="stable")]
        asked = (truths.class_index == index) & ~truths.difficult
        positives = np.bincount(shown_in[asked], minlength=clips).astype(np.float32)
        ranked.append(_RankedClass(found_in[rows], matches.hit[rows], ~matches.ignored[rows], positives))
    return ranked


def _mean_precision(ranked: Sequence[_RankedClass], draw: Floats) -> float:
    """Mean average precision when clip ``c`` is seen ``draw[c]`` times."""
    precisions = [_class_precision(one, draw) for one in ranked if one.positives @ draw > 0]
    return float(np.mean(precisions)) if precisions else float("nan")


def _class_precision(one: _RankedClass, draw: Floats) -> float:
    """As :func:`evaluators.detection.average_precision`, for detections of different weight."""
    weight = draw[one.clip][:, None]
    true = np.cumsum(one.hit * weight, axis=0)
    seen = np.cumsum(one.counted * weight, axis=0)
    precision = np.divide(true, seen, out=np.zeros_like(true), where=seen > 0)
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = true / (one.positives @ draw)
    total = 0.0
    for column in range(recall.shape[1]):
        place = np.searchsorted(recall[:, column], RECALLS - 1e-12, side="left")
        total += float(np.append(envelope[:, column], 0.0)[np.minimum(place, len(envelope))].mean())
    return total / int(recall.shape[1])
