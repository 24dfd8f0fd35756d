"""Events that our flows emit, for Prefect's triggers and automations; ``docs/operations.md`` lists them.

Prefect adds the run, its flow, its deployment and its tags as related resources.
"""

from prefect.events import emit_event

from schemas.recipe import Recipe
from schemas.run_report import RunReport
from trainers.retrain import RetrainReport

DATASET_PUBLISHED = "dataset.published"
DETECTOR_PROMOTED = "detector.promoted"
RUN_DEGRADED = "run.degraded"
MAX_FAILED_SHARE = 0.2
"""A run of which more clips failed than this is degraded."""


def tell_of_run(report: RunReport, recipe: Recipe) -> None:
    """Emit ``dataset.published`` if ``report`` tells of a new version, and ``run.degraded`` if it was a poor run."""
    name, _, version = report.dataset.partition("@")
    resource = {"prefect.resource.id": f"framefoundry.dataset.{name}", "prefect.resource.name": name}
    if report.new_version:
        payload = {
            "dataset": report.dataset,
            "version": version,
            "path": report.path,
            "clips": report.accepted_clips,
            "labels": sum(report.boxes.values()),
            "label_quality": report.label_quality,
        }
        emit_event(DATASET_PUBLISHED, resource=resource, payload=payload)
    reasons = find_degradations(report, recipe)
    if reasons:
        emit_event(RUN_DEGRADED, resource=resource, payload={"dataset": report.dataset, "reasons": reasons})


def tell_of_retraining(report: RetrainReport) -> None:
    """Emit ``detector.promoted`` if the new detector took the incumbent's place."""
    if report.verdict != "promoted":
        return
    name = report.model.partition("@")[0]
    emit_event(
        DETECTOR_PROMOTED,
        resource={"prefect.resource.id": f"framefoundry.detector.{name}", "prefect.resource.name": name},
        payload={"detector": report.model, "dataset": report.dataset, "reason": report.reason},
    )


def find_degradations(report: RunReport, recipe: Recipe) -> list[str]:
    """Why the version is worth less than ``recipe`` promised, a line each; none of a good run.

    The flow worked and the dataset is good are two facts: a degraded run is Completed all the same.
    """
    clips = report.clips + report.render.failures
    reasons = [
        f"{stage}: {tally.failures} of {clips} clips failed"
        for stage, tally in (("render", report.render), ("label", report.label))
        if tally.failures > MAX_FAILED_SHARE * clips
    ]
    shares = {"train": recipe.split.train, "val": recipe.split.val, "test": recipe.split.test}
    lacking = [split for split, share in shares.items() if share and split not in report.boxes_by_split]
    if report.device is not None and report.device.partial:
        reasons.append(report.device.partial)
    return reasons + [f"split {split} has no labels" for split in lacking]
