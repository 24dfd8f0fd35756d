import json
from dataclasses import replace

import numpy as np
import pytest

from evaluators.comparison import PairedDifference
from evaluators.detection import evaluate_detections
from evaluators.matching import Detections
from schemas.errors import RecipeError
from storage.models import find_model, promoted_version
from trainers import retrain as retrain_module
from trainers.detector import TrainedDetector
from trainers.evaluate import Evaluation
from trainers.holdout import read_truths
from trainers.retrain import RetrainOptions, decide, retrain

GOOD, POOR = b"good", b"poor"


@pytest.fixture
def options(tmp_path):
    base = tmp_path / "base.pt"
    base.write_bytes(POOR)
    return RetrainOptions(base, stride=1)


@pytest.fixture(autouse=True)
def quick_training(monkeypatch):
    """Trainings write the bytes ``quick.outcome``; weights with the bytes of GOOD find every object, others none."""
    quick = type("Quick", (), {"outcome": GOOD, "trained_from": []})()

    def train(data_yaml, training, folder, on_epoch):
        quick.trained_from.append((data_yaml.parent.parent.name, training.base.name))
        (folder / "weights.pt").write_bytes(quick.outcome)
        return TrainedDetector(folder / "weights.pt", ("car",), 7, 1.5, training)

    def judge(store, weights, holdout):
        truths = read_truths(store, holdout)
        score = np.full(len(truths), 0.9, np.float32)
        found = Detections(truths.frame, truths.class_index, truths.box, score)
        found = found if weights.read_bytes() == GOOD else found.take(np.zeros(len(found), bool))
        report = evaluate_detections(found, truths, holdout.class_names)
        return Evaluation(report, (), found, truths, len(holdout.clips), holdout.frames)

    monkeypatch.setattr(retrain_module, "train_detector", train)
    monkeypatch.setattr(retrain_module, "evaluate_weights", judge)
    return quick


def test_a_better_detector_is_promoted_with_its_report(store, add_clip, publish, options):
    publish("street", train=[add_clip("a")], val=[add_clip("b")])
    report = retrain(store, "street", options)
    assert report.verdict == "promoted"
    assert report.comparison.difference == 1
    model = find_model(store, "street")
    assert f"street@{model.version}" == report.model
    assert model.weights.read_bytes() == GOOD
    assert (model.report["verdict"], model.report["dataset"], model.report["images"]) == ("promoted", "street@v1", 7)
    assert model.report["candidate"]["map50_95"] == 1
    # The incumbent found nothing, so it has no precision; JSON has no NaN.
    assert json.loads((model.path / "report.json").read_text())["incumbent"]["precision"] is None


def test_without_true_labels_there_is_no_evidence_and_nothing_is_promoted(store, add_clip, publish, options):
    publish("film", train=[add_clip("a", None)], val=[add_clip("b", None)])
    report = retrain(store, "film", options)
    assert report.verdict == "no evidence"
    assert (report.candidate, report.incumbent, report.comparison) == (None, None, None)
    assert promoted_version(store, "film") is None
    # Weights and report are kept for whoever finds evidence later.
    assert find_model(store, "film", report.model.partition("@")[2]).report["verdict"] == "no evidence"


def test_a_detector_that_is_no_better_is_stored_and_not_promoted(store, add_clip, publish, options, quick_training):
    publish("street", train=[add_clip("a")], val=[add_clip("b")])
    quick_training.outcome = POOR
    report = retrain(store, "street", options)
    assert report.verdict == "kept"
    assert promoted_version(store, "street") is None


def test_the_incumbent_is_the_promoted_model_once_there_is_one(store, add_clip, publish, options, quick_training):
    publish("street", train=[add_clip("a")], val=[add_clip("b")])
    first = retrain(store, "street", options)
    quick_training.outcome = POOR
    second = retrain(store, "street", options)
    assert first.incumbent.detector == "base.pt"
    assert second.incumbent.detector == first.model
    assert second.verdict == "kept"
    assert find_model(store, "street").weights.read_bytes() == GOOD


def test_another_dataset_can_be_the_holdout_without_the_families_trained_on(store, add_clip, publish, options):
    shared, fresh = add_clip("a"), add_clip("b")
    publish("film", train=[shared])
    publish("judged", val=[shared, fresh])
    report = retrain(store, "film", replace(options, holdout="judged"))
    assert (report.verdict, report.clips, report.holdout) == ("promoted", 1, "judged@v1 (truth)")


def test_a_holdout_of_other_classes_is_refused(store, add_clip, publish, options):
    publish("cars", train=[add_clip("a")])
    publish("dogs", classes=("dog",), val=[add_clip("b", "dog")])
    with pytest.raises(RecipeError, match="none is a class"):
        retrain(store, "cars", replace(options, holdout="dogs"))


def test_a_version_without_yolo_images_is_refused_before_training(store, add_clip, publish, options, quick_training):
    publish("street", yolo=False, train=[add_clip("a")])
    with pytest.raises(RecipeError, match="no YOLO images"):
        retrain(store, "street", options)
    assert not quick_training.trained_from


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.01, 0.2, "promoted"), (0.0, 0.2, "kept"), (-0.1, 0.2, "kept"), (-0.2, -0.1, "kept")]
)
def test_promotion_asks_for_a_difference_above_zero_throughout(low, high, verdict):
    decision, reason = decide(PairedDifference(0.05, low, high, 0.9, 12))
    assert decision == verdict
    assert "12 clips" in reason


def test_nothing_to_judge_on_is_no_evidence():
    decision, reason = decide(None)
    assert decision == "no evidence"
    assert "--holdout" in reason
