"""Many boxes of one thing, made one: what suppression throws away still tells where the edges are.

A detector proposes each thing several times over, and more often when it looks again at another size. Suppression keeps
the highest-scored proposal and drops the rest. Their mean lies closer to the thing (Gidaris and Komodakis, "Object
detection via a multi-region and semantic segmentation-aware CNN model", 2015, section 5), over several views of a frame
too (Solovyev et al., "Weighted boxes fusion", 2021), and a thing that only one view shows is less likely to be there.
"""

from collections.abc import Sequence

import numpy as np

from annotators.boxes import areas


def fuse_boxes(views: Sequence[np.ndarray], iou: float) -> np.ndarray:
    """One box for each group of candidates that overlap the group's strongest by more than ``iou``, class by class.

    Groups form as in greedy suppression: the strongest candidate that is still free takes all free ones that overlap
    it. A box's corners are the mean of its group's, weighted by their squared scores, since edges scatter the less
    the surer the detector is. Its score is the mean over views of the best score in each, 0 in a view that does not
    show it.

    Args:
        views: for each view of one frame its candidates before suppression, ``(N, 6)`` float32: x1, y1, x2, y2 in
            pixels of the frame, score, class index.
        iou: 0 to 1.

    Returns:
        ``(M, 6)`` float32, the same columns, by falling score.
    """
    view = np.repeat(np.arange(len(views)), [len(rows) for rows in views])
    candidates = np.concatenate(views).astype(np.float64)
    order = np.argsort(-candidates[:, 4], kind="stable")
    candidates, view = candidates[order], view[order]
    leaders, group = _group_overlapping(candidates, iou)
    best = np.zeros((len(leaders), len(views)))
    np.maximum.at(best, (group, view), candidates[:, 4])
    weight = candidates[:, 4] ** 2
    total = np.bincount(group, weight, minlength=len(leaders))
    fused = candidates[leaders]
    for side in range(4):
        fused[:, side] = np.bincount(group, weight * candidates[:, side], minlength=len(leaders)) / total
    fused[:, 4] = best.mean(axis=1)
    ranked: np.ndarray = fused[np.argsort(-fused[:, 4], kind="stable")].astype(np.float32)
    return ranked


def _group_overlapping(candidates: np.ndarray, iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ``candidates``, sorted by falling score, that lead a group, and for each row the place of its leader."""
    left, top, right, bottom, _, kind = np.ascontiguousarray(candidates.T)
    size = areas(candidates[:, :4])
    group = np.full(len(candidates), -1)
    leaders: list[int] = []
    for row in range(len(candidates)):
        if group[row] < 0:
            width = np.minimum(right, right[row]) - np.maximum(left, left[row])
            height = np.minimum(bottom, bottom[row]) - np.maximum(top, top[row])
            shared = np.maximum(width, 0) * np.maximum(height, 0)
            same = (shared > iou * (size + size[row] - shared)) & (kind == kind[row])
            group[same & (group < 0)] = len(leaders)
            group[row] = len(leaders)
            leaders.append(row)
    return np.array(leaders, int), group
