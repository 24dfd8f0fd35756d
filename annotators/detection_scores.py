"""How steady a detector is on a clip, before tracking and refinement make it look so."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evaluators.matching import iou_matrix

CONFIDENT_SCORE = 0.25
"""Detections from this score on are what the detector stands by; ultralytics' own default."""

SAME_OBJECT_IOU = 0.3
"""Boxes of consecutive frames that overlap by this much are one object's, whatever their classes."""

BORDER_PIXELS = 2.0
"""Boxes this close to the border may come and go as they please: their objects do."""


@dataclass(frozen=True)
class DetectionScores:
    """Steadiness of confident detections from frame to frame; None where nothing can be compared.

    Attributes:
        box_flicker: share of the detections inside the picture that have no successor in the next frame, or no
            predecessor in the one before, 0 to 1.
        class_flicker: share of the detections with a successor whose successor is of another class, 0 to 1.
        size_jitter: median, over three consecutive boxes of an object, of how far the middle one's area is from the
            geometric mean of its neighbours', as a share of it.
    """

    box_flicker: float | None
    class_flicker: float | None
    size_jitter: float | None


def score_detections(detections: pa.Table, frames: int, size: tuple[int, int]) -> DetectionScores:
    """Scores of one clip's ``DETECTIONS``.

    Args:
        detections: of the clip, in any order.
        frames: of the clip.
        size: width and height of its frames, pixels.
    """
    confident = detections.filter(pc.greater_equal(detections["score"], CONFIDENT_SCORE)).sort_by("frame")
    frame = confident["frame"].to_numpy()
    boxes = np.stack([confident[side].to_numpy() for side in "xywh"], axis=1)
    names = confident["class_name"].cast(pa.string()).combine_chunks().dictionary_encode().indices.to_numpy()
    successor = _find_successors(frame, boxes)
    follows = successor >= 0
    has_predecessor = np.zeros(len(frame), bool)
    has_predecessor[successor[follows]] = True

    inside = _is_inside(boxes, size)
    lonely = np.concatenate([~follows[inside & (frame < frames - 1)], ~has_predecessor[inside & (frame > 0)]])
    changed = names[follows] != names[successor[follows]]
    return DetectionScores(_mean(lonely), _mean(changed), _measure_jitter(boxes, successor))


def _find_successors(frame: NDArray[np.int32], boxes: NDArray[np.float32]) -> NDArray[np.int64]:
    """For each row the row of the same object in the next frame, or -1: best overlaps first, each row once."""
    successor = np.full(len(frame), -1)
    starts = np.searchsorted(frame, np.arange(frame[-1] + 3)) if len(frame) else np.zeros(0, np.int64)
    for first, middle, last in zip(starts, starts[1:], starts[2:], strict=False):
        overlap = iou_matrix(boxes[first:middle], boxes[middle:last])
        while overlap.size and overlap.max() >= SAME_OBJECT_IOU:
            one, other = np.unravel_index(overlap.argmax(), overlap.shape)
            successor[first + one] = middle + other
            overlap[one], overlap[:, other] = 0, 0
    return successor


def _is_inside(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    return np.asarray((start > BORDER_PIXELS).all(axis=1) & (end < np.array(size) - BORDER_PIXELS).all(axis=1))


def _measure_jitter(boxes: NDArray[np.float32], successor: NDArray[np.int64]) -> float | None:
    first = np.flatnonzero(successor >= 0)
    first = first[successor[successor[first]] >= 0]
    if not len(first):
        return None
    middle = successor[first]
    area = np.log(np.maximum(boxes[:, 2] * boxes[:, 3], 1e-6))
    return float(np.median(np.abs(area[middle] - (area[first] + area[successor[middle]]) / 2)))


def _mean(values: NDArray[np.bool_]) -> float | None:
    return float(values.mean()) if len(values) else None
