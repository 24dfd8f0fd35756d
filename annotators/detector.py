"""Weights at work: frames in, boxes out. The one module that runs ultralytics' predictor."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from annotators.offline import prepare_ultralytics
from annotators.weights import Weights
from schemas.errors import EnvironmentFault

NMS_IOU = 0.7
"""Boxes of one class that overlap by more are one detection; ultralytics' default, as in the plain loop."""

MAX_DETECTIONS = 300
"""Most boxes a frame; ultralytics' default."""


class Detector:
    """A loaded detection model. Not safe to share between threads.

    Attributes:
        class_names: in the order of the model's class indexes.
        image_size: longer side of its input, pixels, or (height, width) for an export of fixed size.
    """

    class_names: tuple[str, ...]
    image_size: int | tuple[int, int]

    def __init__(
        self, weights: Weights, *, score_floor: float, image_size: int | None = None, device: str = "auto"
    ) -> None:
        """Load ``weights``.

        Args:
            weights: resolved before.
            score_floor: boxes at or below it are not reported.
            image_size: longer side of the input, pixels; None: as trained. An export has its own.
            device: auto, cpu, cuda, cuda:1, …

        Raises:
            EnvironmentFault: not weights of a detector, or the device is not there.
        """
        self._device = choose_device(device, weights)
        self._model = load_detection_model(weights)
        self._score_floor = score_floor
        trained_size = self._model.overrides.get("imgsz") or 640
        self.image_size = image_size or trained_size
        with _kept_threads():
            # The first call sets the predictor up; only then do exports tell their classes and size.
            self._predict([np.zeros((64, 64, 3), np.uint8)])
        backend = self._model.predictor.model
        self.class_names = tuple(backend.names[index] for index in range(len(backend.names)))
        if weights.is_export:
            self.image_size = tuple(backend.imgsz)

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Boxes in each of ``frames``.

        Args:
            frames: uint8 ``(H, W, 3)`` RGB, all of one size: a batch is letterboxed as one.

        Returns:
            For each frame ``(N, 6)`` float32: x1, y1, x2, y2 in pixels of the frame, score, class index; by falling
            score, after suppression of overlaps within each class.
        """
        results = self._predict([np.ascontiguousarray(frame[..., ::-1]) for frame in frames])
        return [result.boxes.data.cpu().numpy() for result in results]

    def _predict(self, frames: list[np.ndarray]) -> list[Any]:
        found: list[Any] = self._model.predict(
            frames,
            conf=self._score_floor,
            iou=NMS_IOU,
            max_det=MAX_DETECTIONS,
            imgsz=self.image_size,
            device=self._device,
            batch=len(frames),
            verbose=False,
        )
        return found


def choose_device(device: str, weights: Weights) -> str:
    """The device that ``device`` means here: cpu, cuda:0, ….

    Raises:
        EnvironmentFault: it names a GPU that torch does not see.
    """
    if device == "cpu" or (device == "auto" and weights.is_export):
        return "cpu"
    import torch

    count = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if count else "cpu"
    kind, _, index = device.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()):
        raise EnvironmentFault(
            f"annotator.device: {device!r} is not a device.", "Use auto, cpu, cuda or cuda:0, cuda:1, …"
        )
    if weights.is_export:
        raise EnvironmentFault(
            f"annotator.device: an OpenVINO export runs on the CPU, not on {device}.", "Use auto or cpu."
        )
    if int(index or 0) >= count:
        raise EnvironmentFault(
            f"annotator.device: {device} is not there; torch sees {count} CUDA devices.", "Use auto or cpu."
        )
    return f"cuda:{index or 0}"


def load_detection_model(weights: Weights) -> Any:
    """``weights`` as ultralytics' model.

    Raises:
        EnvironmentFault: not weights of a detector.
    """
    prepare_ultralytics()
    from ultralytics.models import YOLO

    try:
        model = YOLO(str(weights.path), task="detect")
    # Whatever a damaged or foreign pickle makes torch and ultralytics raise, it means the same to the user.
    except Exception as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise EnvironmentFault(
            f"annotator.weights: {weights.path} cannot be loaded as a YOLO checkpoint: {reason}",
            "Give a checkpoint that ultralytics wrote.",
        ) from fault
    if model.task != "detect":
        raise EnvironmentFault(
            f"annotator.weights: {weights.path} is a model for `{model.task}`, not for `detect`.",
            "Give a detection model.",
        )
    return model


@contextmanager
def _kept_threads() -> Iterator[None]:
    """ultralytics sets torch's thread count when it sets up a predictor; the caller's choice holds."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
