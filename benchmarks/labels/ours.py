"""Our labels, by the product's own path: rendered clips in a store, detected, tracked, refined, curated."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from annotators.boxes import sizes_to_corners
from annotators.build import build_annotator
from annotators.labelling import label_sequences, read_labels
from curators.box_verdicts import judge_boxes
from flows.label_quality import fit_calibration, truth_evidence
from generators.calibration_scenarios import calibration_jobs
from schemas.calibration import CALIBRATION_CLIPS, Calibration
from schemas.recipe import Recipe
from schemas.records import ClipRecord, Failure
from schemas.tables import ACCEPT, IGNORE
from storage.calibrations import subject_of
from storage.store import Store

from .clips import render_jobs
from .scoring import LabelledClip


def label_clips(recipe: Recipe, store: Store, records: Sequence[ClipRecord]) -> pa.Table:
    """``TRACKS`` of all ``records`` with ``clip_id`` in front, as a run stores them."""
    annotator = build_annotator(recipe, store)
    sequences = [(record,) for record in records]
    for answer in label_sequences(annotator, store, sequences):
        if isinstance(answer, Failure):
            raise SystemExit(f"{answer.clip_id}: {answer.detail}")
    return read_labels(store, annotator, sequences).tracks


def calibrate(recipe: Recipe, store: Store, clips: int = CALIBRATION_CLIPS) -> Calibration:
    """What `framefoundry calibrate` learns from ``clips`` clips of ``recipe``, none of which any other recipe shows."""
    records = render_jobs(recipe, store, calibration_jobs(recipe, clips))
    label_clips(recipe, store, records)
    annotator = build_annotator(recipe, store)
    evidence = truth_evidence(store, annotator, [record.clip_id for record in records])
    return fit_calibration(evidence, subject_of(records, recipe, annotator.fingerprint), recipe)


class OurLabels:
    """Labels of clips, and what curation makes of each box.

    Attributes:
        candidates: every stored box, for figures over all thresholds.
        labels: those that are published.
        ignored: number of boxes that become regions to ignore.
    """

    def __init__(
        self, tracks: pa.Table, recipe: Recipe, records: Sequence[ClipRecord], class_names: Sequence[str]
    ) -> None:
        place = {record.clip_id: number for number, record in enumerate(records)}
        clip = np.array([place[name] for name in tracks["clip_id"].to_pylist()], np.int64)
        verdict = np.array(judge_boxes(tracks, clip, recipe)["verdict"].to_pylist())
        every = [_labels_of(tracks, clip == number, class_names) for number in range(len(records))]
        accepted = [verdict[clip == number] == ACCEPT for number in range(len(records))]
        self.candidates = every
        self.labels = [labels.take(rows) for labels, rows in zip(every, accepted, strict=True)]
        self.ignored = int((verdict == IGNORE).sum())


def _labels_of(tracks: pa.Table, rows: np.ndarray, class_names: Sequence[str]) -> LabelledClip:
    part = tracks.filter(pa.array(rows))
    return LabelledClip(
        frame=part["frame"].to_numpy(),
        track=part["track"].to_numpy(),
        class_index=np.array([class_names.index(name) for name in part["class_name"].to_pylist()], np.int64),
        corners=sizes_to_corners(np.stack([part[side].to_numpy() for side in "xywh"], axis=1)),
        confidence=part["confidence"].to_numpy(),
    )
