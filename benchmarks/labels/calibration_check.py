"""Do the stated intervals cover, and does a confidence of 0.8 mean eight in ten?

A pool of procedural clips, of seeds that neither the bundled detector was trained on nor any recipe uses, is rendered
and labelled once. It stands for all footage that there is, so that what intervals claim to hold is known exactly. Then,
again and again, as many clips as `framefoundry calibrate` takes are drawn from it with replacement; from the draw alone
a calibration is made and precision and recall are stated with their intervals, as a dataset's card would; and it is
noted whether they cover what the same labels reach in the whole pool. Calibration error is that of clips which the
calibration had not seen. The last line is one JSON object.

    cd benchmarks && python -m labels.calibration_check [--full]
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from annotators.build import build_annotator
from curators.box_verdicts import judge_boxes as decide_boxes
from evaluators.calibration import (
    FOLDS,
    JudgedBoxes,
    apply_curve,
    apply_unseen,
    expected_calibration_error,
    fit_curve,
    fit_fold_curves,
)
from evaluators.label_quality import ClassIndex, judge_boxes, ratio_interval, variance_inflation
from generators.calibration_scenarios import calibration_jobs
from schemas.calibration import CALIBRATION_CLIPS, Share
from schemas.recipe import Recipe
from schemas.records import ClipRecord, Failure
from schemas.tables import ACCEPT
from storage.clip_table import clips_table
from storage.store import Store
from storage.tables import gather_truth

from .clips import CALIBRATION_SEED, recipe_of_all, render_jobs

ACCEPT_FROM = 0.6


@dataclass(frozen=True)
class CalibrationFigures:
    """What the check came to.

    Attributes:
        interval_coverage: share of the stated intervals of overall precision and recall that cover, over all draws.
        ece: expected calibration error on clips that the calibration had not seen.
        interval_half_width: of the wider of both intervals, mean over draws.
    """

    interval_coverage: float
    ece: float
    interval_half_width: float


@dataclass(frozen=True)
class Pool:
    """Labelled clips with truth.

    Attributes:
        boxes: every box that the rules other than confidence let pass, judged.
        objects: int64 (clips, classes): objects to find.
        attributes: of each clip.
        class_names: by index.
    """

    boxes: JudgedBoxes
    objects: np.ndarray
    attributes: list[dict[str, str]]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.attributes)


@dataclass(frozen=True)
class Counts:
    """Labels of each clip and class, int64 (clips, classes): right ones, and all."""

    right: np.ndarray
    labels: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="more and longer clips, more draws, for the record")
    figures = check_calibration(quick=not parser.parse_args().full)
    print(json.dumps(asdict(figures)))


def check_calibration(quick: bool) -> CalibrationFigures:
    """Render and label the pool, draw from it, and print what the intervals cover."""
    clips, frames, draws = (120, 16, 150) if quick else (320, 48, 1000)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="calibration-benchmark-") as folder:
        pool = make_pool(recipe_of_all(frames), Store.open(Path(folder) / "store"), clips)
    made = time.perf_counter() - started
    print(f"{clips} clips of {frames} frames, {len(pool.boxes):,} boxes, {pool.objects.sum():,} objects: {made:.0f} s")
    return measure_pool(pool, draws)


def measure_pool(pool: Pool, draws: int) -> CalibrationFigures:
    """The figures of ``draws`` draws of as many clips as a calibration takes by default."""
    folds = fit_fold_curves(pool.boxes, pool.class_names, pool.attributes)
    probability = apply_unseen(folds, pool.boxes, pool.class_names, pool.attributes)
    ece = expected_calibration_error(probability, pool.boxes.right)
    raw = expected_calibration_error(pool.boxes.confidence, pool.boxes.right)
    rng = np.random.default_rng(CALIBRATION_SEED)
    covered, widths = defaultdict(list), []
    for _ in range(draws):
        stated = list(state_and_check(pool, rng.integers(0, len(pool), CALIBRATION_CLIPS)))
        for kind, share, true in stated:
            if share.value is not None:
                covered[kind].append(share.low <= true <= share.high)
        widths.append(max(share.half_width for kind, share, _ in stated if kind in {"precision", "recall"}))
    print(f"{draws} draws of {CALIBRATION_CLIPS} clips, labels from confidence {ACCEPT_FROM} on")
    print(f"{'interval of':<24} {'stated':>7} {'cover':>6}")
    for kind, hits in covered.items():
        print(f"{kind:<24} {len(hits):>7} {np.mean(hits):>6.3f}")
    print(f"expected calibration error {ece:.4f}; of the detector's own score {raw:.4f}")
    overall = covered["precision"] + covered["recall"]
    return CalibrationFigures(round(float(np.mean(overall)), 4), round(ece, 4), round(float(np.mean(widths)), 4))


def state_and_check(pool: Pool, drawn: np.ndarray) -> Iterator[tuple[str, Share, float]]:
    """(what, stated share, true share) for all that a card states of labels calibrated on the ``drawn`` clips."""
    curve = _fit(pool, drawn)
    whole = count_labels(pool, curve)
    draw = _unseen_counts(pool, drawn)
    inflation = variance_inflation(len(drawn), curve.degrees)
    objects = pool.objects[drawn]
    for kind, right, of, true_right, true_of in (
        ("precision", draw.right, draw.labels, whole.right, whole.labels),
        ("recall", draw.right, objects, whole.right, pool.objects),
    ):
        yield kind, ratio_interval(right.sum(1), of.sum(1), inflation), true_right.sum() / true_of.sum()
        for place in range(len(pool.class_names)):
            true = true_right[:, place].sum() / max(true_of[:, place].sum(), 1)
            yield f"{kind} of a class", ratio_interval(right[:, place], of[:, place], inflation), true
        for term in curve.conditions:
            shown = np.array([one.get(term.axis) == term.value for one in pool.attributes])
            here = shown[drawn]
            share = ratio_interval(right.sum(1) * here, of.sum(1) * here, inflation)
            yield f"{kind} of a condition", share, true_right[shown].sum() / max(true_of[shown].sum(), 1)


def count_labels(pool: Pool, curve) -> Counts:
    """Labels of every clip of the pool when ``curve`` calibrates them."""
    boxes, size = pool.boxes, pool.objects.shape
    label = apply_curve(curve, boxes, pool.class_names, pool.attributes) >= ACCEPT_FROM
    key = boxes.clip * size[1] + boxes.class_index
    right, labels = (
        np.bincount(key[rows], minlength=size[0] * size[1]).reshape(size) for rows in (label & boxes.right, label)
    )
    return Counts(right, labels)


def _unseen_counts(pool: Pool, drawn: np.ndarray) -> Counts:
    """Labels of each drawn clip, calibrated by what was drawn beside its fold."""
    right, labels = (np.zeros((len(drawn), len(pool.class_names)), np.int64) for _ in range(2))
    for fold in range(FOLDS):
        here = np.arange(len(drawn)) % FOLDS == fold
        counts = count_labels(pool, _fit(pool, drawn[~here]))
        right[here], labels[here] = counts.right[drawn[here]], counts.labels[drawn[here]]
    return Counts(right, labels)


def _fit(pool: Pool, drawn: np.ndarray):
    weights = np.bincount(drawn, minlength=len(pool)).astype(np.float64)
    return fit_curve(pool.boxes, pool.class_names, pool.attributes, weights)


def make_pool(recipe: Recipe, store: Store, clips: int) -> Pool:
    """Render and label ``clips`` clips, and hold the labels against the truth."""
    records = render_jobs(recipe, store, calibration_jobs(recipe, clips))
    tracks = _label(recipe, store, records)
    truth = gather_truth(store, records)
    open_recipe = recipe.model_copy(
        update={"curation": recipe.curation.model_copy(update={"accept": 0.0, "ignore": 0.0})}
    )
    places = {record.clip_id: place for place, record in enumerate(records)}
    sequences = np.array([places[clip_id] for clip_id in tracks["clip_id"].to_pylist()])
    passed = np.array(decide_boxes(tracks, sequences, open_recipe)["verdict"].to_pylist()) == ACCEPT
    classes = ClassIndex(recipe.class_names, {})
    judgement = judge_boxes(tracks.filter(pa.array(passed)), truth, list(places), classes)
    attributes = [dict(pairs) for pairs in clips_table(records)["attributes"].to_pylist()]
    return Pool(judgement.boxes, judgement.objects, attributes, classes.names)


def _label(recipe: Recipe, store: Store, records: list[ClipRecord]) -> pa.Table:
    """``TRACKS`` of all clips with ``clip_id`` in front; no other scores, which calibration does not ask for."""
    annotator = build_annotator(recipe, store)
    tables = []
    for record, detections in annotator.detect(records):
        if isinstance(detections, Failure):
            raise SystemExit(f"{record.clip_id}: {detections.detail}")
        (tracks,) = annotator.track([(record, detections)])
        tables.append(tracks.add_column(0, "clip_id", pa.repeat(pa.scalar(record.clip_id), len(tracks))))
    return pa.concat_tables(tables).unify_dictionaries()


if __name__ == "__main__":
    main()
