"""Holes in tracks: faint sightings are found again, the rest interpolated, and left open where nothing shows."""

from dataclasses import dataclass

import numpy as np

from annotators.boxes import areas, pair_iou, shared_areas
from annotators.detections import Detections
from annotators.trackers import Observations

FOUND_IOU = 0.5
"""A detection that the tracker left over belongs to the hole that it overlaps by this much."""

TAKEN_IOU = 0.5
"""A filled box that overlaps a seen one of the same class by this much would label one thing twice."""

HIDDEN_SHARE = 0.75
"""A filled box of which a nearer thing covers this much shows too little to be a label; see schemas.truth_limits."""


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


def seen_in_gaps(seen: Observations, detections: Detections, max_gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Detections that no track holds, where a track has a hole: ``(M,)`` tracks and ``(M,)`` rows of ``detections``.

    A tracker lets go of what falls below its thresholds; with the sightings before and after known, a faint detection
    in between, at the expected place, is the thing itself, and its box is better than an interpolated one. Each
    detection goes to one hole, each hole's frame takes one detection, the best overlaps first.
    """
    filled = fill_gaps(seen.frame, seen.track, detections.corners[seen.detection], max_gap)
    loose = np.ones(len(detections), bool)
    loose[seen.detection] = False
    rows = np.flatnonzero(loose)
    hole, candidate = _same_frame(filled.frame, detections.frame[rows])
    candidate = rows[candidate]
    overlap = pair_iou(filled.corners[hole], detections.corners[candidate])
    order = np.argsort(-overlap, kind="stable")
    order = order[overlap[order] >= FOUND_IOU]
    order = order[_first_of_each(hole[order])]
    order = order[_first_of_each(candidate[order])]
    return filled.track[hole[order]], candidate[order]


def hidden_or_taken(
    filled: FilledBoxes, filled_class: np.ndarray, seen: Observations, corners: np.ndarray, seen_class: np.ndarray
) -> np.ndarray:
    """``(N,)`` mask of filled boxes that would label nothing visible, or a thing that another track labels already.

    Nearer is what stands lower in the picture, as it does on flat ground.
    """
    order = np.argsort(seen.frame, kind="stable")
    box, other = _same_frame(filled.frame, seen.frame[order])
    other = order[other]
    foreign = filled.track[box] != seen.track[other]
    box, other = box[foreign], other[foreign]
    a, b = filled.corners[box], corners[other]
    taken = (filled_class[box] == seen_class[other]) & (pair_iou(a, b) >= TAKEN_IOU)
    covered = shared_areas(a, b) >= HIDDEN_SHARE * np.maximum(areas(a), np.finfo(np.float32).tiny)
    hidden = covered & (b[:, 3] >= a[:, 3])
    mask = np.zeros(len(filled.frame), bool)
    mask[box[taken | hidden]] = True
    return mask


def _same_frame(frames: np.ndarray, sorted_frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i, j) with ``frames[i] == sorted_frames[j]``."""
    first = np.searchsorted(sorted_frames, frames, side="left")
    counts = np.searchsorted(sorted_frames, frames, side="right") - first
    left = np.repeat(np.arange(len(frames)), counts)
    right = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    return left, right


def _first_of_each(values: np.ndarray) -> np.ndarray:
    """Sorted places at which each distinct value appears first."""
    return np.sort(np.unique(values, return_index=True)[1])
