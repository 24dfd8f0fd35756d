"""From judged boxes to the curve that turns a score into the probability that a box is right.

The curve has three parts, each as fine as the data allow:

1. one rising curve that all boxes share: isotonic regression over bins of scores (Zadrozny and Elkan,
   "Transforming classifier scores into accurate multiclass probability estimates", 2002), joined by straight lines;
2. an offset and a slope for each class, in logits (Platt scaling on top of the shared curve);
3. an offset for each value of each axis of the scenarios.

2 and 3 are drawn towards "no difference" by a normal prior (partial pooling; Gelman and Hill, "Data Analysis Using
Regression and Multilevel/Hierarchical Models", 2007, chapter 12): a class that was seen often has a curve of its own, a
class that was seen in three clips has nearly the shared one. Boxes of one clip resemble each other, so the likelihood
is divided by the design effect (Kish, "Survey Sampling", 1965): ten thousand boxes of twenty clips count as few.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from schemas.calibration import MAX_AXIS_VALUES, ClassTerm, ConditionTerm, ConfidenceCurve

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FOLDS = 10
QUANTILES, STEPS = 16, 10
"""The shared curve is told by bins that end at quantiles of the scores and at equal steps: many boxes have high scores,
and what low scores are worth matters as much."""
CLASS_PRIOR, CONDITION_PRIOR = 0.5, 0.25
"""Standard deviation, in logits, of the terms of classes and of conditions before anything was seen."""
MIN_SLOPE = 0.1
ERROR_BINS = 15

_MOST_STEPS = 25


@dataclass(frozen=True)
class JudgedBoxes:
    """N boxes whose fate is known; those that found a difficult object, which count neither way, are left out.

    Attributes:
        clip: int64 (N,): place of the clip.
        class_index: int64 (N,): published class.
        confidence: float64 (N,), 0 to 1.
        right: bool (N,): the class is right, and the IoU with an object that no other box took is at least 0.5.
    """

    clip: Ints
    class_index: Ints
    confidence: Floats
    right: Bools

    def __len__(self) -> int:
        return len(self.clip)

    def take(self, rows: Bools) -> "JudgedBoxes":
        """The rows of a mask."""
        return JudgedBoxes(self.clip[rows], self.class_index[rows], self.confidence[rows], self.right[rows])


def fit_curve(
    boxes: JudgedBoxes,
    class_names: Sequence[str],
    attributes: Sequence[Mapping[str, str]],
    weights: Floats | None = None,
) -> ConfidenceCurve:
    """The curve that ``boxes`` tell.

    Args:
        boxes: judged boxes of any scores.
        class_names: by class index.
        attributes: of each clip: axis -> value.
        weights: (clips,): how often each clip counts; default: once.

    Raises:
        ValueError: no box, or none in a clip that counts.
    """
    weights = np.ones(len(attributes)) if weights is None else np.asarray(weights, np.float64)
    cells = _gather_cells(boxes, len(class_names), weights)
    shared = _fit_shared(cells)
    logits = shared.pooled_logits(cells.score)
    conditions = list_conditions(attributes)
    design = _design(cells, logits, len(class_names), attributes, conditions)
    sizes = (len(class_names), len(class_names), len(conditions))
    prior_mean = np.repeat([0.0, 1.0, 0.0], sizes)
    prior_deviation = np.repeat([CLASS_PRIOR, CLASS_PRIOR, CONDITION_PRIOR], sizes)
    terms, degrees = _fit_logistic(design, cells, prior_mean, prior_deviation, _design_effect(cells, logits))
    offsets, slopes, effects = np.split(terms, [len(class_names), 2 * len(class_names)])
    return shared.model_copy(
        update={
            "degrees": _plain(degrees),
            "classes": tuple(
                ClassTerm(name=name, offset=_plain(offset), slope=max(_plain(slope), MIN_SLOPE))
                for name, offset, slope in zip(class_names, offsets, slopes, strict=True)
            ),
            "conditions": tuple(
                ConditionTerm(axis=axis, value=value, offset=_plain(effect))
                for (axis, value), effect in zip(conditions, effects, strict=True)
            ),
        }
    )


def fit_fold_curves(
    boxes: JudgedBoxes, class_names: Sequence[str], attributes: Sequence[Mapping[str, str]]
) -> tuple[ConfidenceCurve, ...]:
    """Curves of which the one at ``i`` was fitted without the clips at ``i``, ``i + K``, …; fewer for few clips.

    Raises:
        ValueError: boxes lie in fewer than two clips.
    """
    shown = len(np.unique(boxes.clip))
    if shown < 2:
        raise ValueError(f"folds need boxes in at least 2 clips, got {shown}")
    folds = min(FOLDS, len(attributes))
    place = np.arange(len(attributes)) % folds
    return tuple(fit_curve(boxes, class_names, attributes, (place != fold).astype(np.float64)) for fold in range(folds))


def apply_curve(
    curve: ConfidenceCurve,
    boxes: JudgedBoxes,
    class_names: Sequence[str],
    attributes: Sequence[Mapping[str, str]],
) -> Floats:
    """Probability of being right of each box, (N,)."""
    offsets = np.array([curve.condition_offset(one) for one in attributes])
    return curve.probabilities(boxes.confidence, curve.class_terms(class_names)[boxes.class_index], offsets[boxes.clip])


def apply_unseen(
    curves: Sequence[ConfidenceCurve],
    boxes: JudgedBoxes,
    class_names: Sequence[str],
    attributes: Sequence[Mapping[str, str]],
) -> Floats:
    """As :func:`apply_curve`, each box by the one of :func:`fit_fold_curves` that has not seen its clip."""
    probability = np.zeros(len(boxes))
    for fold, curve in enumerate(curves):
        rows = boxes.clip % len(curves) == fold
        probability[rows] = apply_curve(curve, boxes.take(rows), class_names, attributes)
    return probability


def expected_calibration_error(probability: Floats, right: Bools, bins: int = ERROR_BINS) -> float:
    """Mean distance between what is claimed and what is so, over equal steps of ``probability``, weighted by boxes.

    Guo et al., "On Calibration of Modern Neural Networks", 2017. 0 to 1; nan without boxes.
    """
    if not len(probability):
        return float("nan")
    place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    claimed, true = (np.bincount(place, weights=values, minlength=bins) for values in (probability, right))
    return float(np.abs(claimed - true).sum() / len(probability))


def list_conditions(attributes: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Every (axis, value) of ``attributes``, sorted; axes with too many values, such as a free text, are left out."""
    found = {pair for one in attributes for pair in one.items()}
    per_axis = Counter(axis for axis, _ in found)
    return sorted((axis, value) for axis, value in found if per_axis[axis] <= MAX_AXIS_VALUES)


@dataclass(frozen=True)
class _Cells:
    """Boxes of one clip, class and bin of scores, counted together: all that the fit depends on, and far fewer.

    Attributes:
        clip, class_index, bin: int64 (C,).
        score: float64 (C,): mean score.
        boxes, right: float64 (C,): counts, one of each clip.
        weight: float64 (C,): how often the clip counts.
    """

    clip: Ints
    class_index: Ints
    bin: Ints
    score: Floats
    boxes: Floats
    right: Floats
    weight: Floats


def _gather_cells(boxes: JudgedBoxes, classes: int, weights: Floats) -> _Cells:
    boxes = boxes.take(weights[boxes.clip] > 0)
    if not len(boxes):
        raise ValueError("a calibration needs at least one judged box, got 0")
    quantiles = np.quantile(boxes.confidence, np.linspace(0, 1, QUANTILES + 1)[1:-1])
    edges = np.unique(np.concatenate([quantiles, np.linspace(0, 1, STEPS + 1)[1:-1]]))
    bins, size = np.searchsorted(edges, boxes.confidence, side="right"), len(edges) + 1
    key = (boxes.clip * classes + boxes.class_index) * size + bins
    counts = np.bincount(key)
    found = np.flatnonzero(counts)
    count = counts[found].astype(np.float64)
    clip = found // (classes * size)
    return _Cells(
        clip=clip,
        class_index=found // size % classes,
        bin=found % size,
        score=np.bincount(key, weights=boxes.confidence)[found] / count,
        boxes=count,
        right=np.bincount(key[boxes.right], minlength=len(counts))[found].astype(np.float64),
        weight=weights[clip],
    )


def _fit_shared(cells: _Cells) -> ConfidenceCurve:
    size = int(cells.bin.max()) + 1
    columns = (cells.boxes, cells.right, cells.boxes * cells.score)
    sums = np.array([np.bincount(cells.bin, weights=cells.weight * values, minlength=size) for values in columns])
    boxes, right, score = sums[:, sums[0] > 0]
    share = isotonic_regression((right + 0.5) / (boxes + 1), weights=boxes).x
    logits = np.log(share / (1 - share))
    return ConfidenceCurve(scores=tuple(map(_plain, score / boxes)), logits=tuple(map(_plain, logits)))


def _design_effect(cells: _Cells, logits: Floats) -> float:
    """How many boxes tell as much as one would if boxes of a clip were independent; at least 1."""
    share = _sigmoid(logits)
    surplus = np.bincount(cells.clip, weights=cells.right - cells.boxes * share)
    times: Floats = np.zeros(len(surplus))
    times[cells.clip] = cells.weight
    independent = (cells.weight * cells.boxes * share * (1 - share)).sum()
    return max(float((times * surplus**2).sum() / independent), 1.0) if independent > 0 else 1.0


def _design(
    cells: _Cells,
    logits: Floats,
    classes: int,
    attributes: Sequence[Mapping[str, str]],
    conditions: Sequence[tuple[str, str]],
) -> Floats:
    """(C, 2 * classes + conditions): class, class times pooled logit, condition."""
    of_class = np.eye(classes)[cells.class_index]
    shown = np.array([[one.get(axis) == value for axis, value in conditions] for one in attributes], np.float64)
    return np.concatenate(
        [of_class, of_class * logits[:, None], shown.reshape(len(attributes), -1)[cells.clip]], axis=1
    )


def _fit_logistic(
    design: Floats, cells: _Cells, prior_mean: Floats, prior_deviation: Floats, design_effect: float
) -> tuple[Floats, float]:
    """Terms of largest posterior density under a normal prior, by Newton's method, and their effective number."""
    precision = prior_deviation**-2.0
    boxes, right = (cells.weight * values / design_effect for values in (cells.boxes, cells.right))
    terms = prior_mean.copy()
    for _ in range(_MOST_STEPS):
        share = _sigmoid(design @ terms)
        gradient = design.T @ (right - boxes * share) - precision * (terms - prior_mean)
        information = (design * (boxes * share * (1 - share))[:, None]).T @ design
        step = np.linalg.solve(information + np.diag(precision), gradient)
        terms += step
        if np.abs(step).max() < 1e-6:
            break
    return terms, float(np.trace(np.linalg.solve(information + np.diag(precision), information)))


def _sigmoid(logits: Floats) -> Floats:
    shares: Floats = 1 / (1 + np.exp(-logits))
    return shares


def _plain(value: float) -> float:
    """Six decimals are more than any figure bears, and make the content's hash easy to reproduce."""
    return round(float(value), 6)
