"""The bundled starter detector: how it is trained, from scratch, on procedural scenes with exact labels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from trainers.detector import EpochReport, TrainedDetector, TrainingOptions, train_detector

STARTER_NAME = "yolo26n-street.pt"
STARTER_TRAINING = TrainingOptions(epochs=19, batch=16, optimizer="MuSGD", learning_rate=0.01, seed=26)


def train_starter(
    data_yaml: Path, folder: Path, on_epoch: Callable[[EpochReport], None] | None = None, epochs: int | None = None
) -> TrainedDetector:
    """Train the starter detector on the published version of ``recipes/starter.yaml``; see :func:`train_detector`.

    About an hour on one core of its own, less on two. ``epochs`` shortens it, for a trial.
    """
    options = STARTER_TRAINING if epochs is None else replace(STARTER_TRAINING, epochs=epochs)
    return train_detector(data_yaml, options, folder, on_epoch)
