"""What stored labels are worth: the curve of their confidence, and the figures that a dataset may state.

Evidence is clips whose objects are known, with the labels that the recipe's own annotator gave them. Curves are fitted
to it, and figures are read off it after the recipe's own curation, by curves that have not seen the clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from annotators.label_keys import group_sequences
from annotators.labelling import ClipSequence, is_labelled, read_labels
from annotators.protocol import Annotator
from curators.calibrated import calibrate_unseen_tracks, unmeasured_conditions
from curators.curate import curate
from evaluators.calibration import apply_unseen, expected_calibration_error, fit_curve, fit_fold_curves
from evaluators.label_quality import (
    ClassIndex,
    judge_boxes,
    measure_classes,
    measure_conditions,
    measure_labels,
    variance_inflation,
)
from schemas.calibration import (
    EXACT,
    MEASURED,
    MIN_REVIEWED_BOXES,
    UNMEASURED,
    Calibration,
    ExpectedQuality,
    LabelQuality,
    Subject,
)
from schemas.errors import EmptyResultError
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from schemas.tables import ACCEPT, ACCEPTED, NOTHING
from storage.calibrations import find_calibration, subject_of
from storage.clip_table import clips_table
from storage.clips import find_clip
from storage.reviews import read_reviews, review_as_truth, review_keys
from storage.store import Store
from storage.tables import gather_truth


@dataclass(frozen=True)
class Evidence:
    """Clips whose objects are known, in all frames or in the reviewed ones.

    Attributes:
        clip_ids: the clips that are judged, in order.
        clips: ``CLIPS``; with those that share track ids with a judged one.
        tracks: ``TRACKS`` with ``clip_id`` in front, of ``clips``, as they are stored.
        clip_scores: ``CLIP_SCORES`` of ``clips``.
        truth: clip_id, frame, class_name, box and ``difficult`` of each object of the judged clips.
        frames: clip_id and frame of the judged frames; None: all frames.
    """

    clip_ids: tuple[str, ...]
    clips: pa.Table
    tracks: pa.Table
    clip_scores: pa.Table
    truth: pa.Table
    frames: pa.Table | None = None

    def judged(self, tracks: pa.Table) -> pa.Table:
        """The rows of ``tracks`` that lie in judged frames."""
        if self.frames is None:
            return tracks
        return tracks.filter(pc.is_in(_name_frames(tracks), value_set=_name_frames(self.frames)))

    @property
    def attributes(self) -> list[dict[str, str]]:
        """Of each judged clip: axis -> value."""
        known = dict(zip(self.clips["clip_id"].to_pylist(), self.clips["attributes"].to_pylist(), strict=True))
        return [dict(known[clip_id]) for clip_id in self.clip_ids]


@dataclass(frozen=True)
class Worth:
    """What is known of the labels of a dataset that is about to be published."""

    quality: LabelQuality
    calibration: Calibration | None = None


def without_choice(recipe: Recipe) -> Recipe:
    """``recipe`` without the rules that compare clips with each other: a clip's labels are as good without them."""
    curation = recipe.curation.model_copy(update={"near_duplicates": None, "quota": None})
    return recipe.model_copy(update={"curation": curation})


def assess_labels(recipe: Recipe, store: Store, annotator: Annotator, sequences: Sequence[ClipSequence]) -> Worth:
    """What may be said of the labels of ``sequences``: measured figures for exactly their generator and detector."""
    if recipe.annotator.kind == "truth":
        return Worth(LabelQuality(status=EXACT))
    records = list(chain.from_iterable(sequences))
    subject = subject_of(records, recipe, annotator.fingerprint)
    if subject is None:
        return _unmeasured("clips of several generators")
    calibration = find_calibration(store, subject)
    if calibration is None:
        return _unmeasured(_review_progress(recipe, store, annotator, sequences, subject))
    if calibration.basis == "truth":
        new = unmeasured_conditions(clips_table(records), calibration)
        if new:
            return _unmeasured(f"{new[0]} was not calibrated on; run `framefoundry calibrate` again")
        evidence = truth_evidence(store, annotator, calibration.clips)
    else:
        reviews = read_reviews(store, subject.key, calibration.reviews)
        evidence = review_evidence(store, annotator, sequences, reviews)
    if evidence is None or evidence.clip_ids != calibration.clips:
        return _unmeasured("labels of the calibration are no longer in the store; run `framefoundry calibrate` again")
    expected = expect_quality(evidence, calibration, recipe)
    return Worth(LabelQuality(status=MEASURED, confidence="calibrated", expected=expected), calibration)


def truth_evidence(store: Store, annotator: Annotator, clip_ids: Sequence[str]) -> Evidence | None:
    """Evidence of rendered clips with stored truth; None where one of them is not in the store, or not labelled."""
    records = _find_clips(store, clip_ids)
    sequences = group_sequences(records)
    if len(records) != len(clip_ids) or not all(is_labelled(store, annotator, one) for one in sequences):
        return None
    labels = read_labels(store, annotator, sequences)
    truth = gather_truth(store, records)
    return Evidence(tuple(clip_ids), clips_table(records), labels.tracks, labels.clip_scores, truth)


def review_evidence(
    store: Store, annotator: Annotator, sequences: Sequence[ClipSequence], reviews: pa.Table
) -> Evidence | None:
    """Evidence of the reviewed frames of ``sequences``; None where none of their frames was reviewed."""
    reviewed = set(reviews["clip_id"].to_pylist())
    shown = [sequence for sequence in sequences if any(record.clip_id in reviewed for record in sequence)]
    if not shown:
        return None
    labels = read_labels(store, annotator, shown)
    clips = clips_table(list(chain.from_iterable(shown)))
    clip_ids = tuple(sorted(reviewed & set(clips["clip_id"].to_pylist())))
    frames = reviews.select(["clip_id", "frame"])
    return Evidence(clip_ids, clips, labels.tracks, labels.clip_scores, review_as_truth(reviews), frames)


def count_reviewed_boxes(evidence: Evidence, recipe: Recipe) -> int:
    """Labels and ignore regions that a reviewer of the evidence's frames had to look at."""
    decisions = curate(evidence.clips, evidence.tracks, evidence.clip_scores, without_choice(recipe)).boxes
    shown = pc.not_equal(decisions["verdict"].cast(pa.string()), NOTHING)
    mine = pc.is_in(evidence.tracks["clip_id"], value_set=pa.array(evidence.clip_ids))
    return len(evidence.judged(evidence.tracks.select(["clip_id", "frame"]).filter(pc.and_(shown, mine))))


def fit_calibration(
    evidence: Evidence, subject: Subject, recipe: Recipe, *, reviews: tuple[str, ...] | None = None
) -> Calibration:
    """The curves that ``evidence`` tells; ``reviews`` are the keys of the reviews, where it comes from these.

    Raises:
        EmptyResultError: the evidence shows boxes of the recipe's classes in fewer than two clips.
    """
    classes = class_index(recipe, evidence)
    boxes = judge_boxes(evidence.judged(evidence.tracks), evidence.truth, evidence.clip_ids, classes).boxes
    attributes = evidence.attributes
    if len(set(boxes.clip.tolist())) < 2:
        raise EmptyResultError(
            f"{recipe.name}: boxes of its classes were found in fewer than two clips; nothing can be learnt from them.",
            "Look at the clips: do they show these classes, and does the detector know them?",
        )
    folds = fit_fold_curves(boxes, classes.names, attributes)
    return Calibration(
        subject=subject,
        basis="truth" if reviews is None else "reviews",
        clips=evidence.clip_ids,
        reviews=reviews or (),
        curve=fit_curve(boxes, classes.names, attributes),
        fold_curves=folds,
        boxes=len(boxes),
        error=round(expected_calibration_error(apply_unseen(folds, boxes, classes.names, attributes), boxes.right), 4),
    )


def expect_quality(evidence: Evidence, calibration: Calibration, recipe: Recipe) -> ExpectedQuality:
    """Precision and recall of what ``recipe`` publishes of the evidence's clips, by curves that have not seen them."""
    tracks = calibrate_unseen_tracks(evidence.tracks, evidence.clips, calibration, recipe)
    curated = curate(evidence.clips, tracks, evidence.clip_scores, without_choice(recipe))
    accepted = curated.clips["clip_id"].filter(pc.equal(curated.clips["verdict"].cast(pa.string()), ACCEPTED))
    kept = set(accepted.to_pylist())
    places = [place for place, clip_id in enumerate(evidence.clip_ids) if clip_id in kept]
    clip_ids = [evidence.clip_ids[place] for place in places]
    attributes = [evidence.attributes[place] for place in places]
    labels = tracks.filter(pc.equal(curated.boxes["verdict"].cast(pa.string()), ACCEPT))
    classes = class_index(recipe, evidence)
    judgement = judge_boxes(evidence.judged(labels), evidence.truth, clip_ids, classes)
    inflation = variance_inflation(len(evidence.clip_ids), calibration.curve.degrees)
    precision, recall = measure_labels(judgement, inflation)
    return ExpectedQuality(
        calibration=calibration.calibration_id,
        basis=calibration.basis,
        accept=recipe.curation.accept,
        clips=len(clip_ids),
        calibration_error=calibration.error,
        precision=precision,
        recall=recall,
        classes=measure_classes(judgement, classes.names, inflation),
        conditions=measure_conditions(judgement, attributes, inflation),
    )


def class_index(recipe: Recipe, evidence: Evidence) -> ClassIndex:
    """The recipe's classes; those that occur where it names none."""
    gathers = {source: name for name, sources in recipe.classes.items() for source in sources}
    if recipe.class_names:
        return ClassIndex(recipe.class_names, gathers)
    tables = (evidence.tracks, evidence.truth)
    found = {name for table in tables for name in pc.unique(table["class_name"].cast(pa.string())).to_pylist()}
    return ClassIndex(tuple(sorted(found)), gathers)


def _review_progress(
    recipe: Recipe, store: Store, annotator: Annotator, sequences: Sequence[ClipSequence], subject: Subject
) -> str:
    keys = review_keys(store, subject.key)
    if not keys:
        return ""
    evidence = review_evidence(store, annotator, sequences, read_reviews(store, subject.key, keys))
    count = count_reviewed_boxes(evidence, recipe) if evidence else 0
    return f"{count} of {MIN_REVIEWED_BOXES} boxes reviewed"


def _unmeasured(why: str) -> Worth:
    return Worth(LabelQuality(status=f"{UNMEASURED} ({why})" if why else UNMEASURED))


def _name_frames(table: pa.Table) -> pa.Array:
    columns = (table[name].cast(pa.string()).combine_chunks() for name in ("clip_id", "frame"))
    return pc.binary_join_element_wise(*columns, "/")


def _find_clips(store: Store, clip_ids: Sequence[str]) -> list[ClipRecord]:
    found = (find_clip(store, clip_id) for clip_id in clip_ids)
    return [record for record in found if record is not None]
