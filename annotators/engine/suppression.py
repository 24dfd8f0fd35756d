"""From a network's raw output to boxes: the same numbers as ultralytics' ``non_max_suppression``, in fewer steps."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

CLASS_OFFSET = 7680
"""Boxes of two classes are moved apart by so many pixels, so that one pass suppresses within classes."""

MOST_CANDIDATES = 30_000
"""Boxes a frame that suppression looks at, the highest-scored ones; ultralytics' default."""


def find_candidates(raw: np.ndarray, floor: float) -> Iterator[np.ndarray]:
    """For each image the boxes whose best class scores above ``floor``, in the network's order.

    Args:
        raw: ``(B, 4 + classes, anchors)`` float32: centre x, centre y, width, height in pixels of the input, a score
            a class; or ``(B, rows, 6)`` of a head without suppression, which has x1, y1, x2, y2, score, class.
        floor: 0 to 1.

    Returns:
        For each ``(N, 6)`` float32: x1, y1, x2, y2 in pixels of the input, score, class index.
    """
    if is_final(raw):
        yield from (rows[rows[:, 4] > np.float32(floor)].astype(np.float32) for rows in raw)
        return
    best = raw[:, 4:].max(axis=1)
    image, anchor = np.nonzero(best > np.float32(floor))
    picked = raw[image, :, anchor].astype(np.float32, copy=False)
    centre, half = picked[:, :2], picked[:, 2:4] / 2
    rows = np.empty((len(picked), 6), np.float32)
    rows[:, :2], rows[:, 2:4] = centre - half, centre + half
    rows[:, 4], rows[:, 5] = best[image, anchor], picked[:, 4:].argmax(axis=1)
    ends = np.searchsorted(image, np.arange(len(raw) + 1))
    yield from (rows[begin:end] for begin, end in pairwise(ends))


def is_final(raw: np.ndarray) -> bool:
    """Whether ``raw`` comes from a head without suppression."""
    return bool(raw.shape[-1] == 6)


def strongest_first(candidates: np.ndarray, most: int) -> np.ndarray:
    """The ``most`` highest-scored ones by falling score; equals in the order given."""
    ranked: np.ndarray = candidates[np.argsort(-candidates[:, 4], kind="stable")[:most]]
    return ranked


def suppress_overlaps(candidates: np.ndarray, iou: float, most: int) -> np.ndarray:
    """Greedy suppression class by class.

    Args:
        candidates: as :func:`find_candidates` gives them for one image.
        iou: boxes of one class that overlap a stronger one by more go.
        most: boxes kept at most.

    Returns:
        Rows of ``candidates`` by falling score.
    """
    if len(candidates) < 2:
        return candidates[:most]
    import torch
    from torchvision.ops import nms

    if len(candidates) > MOST_CANDIDATES:
        candidates = strongest_first(candidates, MOST_CANDIDATES)
    apart = candidates[:, :4] + candidates[:, 5:6] * np.float32(CLASS_OFFSET)
    scores = np.ascontiguousarray(candidates[:, 4])
    kept = nms(torch.from_numpy(apart), torch.from_numpy(scores), iou).numpy()
    rows: np.ndarray = candidates[kept[:most]]
    return rows
