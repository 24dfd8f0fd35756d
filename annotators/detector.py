"""Weights at work: frames in, boxes out."""

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from annotators.box_fusion import fuse_boxes
from annotators.engine.letterbox import Letterbox, fit_frame
from annotators.engine.network import Network, open_network
from annotators.engine.suppression import find_candidates, strongest_first, suppress_overlaps
from annotators.weights import Weights
from schemas.annotator_options import Boxes, Engine, Precision
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
    """A loaded detection model.

    Attributes:
        class_names: in the order of the model's class indexes.
        image_size: longer side of its input, pixels, or (height, width) for an export of fixed size.
        network: the forward pass.
        batch: frames that :meth:`detect` takes at a time at the least cost each.
        workers: threads that may call :meth:`detect` at the same time; 0 where only the one that made it may.
    """

    class_names: tuple[str, ...]
    image_size: int | tuple[int, int]
    network: Network
    batch: int
    workers: int

    def __init__(
        self,
        weights: Weights,
        *,
        score_floor: float,
        image_size: int | None = None,
        device: str = "auto",
        boxes: Boxes = "strongest",
        engine: Engine = "auto",
        precision: Precision = "auto",
        batch: int = 8,
    ) -> None:
        """Load ``weights``.

        Args:
            weights: resolved before.
            score_floor: boxes at or below it are not reported.
            image_size: longer side of the input, pixels; None: as trained. An export of fixed size has its own.
            device: auto, cpu, cuda, cuda:1, …
            boxes: what becomes of proposals that overlap, and in how many views they are gathered.
            engine: what runs the network.
            precision: of its arithmetic.
            batch: frames a forward pass.

        Raises:
            EnvironmentFault: not weights of a detector, or the device is not there, or the engine cannot do it.
        """
        self.network = open_network(
            weights,
            engine=engine,
            precision=precision,
            device=choose_device(device, weights),
            image_size=image_size,
            batch=batch,
        )
        self._score_floor = score_floor
        self._boxes = boxes
        self.class_names = self.network.class_names
        self.batch, self.workers = self.network.batch, self.network.workers
        own = self.network.image_size
        self.image_size = own if isinstance(own, tuple) else image_size or own
        self._views = _views(boxes, self.image_size, self.network.stride)
        self._own = threading.local()

    def detect(self, frames: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Boxes in each of ``frames``.

        Args:
            frames: uint8 ``(H, W, 3)`` RGB, all of one size.

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
        [view] = self._views
        return [
            _in_frame(suppress_overlaps(rows, NMS_IOU, MAX_DETECTIONS), letterbox)
            for rows, letterbox in self._look(frames, view)
        ]

    def _candidates(self, frames: Sequence[np.ndarray], view: View) -> list[np.ndarray]:
        """For each frame ``(N, 6)``, by falling score, in its own coordinates, with nothing suppressed."""
        found = [
            _in_frame(strongest_first(rows, MAX_CANDIDATES), letterbox) for rows, letterbox in self._look(frames, view)
        ]
        return (
            [_mirror(rows, frame.shape[1]) for rows, frame in zip(found, frames, strict=True)]
            if view.mirrored
            else found
        )

    def _look(self, frames: Sequence[np.ndarray], view: View) -> Iterator[tuple[np.ndarray, Letterbox]]:
        """For each frame its candidates in the coordinates of the input, and how the frame lies in that."""
        if not frames:
            return
        height, width = frames[0].shape[:2]
        letterbox = fit_frame((height, width), view.image_size, self.network.stride)
        images = self._images(letterbox)
        for begin in range(0, len(frames), self.batch):
            part = frames[begin : begin + self.batch]
            # A last batch that is not full is run in full all the same: its shape, unlike what fills it, matters.
            for image, frame in zip(images, part, strict=False):
                letterbox.place(frame[:, ::-1] if view.mirrored else frame, image)
            found = find_candidates(self.network.run(images), self._score_floor)
            yield from ((rows, letterbox) for rows in islice(found, len(part)))

    def _images(self, letterbox: Letterbox) -> np.ndarray:
        """This thread's own batch for frames of one size."""
        batches: dict[Letterbox, np.ndarray] = vars(self._own).setdefault("batches", {})
        if letterbox not in batches:
            batches[letterbox] = letterbox.new_batch(self.batch)
        return batches[letterbox]


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


def _views(boxes: Boxes, image_size: int | tuple[int, int], stride: int) -> tuple[View, ...]:
    """How to look at each frame: the second time larger where that is possible, and at its mirror image.

    Mirrored, the second look repeats fewer of the first one's mistakes, at no cost.
    """
    first = View(image_size)
    if boxes != "two_views":
        return (first,)
    if isinstance(image_size, tuple):
        return first, View(image_size, mirrored=True)
    return first, View(stride * math.ceil(image_size * VIEW_SCALE / stride), mirrored=True)


def _in_frame(rows: np.ndarray, letterbox: Letterbox) -> np.ndarray:
    """``(N, 6)`` rows of the input in coordinates of the frame."""
    return np.concatenate([letterbox.to_frame(rows[:, :4]), rows[:, 4:]], axis=1)


def _mirror(rows: np.ndarray, width: int) -> np.ndarray:
    """Boxes of a mirrored frame of ``width`` pixels in coordinates of the frame itself."""
    turned = rows.copy()
    turned[:, [0, 2]] = width - rows[:, [2, 0]]
    return turned
