"""A detector against a holdout: its detections on the clips themselves, judged by their true labels."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from annotators.checkpoint import load_detection_model
from evaluators.detection import DetectionReport, Quality, evaluate_detections, mean_average_precision
from evaluators.matching import Detections, Truths
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames
from trainers.holdout import FRAMES_PER_CLIP, Holdout, class_indexes, read_truths

SCORE_FLOOR = 0.005
NMS_IOU = 0.7
MAX_DETECTIONS = 100
BATCH = 16


@dataclass(frozen=True)
class Condition:
    """Quality on the clips that share a scenario attribute, such as weather: fog."""

    axis: str
    quality: Quality


@dataclass(frozen=True)
class Evaluation:
    """What a detector made of a holdout.

    Attributes:
        report: all figures.
        conditions: figures by scenario attribute.
        detections, truths: what they were computed from; frames are numbered as :class:`Holdout` says.
        clips, frames: how much was judged.
    """

    report: DetectionReport
    conditions: tuple[Condition, ...]
    detections: Detections
    truths: Truths
    clips: int
    frames: int


def evaluate_weights(
    store: Store,
    weights: Path,
    holdout: Holdout,
    *,
    image_size: int | None = None,
    device: str = "cpu",
    on_clip: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Run ``weights`` on the judged frames of ``holdout`` and compare with the truth.

    A class of the holdout that the detector does not know counts with an average precision of 0.

    Args:
        store: with the clips.
        weights: a .pt file that ultralytics can load; trusted, for it is a pickle.
        holdout: see :func:`trainers.holdout.find_holdout`.
        image_size: longer side of the input, pixels; None: as the weights were trained.
        device: of torch.
        on_clip: told (clips done, clips in all).

    Raises:
        EnvironmentFault: the weights are missing or are not weights.
        MediaError: a clip cannot be decoded.
    """
    detections = detect_holdout(store, weights, holdout, image_size=image_size, device=device, on_clip=on_clip)
    truths = read_truths(store, holdout)
    report = evaluate_detections(detections, truths, holdout.class_names)
    conditions = evaluate_conditions(detections, truths, holdout)
    return Evaluation(report, conditions, detections, truths, len(holdout.clips), holdout.frames)


def detect_holdout(
    store: Store,
    weights: Path,
    holdout: Holdout,
    *,
    image_size: int | None = None,
    device: str = "cpu",
    on_clip: Callable[[int, int], None] | None = None,
) -> Detections:
    """The detector's boxes on the judged frames, in published classes; see :func:`evaluate_weights`."""
    model = load_detection_model(weights, "weights")
    size = image_size or int(model.overrides.get("imgsz") or 640)
    frames, corners, names = [], [], []
    for number, result in _predictions(model, _judged_frames(store, holdout, on_clip), size, device):
        boxes = result.boxes.data.cpu().numpy()
        corners.append(boxes)
        frames.append(np.full(len(boxes), number, np.int64))
        names += [model.names[int(index)] for index in boxes[:, 5]]
    table = np.concatenate(corners) if corners else np.zeros((0, 6), np.float32)
    index = class_indexes(names, holdout.gathers, holdout.class_names)
    box = np.concatenate([table[:, :2], table[:, 2:4] - table[:, :2]], axis=1).astype(np.float32)
    found = Detections(np.concatenate(frames or [np.zeros(0, np.int64)]), index, box, table[:, 4].astype(np.float32))
    return found.take(index >= 0)


def evaluate_conditions(detections: Detections, truths: Truths, holdout: Holdout) -> tuple[Condition, ...]:
    """Mean average precision on the clips of each value of each scenario attribute, by axis and value."""
    clips_of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, clip in enumerate(holdout.clips):
        for axis, value in clip.scenario.attributes.items():
            clips_of[axis, value].append(place)
    found_in, shown_in = detections.frame // FRAMES_PER_CLIP, truths.frame // FRAMES_PER_CLIP
    return tuple(
        Condition(
            axis,
            mean_average_precision(
                detections.take(np.isin(found_in, places)),
                truths.take(np.isin(shown_in, places)),
                holdout.class_names,
                value,
            ),
        )
        for (axis, value), places in sorted(clips_of.items())
    )


def _judged_frames(
    store: Store, holdout: Holdout, on_clip: Callable[[int, int], None] | None
) -> Iterator[tuple[int, np.ndarray]]:
    """(frame number within the holdout, RGB pixels)."""
    for place, clip in enumerate(holdout.clips):
        for frame, image in read_frames(media_path(store, clip), stride=holdout.stride):
            yield place * FRAMES_PER_CLIP + frame, image
        if on_clip is not None:
            on_clip(place + 1, len(holdout.clips))


def _predictions(
    model: Any, frames: Iterator[tuple[int, np.ndarray]], image_size: int, device: str
) -> Iterator[tuple[int, Any]]:
    while batch := list(islice(frames, BATCH)):
        # Batches hold one size of frame each: ultralytics letterboxes a mixed batch to squares, which are slower.
        for same in _by_shape(batch):
            results = model.predict(
                [np.ascontiguousarray(image[..., ::-1]) for _, image in same],
                conf=SCORE_FLOOR,
                iou=NMS_IOU,
                max_det=MAX_DETECTIONS,
                imgsz=image_size,
                device=device,
                verbose=False,
            )
            yield from ((number, result) for (number, _), result in zip(same, results, strict=True))


def _by_shape(batch: Sequence[tuple[int, np.ndarray]]) -> list[list[tuple[int, np.ndarray]]]:
    groups: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = defaultdict(list)
    for number, image in batch:
        groups[image.shape].append((number, image))
    return list(groups.values())
