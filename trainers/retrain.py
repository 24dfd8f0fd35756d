"""Retrain a detector on a published dataset, and promote it only where evidence says that it is better."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from evaluators.comparison import PairedDifference, compare_paired
from schemas.errors import RecipeError
from schemas.identity import digest
from schemas.version import SCHEMA_VERSION
from storage.datasets import DatasetVersion, find_version, parse_reference
from storage.models import REPORT_FILE, WEIGHTS_FILE, find_model, promoted_version, publish_model
from storage.store import Store
from trainers.detector import EpochReport, TrainedDetector, TrainingOptions, train_detector
from trainers.evaluate import Evaluation, evaluate_weights
from trainers.holdout import FRAMES_PER_CLIP, Holdout, find_holdout, training_families

Verdict = Literal["promoted", "kept", "no evidence"]

RETRAINING = TrainingOptions(epochs=10, optimizer="AdamW", learning_rate=0.0005, warmup_epochs=0.5)
"""Fine-tuning: a gentle rate, because the base already sees."""


@dataclass(frozen=True)
class RetrainOptions:
    """How a detector is retrained and judged.

    Attributes:
        base: weights to start from, and the incumbent as long as no model of this name was promoted.
        training: epochs, image size, rates; its ``base`` is set from above.
        holdout: NAME[@VERSION] of another dataset to judge on; None: the dataset's own val and test splits.
        name: of the model; None: the dataset's.
        stride: every how many frames of the holdout one is judged.
    """

    base: Path
    training: TrainingOptions = RETRAINING
    holdout: str | None = None
    name: str | None = None
    stride: int = 4


@dataclass(frozen=True)
class Score:
    """One detector's figures on the holdout; mean average precisions are 0 to 1."""

    detector: str
    map50_95: float
    map50: float
    precision: float
    recall: float


@dataclass(frozen=True)
class RetrainReport:
    """What came of a retraining.

    Attributes:
        model: NAME@VERSION under which weights and this report are stored.
        dataset: NAME@VERSION that was trained on.
        verdict: promoted: it is now the current model; kept: the incumbent stays; no evidence: nothing to judge on,
            so the incumbent stays.
        reason: of the verdict, for a person.
        holdout: NAME@VERSION and kind of labels that were judged on; empty without one.
        clips, frames: judged.
        candidate, incumbent: figures of the new and the current detector; None without a holdout.
        comparison: paired difference; None without a holdout.
        images, seconds: of the training.
        weights: where they lie.
    """

    model: str
    dataset: str
    verdict: Verdict
    reason: str
    holdout: str
    clips: int
    frames: int
    candidate: Score | None
    incumbent: Score | None
    comparison: PairedDifference | None
    images: int
    seconds: float
    weights: Path


def retrain(
    store: Store,
    reference: str,
    options: RetrainOptions,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> RetrainReport:
    """Train from a dataset version, judge the result and the incumbent on one holdout, and store it as a model.

    The incumbent is the promoted model of the same name, else the base weights. Promotion needs a holdout of clips
    whose truth is known, none of whose families was trained on, and a paired difference that is above 0 throughout its
    interval.

    Args:
        store: with the dataset.
        reference: NAME[@VERSION] of a dataset that was published with ``yolo``.
        options: what to start from and how to train.
        on_epoch: told after each epoch.

    Raises:
        RecipeError: no such dataset, or it has no YOLO images to train on, or the holdout does not know its classes.
        EnvironmentFault: the base weights are missing.
    """
    version = find_version(store, *parse_reference(reference))
    data_yaml = version.path / "yolo" / "data.yaml"
    if not data_yaml.is_file():
        raise RecipeError(
            f"{version.name}@{version.version} has no YOLO images to train on.",
            "Publish it with `publish: {yolo: {}}`.",
        )
    holdout = _find_holdout(store, version, options)
    name = options.name or version.name
    incumbent_name, incumbent = _find_incumbent(store, name, options.base)
    with store.scratch("retrain") as folder:
        training = replace(options.training, base=options.base)
        trained = train_detector(data_yaml, training, folder, on_epoch)
        model_version = _name_version(version, trained, options)
        candidate_name = f"{name}@{model_version}"
        judged = _judge(store, holdout, (candidate_name, trained.weights), (incumbent_name, incumbent))
        report = RetrainReport(
            model=candidate_name,
            dataset=f"{version.name}@{version.version}",
            verdict=judged.verdict,
            reason=judged.reason,
            holdout=f"{holdout.dataset} ({holdout.kind})" if holdout else "",
            clips=len(holdout.clips) if holdout else 0,
            frames=holdout.frames if holdout else 0,
            candidate=judged.candidate,
            incumbent=judged.incumbent,
            comparison=judged.comparison,
            images=trained.images,
            seconds=trained.seconds,
            weights=trained.weights,
        )
        published = publish_model(
            store,
            name,
            model_version,
            lambda target: _write_model(target, trained, report, options),
            promote=judged.verdict == "promoted",
        )
    return replace(report, weights=published.weights)


@dataclass(frozen=True)
class _Judgement:
    verdict: Verdict
    reason: str
    candidate: Score | None = None
    incumbent: Score | None = None
    comparison: PairedDifference | None = None


def decide(comparison: PairedDifference | None) -> tuple[Verdict, str]:
    """Promote only what is better beyond the luck of the draw.

    Args:
        comparison: None where there was nothing to judge on.
    """
    if comparison is None:
        return "no evidence", (
            "No clip outside training has true or reviewed labels: nothing shows whether the new detector is better. "
            "Name a dataset that has some, such as a procedural one, with --holdout."
        )
    told = (
        f"mAP50-95 differs by {comparison.difference:+.4f} on {comparison.clips} clips "
        f"({comparison.level:.0%} of resamplings: {comparison.low:+.4f} to {comparison.high:+.4f})"
    )
    if comparison.is_better:
        return "promoted", f"{told}: better."
    return "kept", f"{told}: not shown to be better."


def _find_holdout(store: Store, version: DatasetVersion, options: RetrainOptions) -> Holdout | None:
    judged = find_version(store, *parse_reference(options.holdout)) if options.holdout else version
    found = find_holdout(store, judged, trained_families=training_families(version), stride=options.stride)
    if found is None:
        return None
    published = tuple(str(name) for name in version.summary["classes"])
    if set(published).isdisjoint(found.class_names):
        raise RecipeError(
            f"{found.dataset} knows {', '.join(found.class_names)}; none is a class of {version.name}.",
            "Judge on a dataset that shares classes with the one that is trained on.",
        )
    return found


def _find_incumbent(store: Store, name: str, base: Path) -> tuple[str, Path]:
    if promoted_version(store, name) is None:
        return base.name, base
    model = find_model(store, name)
    return f"{model.name}@{model.version}", model.weights


def _judge(
    store: Store, holdout: Holdout | None, candidate: tuple[str, Path], incumbent: tuple[str, Path]
) -> _Judgement:
    """Judge two detectors, each given by name and weights."""
    if holdout is None:
        return _Judgement(*decide(None))
    new, old = (evaluate_weights(store, weights, holdout) for _, weights in (candidate, incumbent))
    comparison = compare_paired(
        new.detections,
        old.detections,
        new.truths,
        (
            new.detections.frame // FRAMES_PER_CLIP,
            old.detections.frame // FRAMES_PER_CLIP,
            new.truths.frame // FRAMES_PER_CLIP,
        ),
        len(holdout.class_names),
        clips=len(holdout.clips),
    )
    verdict, reason = decide(comparison)
    return _Judgement(verdict, reason, _score(candidate[0], new), _score(incumbent[0], old), comparison)


def _score(name: str, evaluation: Evaluation) -> Score:
    overall, point = evaluation.report.overall, evaluation.report.point
    return Score(name, overall.map50_95, overall.map50, point.precision, point.recall)


def _name_version(version: DatasetVersion, trained: TrainedDetector, options: RetrainOptions) -> str:
    """A hash of what went in and what came out: a repeated training with equal weights is the same version."""
    return digest([version.version, _file_sha256(trained.weights), options.holdout or ""], 12)


def _write_model(folder: Path, trained: TrainedDetector, report: RetrainReport, options: RetrainOptions) -> None:
    (folder / WEIGHTS_FILE).write_bytes(trained.weights.read_bytes())
    training: dict[str, Any] = {key: value for key, value in asdict(trained.options).items() if key != "base"}
    told = {key: value for key, value in asdict(report).items() if key != "weights"}
    document = {
        "schema_version": SCHEMA_VERSION,
        **told,
        "classes": list(trained.class_names),
        "base": {"name": options.base.name, "sha256": _file_sha256(options.base)},
        "training": training,
    }
    text = json.dumps(_without_nan(document), indent=2, sort_keys=True, allow_nan=False)
    (folder / REPORT_FILE).write_text(text, encoding="utf-8")


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: figures that are undefined, such as a precision without detections, become null."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    return [_without_nan(entry) for entry in value] if isinstance(value, list | tuple) else value


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
