"""The flow `retrain-detector`: a published dataset in, a detector out that is promoted only on evidence."""

from dataclasses import replace

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import PositiveInt

from annotators.weights import resolve_weights
from flows.batches import one_batch_a_stage
from flows.cancellation import settle_cancellation
from flows.device_limits import hold_devices, name_device
from flows.events import tell_of_retraining
from flows.progress import StageProgress
from flows.reaper import claim_run
from schemas.markdown import without_tags
from storage.datasets import parse_reference
from storage.locks import hold
from storage.store import Store
from trainers.retrain import RETRAINING, RetrainOptions, RetrainReport, Score, retrain

SHOWN_DIGITS = 12
"""Of a version in the name of a run; they find it, as any beginning does that no other version shares."""


def _run_name() -> str:
    name, version = parse_reference(str(flow_run.parameters["dataset"]))
    return f"retrain on {name}@{version[:SHOWN_DIGITS]}" if version else f"retrain on {name}"


@flow(
    name="retrain-detector",
    flow_run_name=_run_name,
    task_runner=one_batch_a_stage(),
    persist_result=False,
    on_running=[claim_run],
    on_crashed=[settle_cancellation],
)
def retrain_detector(
    dataset: str,
    store: str | None = None,
    epochs: PositiveInt = RETRAINING.epochs,
    base: str = "starter",
    holdout: str | None = None,
) -> RetrainReport:
    """Train on a dataset version, judge the result and the incumbent on the same holdout, promote the better.

    Args:
        dataset: NAME or NAME@VERSION.
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
        epochs: passes over the training images.
        base: weights to start from: ``starter``, a .pt file, or a model of the store.
        holdout: NAME[@VERSION] with true or reviewed labels to judge on; default: the dataset's own val and test.
    """
    opened = Store.open(store)
    name, _ = parse_reference(dataset)
    with hold(opened, f"retrain-{name}"):
        progress = StageProgress("train", epochs)
        weights = resolve_weights(base, opened)
        options = RetrainOptions(base=weights.path, training=replace(RETRAINING, epochs=epochs), holdout=holdout)
        with hold_devices([name_device(options.training.device)]):
            report = train_and_judge(opened.location, dataset, options, progress)
    create_markdown_artifact(retraining_markdown(report), key="retraining", description=report.model)
    tell_of_retraining(report)
    return report


@task(name="train-and-judge", task_run_name="train on {dataset}", cache_policy=NO_CACHE, persist_result=False)
def train_and_judge(store: str, dataset: str, options: RetrainOptions, progress: StageProgress) -> RetrainReport:
    """See ``trainers.retrain.retrain``."""
    return retrain(Store.open(store), dataset, options, on_epoch=lambda _: progress.advance(1))


def retraining_markdown(report: RetrainReport) -> str:
    """What came of it, with the figures of both detectors side by side."""
    rows = "\n".join(_row(role, score) for role, score in (("new", report.candidate), ("present", report.incumbent)))
    return without_tags(f"""# {report.model}: {report.verdict}

{report.reason}

Trained on {report.dataset}: {report.images} images, {report.seconds:.0f} s.
Judged on {report.holdout or "nothing"}: {report.clips} clips, {report.frames} frames.

| | detector | mAP50-95 | mAP50 | precision | recall |
|---|---|---|---|---|---|
{rows}
""")


def _row(role: str, score: Score | None) -> str:
    if score is None:
        return f"| {role} | | | | | |"
    figures = (score.map50_95, score.map50, score.precision, score.recall)
    return f"| {role} | {score.detector} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |"
