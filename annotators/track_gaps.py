"""Holes in tracks: interpolated from both sides, and left open where nothing shows."""

from dataclasses import dataclass

import numpy as np

from annotators.box_pairs import same_frame_pairs
from annotators.boxes import areas, pair_iou, shared_areas

TAKEN_IOU = 0.5
"""A filled box that overlaps a seen one of the same class by this much would label one thing twice."""

HIDDEN_SHARE = 0.75
"""A filled box of which a nearer thing covers this much shows too little to be a label; see schemas.truth_limits."""


@dataclass(frozen=True)
class SeenBoxes:
    """Sightings: columns ``frame``, ``track``, ``corners`` and the track's ``class_index``."""

    frame: np.ndarray
    track: np.ndarray
    corners: np.ndarray
    class_index: np.ndarray


@dataclass(frozen=True)
class FilledBoxes:
    """Interpolated boxes.

    Attributes:
        frame, track: ``(N,)`` int32.
        corners: ``(N, 4)`` float32.
        distance: ``(N,)`` int32, frames to the nearer of the two sightings, at least 1.
    """

    frame: np.ndarray
    track: np.ndarray
    corners: np.ndarray
    distance: np.ndarray


def fill_gaps(frame: np.ndarray, track: np.ndarray, corners: np.ndarray, max_gap: int) -> FilledBoxes:
    """Boxes on straight lines between the sightings before and after each hole of at most ``max_gap`` frames.

    Args:
        frame, track: ``(N,)``, sorted by track, then frame.
        corners: ``(N, 4)``.
        max_gap: frames.
    """
    apart = np.diff(frame)
    before = np.flatnonzero((np.diff(track) == 0) & (apart > 1) & (apart <= max_gap + 1))
    missing = apart[before] - 1
    row = np.repeat(before, missing)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    part = (ahead / apart[row])[:, None] if len(row) else np.zeros((0, 1))
    between = (1 - part) * corners[row] + part * corners[row + 1] if len(row) else np.zeros((0, 4))
    distance = np.minimum(ahead, apart[row] - ahead).astype(np.int32)
    return FilledBoxes((frame[row] + ahead).astype(np.int32), track[row], between.astype(np.float32), distance)


def hidden_or_taken(filled: FilledBoxes, filled_class: np.ndarray, seen: SeenBoxes) -> np.ndarray:
    """``(N,)`` mask of filled boxes that would label nothing visible, or a thing that another track labels already.

    Nearer is what stands lower in the picture, as it does on flat ground.
    """
    order = np.argsort(seen.frame, kind="stable")
    box, other = same_frame_pairs(filled.frame, seen.frame[order])
    other = order[other]
    foreign = filled.track[box] != seen.track[other]
    box, other = box[foreign], other[foreign]
    a, b = filled.corners[box], seen.corners[other]
    taken = (filled_class[box] == seen.class_index[other]) & (pair_iou(a, b) >= TAKEN_IOU)
    covered = shared_areas(a, b) >= HIDDEN_SHARE * np.maximum(areas(a), np.finfo(np.float32).tiny)
    hidden = covered & (b[:, 3] >= a[:, 3])
    mask = np.zeros(len(filled.frame), bool)
    mask[box[taken | hidden]] = True
    return mask
