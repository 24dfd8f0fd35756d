"""Train the detector of the tiny video model's shapes: a YOLO26n from scratch, in minutes, on small clean frames."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from trainers.detector import EpochReport, TrainedDetector, TrainingOptions, train_detector

TINY_TRAINING = TrainingOptions(
    epochs=10, image_size=64, batch=32, optimizer="AdamW", learning_rate=0.002, scale=0.15, translate=0.1, hue=0.05,
    workers=0, threads=1, seed=3,
)  # fmt: skip


def train_tiny_detector(
    frames: np.ndarray,
    boxes: np.ndarray,
    classes: Sequence[int],
    class_names: Sequence[str],
    folder: Path,
    training: TrainingOptions = TINY_TRAINING,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedDetector:
    """Train on single frames that show one object each; the weights land in ``folder/weights.pt``.

    Args:
        frames: N x H x W x 3, uint8, RGB, in random order.
        boxes: N x 4: left, top, width, height, pixels.
        classes: index into ``class_names`` of each frame's object.
        class_names: in the order of the detector's indexes.
        folder: of images, scratch files and weights.
        training: how; one epoch is enough for a trial.
        on_epoch: told after each.
    """
    data_yaml = write_frames(frames, boxes, classes, class_names, folder / "frames")
    return train_detector(data_yaml, training, folder, on_epoch)


def write_frames(
    frames: np.ndarray, boxes: np.ndarray, classes: Sequence[int], class_names: Sequence[str], folder: Path
) -> Path:
    """Write images and YOLO labels; returns the ``data.yaml``. All of it is training data."""
    import yaml
    from PIL import Image

    for kind in ("images", "labels"):
        (folder / kind / "train").mkdir(parents=True, exist_ok=True)
    height, width = frames.shape[1:3]
    for number, (frame, (left, top, wide, high), index) in enumerate(zip(frames, boxes, classes, strict=True)):
        Image.fromarray(frame).save(folder / "images" / "train" / f"{number:06d}.png")
        place = ((left + wide / 2) / width, (top + high / 2) / height, wide / width, high / height)
        label = " ".join([str(index), *(f"{value:.5f}" for value in place)])
        (folder / "labels" / "train" / f"{number:06d}.txt").write_text(label + "\n", encoding="utf-8")
    data_yaml = folder / "data.yaml"
    described = {"train": "images/train", "val": "images/train", "names": dict(enumerate(class_names))}
    data_yaml.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return data_yaml
