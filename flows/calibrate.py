"""The flow `calibrate-labels`: what the confidence of a recipe's labels is worth, measured where the truth is known."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pyarrow as pa
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from annotators.label_keys import group_sequences
from annotators.labelling import is_labelled
from flows.batches import one_batch_a_stage
from flows.budget import Budget
from flows.cancellation import settle_cancellation
from flows.device_limits import DeviceUse, devices_of
from flows.device_plan import with_labelling_device
from flows.label_quality import (
    Evidence,
    count_reviewed_boxes,
    expect_quality,
    fit_calibration,
    review_evidence,
    truth_evidence,
    without_choice,
)
from flows.production import Launcher, make_labelled_clips, stored_clips
from flows.reaper import claim_run
from flows.residents import release, resident_annotator, resident_generator
from flows.run_names import name_recipe_run
from flows.stopwatch import Stopwatch
from generators.calibration_scenarios import calibration_jobs
from publishers.fiftyone_edits import settle_reviews
from publishers.fiftyone_reviews import read_fiftyone_review
from publishers.fiftyone_session import fiftyone_session
from schemas.calibration import CALIBRATION_CLIPS, MIN_REVIEWED_BOXES, Calibration, ExpectedQuality, Share, Subject
from schemas.calibration_report import CalibrationReport
from schemas.errors import EmptyResultError, RecipeError, StoreError
from schemas.markdown import without_tags
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from schemas.run_report import refuse_empty
from storage.calibrations import commit_calibration, subject_of
from storage.coco_reviews import read_coco_review
from storage.locks import hold
from storage.recipes import read_recipe
from storage.reviews import commit_review, read_reviews, review_keys
from storage.store import Store

FIFTYONE = "fiftyone"


def _run_name() -> str:
    return name_recipe_run("calibrate", flow_run.parameters)


@flow(
    name="calibrate-labels",
    flow_run_name=_run_name,
    task_runner=one_batch_a_stage(),
    persist_result=False,
    on_running=[claim_run],
    on_crashed=[settle_cancellation],
)
def calibrate_labels(
    recipe: str, store: str | None = None, clips: int = CALIBRATION_CLIPS, from_reviews: str | None = None
) -> CalibrationReport:
    """Measure how good a recipe's labels are, and what their confidence is worth; the next run states it.

    Args:
        recipe: path of the recipe (YAML).
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
        clips: how many clips with known truth to render and label; those in the store already are reused.
        from_reviews: ``fiftyone``, or a COCO file: reviewed frames are the truth then, and nothing is rendered.

    Raises:
        EmptyResultError: nothing could be rendered or labelled, or the recipe has no labels to review.
        RecipeError: the recipe's labels cannot be measured in this way.
    """
    asked, opened = without_choice(with_labelling_device(read_recipe(Path(recipe)))), Store.open(store)
    with hold(opened, f"calibrate-{asked.name}"):
        try:
            report = (
                _calibrate_on_reviews(asked, opened, from_reviews)
                if from_reviews
                else _calibrate_on_truth(asked, opened, clips)
            )
        finally:
            release("generator")
            release("annotator")
    create_markdown_artifact(calibration_markdown(report), key="calibration", description=report.recipe)
    return report


def _calibrate_on_truth(recipe: Recipe, store: Store, clips: int) -> CalibrationReport:
    watch = Stopwatch()
    with watch.stage("plan"):
        jobs = calibration_jobs(recipe, clips)
        annotator = resident_annotator(recipe, store)
        resident_generator(recipe, store)
    with watch.stage("produce"):
        launcher = Launcher(budget=Budget(None, DeviceUse(devices_of(recipe))))
        produced = make_labelled_clips(recipe, store, jobs, images=False, launcher=launcher)
    usable = produced.labelled
    refuse_empty("render", len(produced.records), produced.render.failures)
    refuse_empty("label", len(usable), produced.label.failures)
    subject = subject_of(usable, recipe, annotator.fingerprint)
    if subject is None:
        raise StoreError(f"{recipe.name}: its calibration clips come from several generators.", "Render them again.")
    with watch.stage("measure"):
        calibration, expected, is_new = measure_on_truth(
            recipe, store.location, subject, [record.clip_id for record in usable]
        )
    failures = [*produced.render.failures, *produced.label.failures]
    return CalibrationReport(
        recipe=recipe.name,
        generator=_generator_name(subject),
        basis=calibration.basis,
        clips=len(usable),
        frames=sum(record.frames for record in usable),
        boxes=calibration.boxes,
        calibration=calibration.calibration_id,
        is_new=is_new,
        expected=expected,
        failures=[f"{one.stage} {one.clip_id}: {one.reason}: {one.detail}" for one in failures],
        seconds=watch.seconds,
    )


@task(
    name="measure-labels", task_run_name="measure labels of {recipe.name}", cache_policy=NO_CACHE, persist_result=False
)
def measure_on_truth(
    recipe: Recipe, store: str, subject: Subject, clip_ids: list[str]
) -> tuple[Calibration, ExpectedQuality, bool]:
    """Fit and commit the calibration that the stored labels of ``clip_ids`` tell; its figures, and whether it is new.

    Raises:
        EmptyResultError: too few boxes were found to learn anything.
    """
    opened = Store.open(store)
    evidence = truth_evidence(opened, resident_annotator(recipe, opened), clip_ids)
    if evidence is None:
        raise StoreError("Labels that were just made are not in the store.", "Is something removing its files?")
    return _commit_measured(recipe, opened, evidence, fit_calibration(evidence, subject, recipe))


def _calibrate_on_reviews(recipe: Recipe, store: Store, source: str) -> CalibrationReport:
    watch = Stopwatch()
    with watch.stage("plan"):
        annotator = resident_annotator(recipe, store)
        records = stored_clips(store, resident_generator(recipe, store).jobs())
        sequences = [one for one in group_sequences(records) if is_labelled(store, annotator, one)]
        labelled = list(chain.from_iterable(sequences))
        subject = subject_of(labelled, recipe, annotator.fingerprint)
    if subject is None:
        raise EmptyResultError(
            f"{recipe.name}: no labelled clips of one generator are in {store.location}; there is nothing to review.",
            "Run the recipe first.",
        )
    with watch.stage("read"):
        read_at = datetime.now(UTC)
        review = read_review(recipe, store, source)
        _check_frames(review, labelled, source)
        commit_review(store, subject.key, review)
        if source == FIFTYONE:
            _settle_review(recipe, store, review, read_at)
    with watch.stage("measure"):
        keys = review_keys(store, subject.key)
        reviews = read_reviews(store, subject.key, keys)
        evidence = review_evidence(store, annotator, sequences, reviews)
        boxes = count_reviewed_boxes(evidence, recipe) if evidence else 0
        report = CalibrationReport(
            recipe=recipe.name,
            generator=_generator_name(subject),
            basis="reviews",
            clips=len(evidence.clip_ids) if evidence else 0,
            frames=len(reviews),
            boxes=boxes,
            wanted_boxes=MIN_REVIEWED_BOXES,
            seconds=watch.seconds,
        )
        if evidence is None or boxes < MIN_REVIEWED_BOXES:
            return report
        calibration, expected, is_new = _commit_measured(
            recipe, store, evidence, fit_calibration(evidence, subject, recipe, reviews=keys)
        )
    return report.model_copy(update={"calibration": calibration.calibration_id, "is_new": is_new, "expected": expected})


def read_review(recipe: Recipe, store: Store, source: str) -> pa.Table:
    """``REVIEWS`` from ``source``: ``fiftyone``, or the path of a COCO file.

    Raises:
        RecipeError: it holds no reviewed frame, or is not what it should be.
    """
    if source != FIFTYONE:
        review = read_coco_review(Path(source), recipe.class_names)
    else:
        with fiftyone_session(store.root / "fiftyone") as fiftyone:
            review = read_fiftyone_review(fiftyone, _fiftyone_name(recipe), recipe.class_names)
    if not len(review):
        raise RecipeError(f"{source} holds no reviewed frame.", "See docs/label-quality.md for how frames are marked.")
    return review


def calibration_markdown(report: CalibrationReport) -> str:
    """The figures, for Prefect's pages."""
    if report.expected is None:
        return f"# {report.recipe}: unmeasured\n\n{report.boxes} of {report.wanted_boxes} boxes reviewed.\n"
    expected = report.expected
    cells = [("all", expected.precision, expected.recall)]
    cells += [(f"{one.axis}: {one.value}", one.precision, one.recall) for one in expected.classes + expected.conditions]
    rows = "\n".join(f"| {name} | {_share(precision)} | {_share(recall)} |" for name, precision, recall in cells)
    return without_tags(f"""# {report.recipe}: labels measured

Against {report.basis} on {report.clips} clips of {report.generator}, from confidence {expected.accept:g} on;
expected calibration error {expected.calibration_error:.3f}.

| | precision | recall |
|---|---|---|
{rows}
""")


def _share(share: Share) -> str:
    return "too few" if share.value is None else f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _commit_measured(
    recipe: Recipe, store: Store, evidence: Evidence, calibration: Calibration
) -> tuple[Calibration, ExpectedQuality, bool]:
    expected = expect_quality(evidence, calibration, recipe)
    return calibration, expected, commit_calibration(store, calibration)


def _settle_review(recipe: Recipe, store: Store, review: pa.Table, read_at: datetime) -> None:
    """What is in the store now may be replaced in FiftyOne by the next version."""
    with fiftyone_session(store.root / "fiftyone") as fiftyone:
        settle_reviews(fiftyone.load_dataset(_fiftyone_name(recipe)), review, read_at)


def _fiftyone_name(recipe: Recipe) -> str:
    asked = recipe.publish.fiftyone
    return (asked.name if asked else None) or recipe.name


def _check_frames(review: pa.Table, labelled: Sequence[ClipRecord], source: str) -> None:
    frames = {record.clip_id: record.frames for record in labelled}
    for clip_id, frame in zip(review["clip_id"].to_pylist(), review["frame"].to_pylist(), strict=True):
        if frame >= frames.get(clip_id, 0):
            raise RecipeError(
                f"{source}: frame {frame} of clip {clip_id} is not among the recipe's labelled clips.",
                "Review frames of this recipe's dataset, from this store.",
            )


def _generator_name(subject: Subject) -> str:
    parts = (subject.generator, subject.generator_version, subject.model, subject.revision)
    return " ".join(part for part in parts if part)
