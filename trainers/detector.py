"""Train a YOLO26 detector on a YOLO dataset, from scratch or from weights, offline and repeatably."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from annotators.offline import prepare_ultralytics
from schemas.errors import EnvironmentFault
from trainers.checkpoints import strip_checkpoint
from trainers.training_process import run_in_process
from trainers.yolo_dataset import describe_dataset, link_training_tree


@dataclass(frozen=True)
class TrainingOptions:
    """How a detector is trained.

    Attributes:
        base: weights to start from; None: from scratch, from random weights of ``architecture``.
        architecture: ultralytics' name of the network, used from scratch.
        epochs: passes over the training images.
        image_size: longer side of the input, pixels; a multiple of 32.
        batch: images a step.
        optimizer, learning_rate: ultralytics' name; the rate at the start of its cosine descent.
        warmup_epochs: over which the rate rises; fractions allowed.
        scale, translate: affine augmentation: +- share of the size, +- share of the frame.
        hue, saturation, brightness: +- shares of colour augmentation.
        device: ``cpu`` or a CUDA index.
        threads: of torch on the CPU; None: torch's own choice.
        workers: background processes that prepare images for a GPU; a CPU has none to spare.
        seed: of weights, order and augmentation. Results are equal only on one machine with equal threads.
    """

    base: Path | None = None
    architecture: str = "yolo26n.yaml"
    epochs: int = 30
    image_size: int = 320
    batch: int = 16
    optimizer: str = "MuSGD"
    learning_rate: float = 0.01
    warmup_epochs: float = 1.0
    scale: float = 0.25
    translate: float = 0.08
    hue: float = 0.015
    saturation: float = 0.4
    brightness: float = 0.3
    device: str = "cpu"
    threads: int | None = None
    workers: int = 4
    seed: int = 0


@dataclass(frozen=True)
class EpochReport:
    """Where a training stands: ``epoch`` of ``epochs`` is done; ``losses`` are means over the epoch."""

    epoch: int
    epochs: int
    seconds: float
    losses: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedDetector:
    """A finished training: stripped half-precision weights, the classes, and what it took."""

    weights: Path
    class_names: tuple[str, ...]
    images: int
    seconds: float
    options: TrainingOptions


def train_detector(
    data_yaml: Path,
    options: TrainingOptions,
    folder: Path,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedDetector:
    """Train on the ``train`` images of ``data_yaml``; the weights land in ``folder/weights.pt``.

    The dataset's own folder is only read. All scratch files stay below ``folder``, where ``run/weights/last.pt`` is a
    usable checkpoint after every epoch.
    It runs in a process of its own, which makes equal seeds give equal weights; see :mod:`trainers.training_process`.
    Ctrl-C ends it with KeyboardInterrupt and leaves that checkpoint. No validation is run: see
    :mod:`trainers.evaluate`.

    Raises:
        RecipeError: the dataset is missing, is not one of ours, or has no training images.
        EnvironmentFault: the base weights are missing, or the training failed or died.
    """
    dataset = describe_dataset(data_yaml)
    if options.base is not None and not options.base.is_file():
        raise EnvironmentFault(
            f"Weights {options.base} do not exist.", "Name an existing .pt file, or train from scratch."
        )
    folder.mkdir(parents=True, exist_ok=True)
    prepare_ultralytics()
    started = time.monotonic()
    tree = link_training_tree(dataset, folder / "data")
    last = run_in_process(partial(_run_trainer, tree, options, folder, dataset.uniform_shape), on_epoch)
    weights = folder / "weights.pt"
    strip_checkpoint(last, weights)
    return TrainedDetector(weights, dataset.class_names, len(dataset.images), time.monotonic() - started, options)


def _run_trainer(
    data_yaml: Path,
    options: TrainingOptions,
    folder: Path,
    rectangular: bool,
    on_epoch: Callable[[EpochReport], None],
) -> Path:
    prepare_ultralytics()
    import torch

    from trainers.street_trainer import StreetTrainer

    trainer = StreetTrainer(overrides=training_overrides(data_yaml, options, folder, rectangular))
    # After the trainer was made: its device selection sets one thread fewer than there are cores.
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    trainer.add_callback("on_train_epoch_end", lambda running: on_epoch(_report_epoch(running)))
    trainer.train()
    return Path(trainer.last)


def training_overrides(data_yaml: Path, options: TrainingOptions, folder: Path, rectangular: bool) -> dict[str, Any]:
    """Ultralytics' settings for ``options``."""
    return {
        "task": "detect",
        "mode": "train",
        "model": str(options.base or options.architecture),
        "pretrained": options.base is not None,
        "data": str(data_yaml),
        "project": str(folder),
        "name": "run",
        "exist_ok": True,
        "epochs": options.epochs,
        "imgsz": options.image_size,
        "batch": options.batch,
        # The weight decay is scaled by batch/nbs, and gradients are accumulated up to nbs: both off.
        "nbs": options.batch,
        "optimizer": options.optimizer,
        "lr0": options.learning_rate,
        "lrf": 0.01,
        "cos_lr": True,
        "momentum": 0.9,
        "warmup_epochs": options.warmup_epochs,
        "warmup_bias_lr": 0.0,
        # Rectangular frames exclude mosaics: a frame is a whole street, and a quarter of one is not.
        "rect": rectangular,
        "mosaic": 0.0,
        "close_mosaic": 0,
        "scale": options.scale,
        "translate": options.translate,
        "hsv_h": options.hue,
        "hsv_s": options.saturation,
        "hsv_v": options.brightness,
        "fliplr": 0.5,
        "device": options.device,
        "workers": 0 if options.device == "cpu" else options.workers,
        "cache": "ram",
        "seed": options.seed,
        # Its flag fills every new tensor first, for nothing on a CPU, where equal seeds and threads repeat without it.
        "deterministic": options.device != "cpu",
        # By name it skips the check that would download weights; on a CPU StreetTrainer sees to it itself.
        "amp": False if options.device == "cpu" else "bf16",
        "val": False,
        "plots": False,
        "verbose": False,
        "patience": 0,
    }


def _report_epoch(trainer: Any) -> EpochReport:
    losses = {name: float(value) for name, value in (trainer.tloss or {}).items()}
    return EpochReport(trainer.epoch + 1, trainer.epochs, time.time() - trainer.train_time_start, losses)
