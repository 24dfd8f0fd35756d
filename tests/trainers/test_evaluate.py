from types import SimpleNamespace

import numpy as np
import pytest

from schemas.errors import EnvironmentFault
from trainers import evaluate
from trainers.evaluate import evaluate_weights
from trainers.holdout import find_holdout


class FakeDetector:
    """Sees one box of one class on every frame; remembers what it was shown."""

    def __init__(self, box, class_index):
        self.names = {0: "bus", 1: "car"}
        self.overrides = {"imgsz": 64}
        self.row = np.array([[box[0], box[1], box[0] + box[2], box[1] + box[3], 0.9, class_index]], np.float32)
        self.shown = []

    def predict(self, frames, **settings):
        self.shown += [(frame.shape, settings["imgsz"]) for frame in frames]
        data = SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: self.row))
        return [SimpleNamespace(boxes=SimpleNamespace(data=data)) for _ in frames]


@pytest.fixture
def judge(store, add_clip, publish, monkeypatch, tmp_path):
    def judge_with(detector, **published):
        monkeypatch.setattr(evaluate, "load_detection_model", lambda weights, setting: detector)
        clips = [add_clip("a", attributes={"weather": "fog"}), add_clip("b", attributes={"weather": "rain"})]
        holdout = find_holdout(store, publish("street", val=clips, **published), stride=2)
        return evaluate_weights(store, tmp_path / "any.pt", holdout)

    return judge_with


def test_a_detector_that_is_right_everywhere_scores_one(judge):
    detector = FakeDetector((8, 8, 20, 10), 1)
    evaluation = judge(detector)
    assert evaluation.report.overall.map50_95 == 1
    assert (evaluation.clips, evaluation.frames) == (2, 4)
    assert detector.shown == [((48, 64, 3), 64)] * 4


def test_figures_are_told_for_each_condition(judge):
    conditions = judge(FakeDetector((8, 8, 20, 10), 1)).conditions
    assert [(c.axis, c.quality.name, c.quality.map50_95, c.quality.objects) for c in conditions] == [
        ("weather", "fog", 1, 2),
        ("weather", "rain", 1, 2),
    ]


def test_another_class_at_the_right_place_is_wrong(judge):
    evaluation = judge(FakeDetector((8, 8, 20, 10), 0))
    assert evaluation.report.overall.map50_95 == 0
    # The dataset publishes no buses, so the detector's are nothing rather than mistakes.
    assert evaluation.report.point.false_positives == 0


def test_classes_that_the_dataset_gathers_are_right(judge):
    assert (
        judge(
            FakeDetector((8, 8, 20, 10), 0), classes=("vehicle",), gathers={"vehicle": ["car", "bus"]}
        ).report.overall.map50_95
        == 1
    )


def test_a_missing_file_and_a_file_that_is_no_detector_are_refused(store, add_clip, publish, tmp_path):
    holdout = find_holdout(store, publish("street", val=[add_clip("a")]), stride=2)
    with pytest.raises(EnvironmentFault, match=r"weights: .*gone\.pt does not exist"):
        evaluate_weights(store, tmp_path / "gone.pt", holdout)
    (tmp_path / "page.pt").write_text("<html>404</html>")
    with pytest.raises(EnvironmentFault, match=r"weights: .*page\.pt cannot be loaded"):
        evaluate_weights(store, tmp_path / "page.pt", holdout)
