"""What a confidence is worth: the curve from a track's score to the probability that a box is right, and for whom.

A calibration speaks of one :class:`Subject`, exactly: a generator and a detector, with all that determines either. It
never speaks of another one.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.identity import digest
from schemas.strict_model import StrictModel

Floats = NDArray[np.float64]

MEASURED, UNMEASURED, EXACT = "measured", "unmeasured", "exact"

MIN_REVIEWED_BOXES = 300
"""Labels that must have been reviewed before a figure is stated."""
CALIBRATION_CLIPS = 200
"""Clips of known truth that a calibration takes by default: they hold overall intervals within 0.03 on each side."""
MAX_AXIS_VALUES = 60
"""Axes with more values than this, such as a free text, are no conditions."""


class Subject(StrictModel):
    """Whose labels are spoken of: everything that a measured figure holds for, and nothing beyond.

    Attributes:
        generator, generator_version, model, revision: as in ``schemas.records.Origin``.
        source: for footage, the dataset that it became; empty for rendered clips.
        annotator: fingerprint of the annotator.
        classes: published class -> classes of the detector; empty: each for itself. A class is right or wrong only
            under such a mapping.
        frames, fps, width, height: of a clip.
    """

    generator: str
    generator_version: str
    model: str = ""
    revision: str = ""
    source: str = ""
    annotator: str
    classes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    frames: int
    fps: float
    width: int
    height: int

    @property
    def key(self) -> str:
        """Its name in the store."""
        return digest(self.model_dump(mode="json"))


class ClassTerm(StrictModel):
    """How the boxes of one class differ from all boxes: ``logit p = offset + slope * pooled logit``."""

    name: str
    offset: float
    slope: float = Field(gt=0)


class ConditionTerm(StrictModel):
    """How boxes differ, in logits, in clips whose scenario has ``value`` on ``axis``."""

    axis: str
    value: str
    offset: float


class ConfidenceCurve(StrictModel):
    """Score -> probability of being right: a curve that all boxes share, and terms for class and conditions.

    Attributes:
        scores, logits: knots of the shared curve, both rising; straight lines between them, flat beyond the ends.
        classes, conditions: terms; a class or a value that is not listed has none.
        degrees: how many free numbers the terms amount to; one that its prior holds back counts in part.
    """

    scores: tuple[float, ...] = Field(min_length=1)
    logits: tuple[float, ...] = Field(min_length=1)
    classes: tuple[ClassTerm, ...] = ()
    conditions: tuple[ConditionTerm, ...] = ()
    degrees: float = 0.0

    @cached_property
    def _class_terms(self) -> dict[str, ClassTerm]:
        return {term.name: term for term in self.classes}

    @cached_property
    def _condition_offsets(self) -> dict[tuple[str, str], float]:
        return {(term.axis, term.value): term.offset for term in self.conditions}

    def class_terms(self, names: Sequence[str]) -> Floats:
        """Offset and slope of each class, float64 (N, 2)."""
        neutral = ClassTerm(name="", offset=0.0, slope=1.0)
        terms = [self._class_terms.get(name, neutral) for name in names]
        return np.array([(term.offset, term.slope) for term in terms], np.float64).reshape(-1, 2)

    def condition_offset(self, attributes: Mapping[str, str]) -> float:
        """Sum of the terms of a scenario's attributes, in logits."""
        return sum(self._condition_offsets.get(pair, 0.0) for pair in attributes.items())

    def pooled_logits(self, scores: NDArray[np.floating]) -> Floats:
        """The shared curve at ``scores``, in logits."""
        logits: Floats = np.interp(scores, self.scores, self.logits)
        return logits

    def probabilities(self, scores: NDArray[np.floating], class_terms: Floats, offsets: Floats) -> Floats:
        """Probability that each of N boxes is right.

        Args:
            scores: (N,), 0 to 1; NaN stays NaN.
            class_terms: (N, 2): the row of each box's class from :meth:`class_terms`.
            offsets: (N,): :meth:`condition_offset` of each box's clip.
        """
        logits = class_terms[:, 0] + class_terms[:, 1] * self.pooled_logits(scores) + offsets
        shares: Floats = 1 / (1 + np.exp(-logits))
        return shares


class Calibration(StrictModel):
    """A measured curve, and the clips that it was measured on.

    Attributes:
        subject: whom it speaks of.
        basis: where right and wrong are known from: the renderer's ``truth``, or ``reviews`` by a person.
        clips: ids of the clips.
        reviews: for ``reviews``, the keys of the reviews in the store.
        curve: from all clips; what published confidences go through.
        fold_curves: K curves; the one at ``i`` has not seen the clips at ``i``, ``i + K``, ``i + 2 K``, … so that
            figures can be stated from clips that the curve never saw.
        boxes: boxes that were judged.
        error: expected calibration error on clips that the curve never saw, 0 to 1.
    """

    subject: Subject
    basis: Literal["truth", "reviews"]
    clips: tuple[str, ...] = Field(min_length=1)
    reviews: tuple[str, ...] = ()
    curve: ConfidenceCurve
    fold_curves: tuple[ConfidenceCurve, ...] = Field(min_length=1)
    boxes: int
    error: float

    @property
    def calibration_id(self) -> str:
        """A hash of its content."""
        return digest(self.model_dump(mode="json"))

    def unseen_curve(self, clip_place: int) -> ConfidenceCurve:
        """The curve that has not seen the clip at ``clip_place``."""
        return self.fold_curves[clip_place % len(self.fold_curves)]


class Share(StrictModel):
    """A measured share with its 95 % interval.

    Attributes:
        value, low, high: 0 to 1; None where there is too little to say.
        count: boxes (of a precision) or objects (of a recall) that it is a share of.
        clips: clips that show them.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    clips: int

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


class QualityCell(StrictModel):
    """Precision and recall of one class, or of the clips with one value on an axis."""

    axis: str
    value: str
    precision: Share
    recall: Share


class ExpectedQuality(StrictModel):
    """What is to be expected of published labels, as measured on other clips of the same generator and detector.

    Attributes:
        calibration: id of the calibration.
        basis: see :class:`Calibration`.
        accept: the threshold that the figures hold for.
        clips: clips that were measured.
        calibration_error: expected calibration error on clips that the curve never saw.
        precision: share of the labels that have the right class and an IoU of at least 0.5 with an object.
        recall: share of the objects that have such a label.
        classes: cells of the axis "class", in the order of the classes.
        conditions: cells of the scenarios' axes, by axis and value.
    """

    calibration: str
    basis: Literal["truth", "reviews"]
    accept: float
    clips: int
    calibration_error: float
    precision: Share
    recall: Share
    classes: tuple[QualityCell, ...]
    conditions: tuple[QualityCell, ...]


class LabelQuality(StrictModel):
    """What a dataset says of its labels.

    Attributes:
        status: ``measured``, ``exact`` (the renderer's own labels), or ``unmeasured``, with a reason in brackets.
        confidence: what the number beside a label is: the probability that it is right (``calibrated``), or the
            raw one that the annotator gave (``score``).
        expected: measured figures; None unless ``measured``.
    """

    status: str = UNMEASURED
    confidence: Literal["calibrated", "score"] = "score"
    expected: ExpectedQuality | None = None
