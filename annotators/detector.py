"""Weights at work: frames in, boxes out. The one module that runs ultralytics' predictor."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotators.box_fusion import fuse_boxes
from annotators.offline import prepare_ultralytics
from annotators.weights import Weights
from schemas.annotator_options import Boxes
from schemas.errors import EnvironmentFault

NMS_IOU = 0.7
"""Boxes of one class that overlap by more are one detection; ultralytics' default, as in the plain loop."""

MAX_DETECTIONS = 300
"""Most boxes a frame; ultralytics' default."""

FUSED_IOU = 0.6
"""As ``NMS_IOU``, over two views: boxes of one thing differ more between views than within one."""

VIEW_SCALE = 1.4
"""The second view's input is this much larger than the first's."""

MAX_CANDIDATES = 1000
"""Most boxes a view of a frame before suppression, the highest-scored ones."""


@dataclass(frozen=True)
class View:
    """One way to look at a frame.

    Attributes:
        image_size: as :attr:`Detector.image_size`.
        mirrored: left and right swapped.
    """

    image_size: int | tuple[int, int]
    mirrored: bool = False


class Detector:
    """A loaded detection model. Not safe to share between threads.

    Attributes:
        class_names: in the order of the model's class indexes.
        image_size: longer side of its input, pixels, or (height, width) for an export of fixed size.
    """

    class_names: tuple[str, ...]
    image_size: int | tuple[int, int]

    def __init__(
        self,
        weights: Weights,
        *,
        score_floor: float,
        image_size: int | None = None,
        device: str = "auto",
        boxes: Boxes = "strongest",
    ) -> None:
        """Load ``weights``.

        Args:
            weights: resolved before.
            score_floor: boxes at or below it are not reported.
            image_size: longer side of the input, pixels; None: as trained. An export has its own.
            device: auto, cpu, cuda, cuda:1, …
            boxes: what becomes of proposals that overlap, and in how many views they are gathered.

        Raises:
            EnvironmentFault: not weights of a detector, or the device is not there.
        """
        self._device = choose_device(device, weights)
        self._model = load_detection_model(weights)
        self._score_floor = score_floor
        self._boxes = boxes
        trained_size = self._model.overrides.get("imgsz") or 640
        self.image_size = image_size or trained_size
        with _kept_threads():
            # The first call sets the predictor up; only then do exports tell their classes and size.
            self._strongest([np.zeros((64, 64, 3), np.uint8)])
        backend = self._model.predictor.model
        self.class_names = tuple(backend.names[index] for index in range(len(backend.names)))
        if weights.is_export:
            self.image_size = tuple(backend.imgsz)
        self._views = _views(boxes, self.image_size, int(backend.stride))

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Boxes in each of ``frames``.

        Args:
            frames: uint8 ``(H, W, 3)`` RGB, all of one size: a batch is letterboxed as one.

        Returns:
            For each frame ``(N, 6)`` float32: x1, y1, x2, y2 in pixels of the frame, score, class index; by falling
            score, after suppression of overlaps within each class.
        """
        if self._boxes == "strongest":
            return self._strongest(frames)
        views = [self._candidates(frames, view) for view in self._views]
        iou = NMS_IOU if len(views) == 1 else FUSED_IOU
        fused = (fuse_boxes(of_frame, iou) for of_frame in zip(*views, strict=True))
        return [rows[rows[:, 4] > self._score_floor][:MAX_DETECTIONS] for rows in fused]

    def _strongest(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._predict(frames, self.image_size, iou=NMS_IOU, most=MAX_DETECTIONS)

    def _candidates(self, frames: Sequence[np.ndarray], view: View) -> list[np.ndarray]:
        """For each frame ``(N, 6)``, by falling score, in its own coordinates, with nothing suppressed."""
        if not view.mirrored:
            return self._predict(frames, view.image_size, iou=1.0, most=MAX_CANDIDATES)
        turned = [frame[:, ::-1] for frame in frames]
        found = self._predict(turned, view.image_size, iou=1.0, most=MAX_CANDIDATES)
        return [_mirror(rows, frame.shape[1]) for rows, frame in zip(found, frames, strict=True)]

    def _predict(
        self, frames: Sequence[np.ndarray], image_size: int | tuple[int, int], *, iou: float, most: int
    ) -> list[np.ndarray]:
        results = self._model.predict(
            [np.ascontiguousarray(frame[..., ::-1]) for frame in frames],
            conf=self._score_floor,
            iou=iou,
            max_det=most,
            imgsz=image_size,
            device=self._device,
            batch=len(frames),
            verbose=False,
        )
        return [result.boxes.data.cpu().numpy() for result in results]


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


def _views(boxes: Boxes, image_size: int | tuple[int, int], stride: int) -> tuple[View, ...]:
    """How to look at each frame. An export of fixed size cannot look closer, but at the mirror image."""
    first = View(image_size)
    if boxes != "two_views":
        return (first,)
    if isinstance(image_size, tuple):
        return first, View(image_size, mirrored=True)
    return first, View(stride * math.ceil(image_size * VIEW_SCALE / stride))


def _mirror(rows: np.ndarray, width: int) -> np.ndarray:
    """Boxes of a mirrored frame of ``width`` pixels in coordinates of the frame itself."""
    turned = rows.copy()
    turned[:, [0, 2]] = width - rows[:, [2, 0]]
    return turned


@contextmanager
def _kept_threads() -> Iterator[None]:
    """ultralytics sets torch's thread count when it sets up a predictor; the caller's choice holds."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
