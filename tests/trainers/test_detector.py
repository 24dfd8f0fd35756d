import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import EnvironmentFault
from trainers.detector import TrainingOptions, train_detector, training_overrides


@pytest.fixture
def data_yaml(tmp_path):
    """Twelve 64x32 images of a bright box on noise, two classes by brightness."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)
        (tmp_path / "labels" / split).mkdir(parents=True)
    for number in range(12):
        image = rng.integers(0, 60, (32, 64, 3), np.uint8)
        left, kind = int(rng.integers(0, 40)), number % 2
        image[8:24, left : left + 20] = 120 + 100 * kind
        split = "val" if number > 9 else "train"
        cv2.imwrite(str(tmp_path / "images" / split / f"{number}.jpg"), image)
        label = f"{kind} {(left + 10) / 64:.4f} 0.5 {20 / 64:.4f} 0.5\n"
        (tmp_path / "labels" / split / f"{number}.txt").write_text(label)
    path = tmp_path / "data.yaml"
    path.write_text("train: images/train\nval: images/val\nnames: {0: car, 1: dog}\n")
    return path


def test_missing_base_weights_are_refused_before_training(data_yaml, tmp_path):
    with pytest.raises(EnvironmentFault, match=r"gone\.pt"):
        train_detector(data_yaml, TrainingOptions(base=tmp_path / "gone.pt"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_settings_of_a_training_from_scratch():
    settings = training_overrides(Path("d.yaml"), TrainingOptions(), Path("out"), rectangular=True)
    assert (settings["model"], settings["pretrained"]) == ("yolo26n.yaml", False)
    assert (settings["rect"], settings["mosaic"]) == (True, 0.0)
    # Without a name for the precision, ultralytics downloads weights to check it.
    assert settings["amp"] is False
    assert training_overrides(Path("d.yaml"), TrainingOptions(device="0"), Path("out"), True)["amp"] == "bf16"


def test_settings_of_a_training_from_weights():
    settings = training_overrides(Path("d.yaml"), TrainingOptions(base=Path("w.pt")), Path("out"), rectangular=False)
    assert (settings["model"], settings["pretrained"], settings["rect"]) == ("w.pt", True, False)


@pytest.mark.slow
def test_a_training_leaves_small_weights_that_load_and_name_no_path(data_yaml, tmp_path):
    told = []
    options = TrainingOptions(epochs=2, image_size=64, batch=5, threads=1)
    trained = train_detector(data_yaml, options, tmp_path / "out", told.append)
    assert [(report.epoch, report.epochs) for report in told] == [(1, 2), (2, 2)]
    assert (trained.class_names, trained.images) == (("car", "dog"), 10)
    assert not list(data_yaml.parent.glob("labels/*.cache")), "the published dataset was written to"
    assert trained.weights.stat().st_size < 7_000_000
    assert str(tmp_path).encode() not in trained.weights.read_bytes()

    from ultralytics.models import YOLO

    model = YOLO(trained.weights)
    assert (model.names, model.overrides["imgsz"]) == ({0: "car", 1: "dog"}, 64)
    assert len(model.predict(np.zeros((32, 64, 3), np.uint8), verbose=False)) == 1


@pytest.mark.slow
def test_a_dataset_without_validation_images_can_be_trained_on(data_yaml, tmp_path):
    for image in (tmp_path / "images" / "val").iterdir():
        image.unlink()
    options = TrainingOptions(epochs=1, image_size=64, batch=5, threads=1)
    assert train_detector(data_yaml, options, tmp_path / "out").weights.is_file()


@pytest.mark.slow
def test_equal_seeds_give_equal_weights_and_weights_can_be_trained_on(data_yaml, tmp_path):
    options = TrainingOptions(epochs=1, image_size=64, batch=5, threads=1)
    first, second = (train_detector(data_yaml, options, tmp_path / name) for name in ("one", "two"))
    # By hash: pytest would spend minutes on showing how megabytes differ.
    assert _hash(first.weights) == _hash(second.weights)
    further = TrainingOptions(base=first.weights, epochs=1, image_size=64, batch=5, threads=1)
    assert _hash(train_detector(data_yaml, further, tmp_path / "three").weights) != _hash(first.weights)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
