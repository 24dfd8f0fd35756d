"""Pairs of boxes that meet: in one frame, or after one was widened."""

import numpy as np

from annotators.boxes import areas, pair_iou


def same_frame_pairs(frames: np.ndarray, sorted_frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i, j) with ``frames[i] == sorted_frames[j]``."""
    first = np.searchsorted(sorted_frames, frames, side="left")
    counts = np.searchsorted(sorted_frames, frames, side="right") - first
    return ranged_pairs(first, counts)


def ranged_pairs(first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i, j) with ``first[i] <= j < first[i] + counts[i]``."""
    left = np.repeat(np.arange(len(first)), counts)
    right = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    return left, right


def buffered_iou(a: np.ndarray, b: np.ndarray, buffer: np.ndarray | float) -> np.ndarray:
    """``(N,)`` IoU of the pairs ``a[i]``, ``b[i]`` of corners, widened by ``buffer`` times their sides on each side."""
    return pair_iou(_widened(a, buffer), _widened(b, buffer))


def buffered_iou_table(a: np.ndarray, b: np.ndarray, buffer: float) -> np.ndarray:
    """``(N, M)`` IoU of all pairs of corners, widened likewise."""
    a, b = _widened(a, buffer), _widened(b, buffer)
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.prod(np.clip(size, 0, None), axis=2)
    union = areas(a)[:, None] + areas(b) - shared
    table: np.ndarray = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return table


def _widened(corners: np.ndarray, buffer: np.ndarray | float) -> np.ndarray:
    corners = corners.astype(np.float64)
    margin = (corners[:, 2:] - corners[:, :2]) * np.reshape(buffer, (-1, 1))
    return np.concatenate([corners[:, :2] - margin, corners[:, 2:] + margin], axis=1)
