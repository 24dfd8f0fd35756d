"""The offline pass over whole tracks: a label is not made live, so the future counts as much as the past.

A track gets one class by vote, its holes are filled from both sides, its jitter is smoothed around each frame, what was
seen too briefly is dropped, and each box is believed as far as the track around it bears it out. Pure functions of
arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotators.box_belief import TrackedBoxes, believe_boxes
from annotators.boxes import clip_corners
from annotators.edge_smoothing import smooth_edges
from annotators.rival_detections import MergedDetections
from annotators.track_gaps import SeenBoxes, fill_gaps, hidden_or_taken
from annotators.trackers import Observations
from schemas.annotator_options import RefinementOptions

VERSION = 3

KEEP_SHORT_SCORE = 0.5
"""A short track is kept when the detector was this sure of it: a thing that only just enters the picture is no mistake,
and a frame that shows it unlabelled would be one. Curation makes it an ignore region."""

LEAST_BELIEF = 0.02
"""Boxes that are less likely than this are not stored."""


@dataclass(frozen=True)
class Tracks:
    """Labels of a sequence, sorted by frame and track.

    Attributes:
        frame: ``(N,)`` int32, from 0.
        track: ``(N,)`` int32, from 1.
        class_index: ``(N,)`` int32.
        corners: ``(N, 4)`` float32, inside the frame.
        score: ``(N,)`` float32; NaN where interpolated.
        confidence: ``(N,)`` float32, 0 to 1; see :mod:`annotators.box_belief`.
    """

    frame: np.ndarray
    track: np.ndarray
    class_index: np.ndarray
    corners: np.ndarray
    score: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def between(self, first: int, last: int) -> "Tracks":
        """Frames ``first`` to ``last`` (excluded), counted from ``first``."""
        rows = slice(*np.searchsorted(self.frame, [first, last]))
        return Tracks(
            self.frame[rows] - np.int32(first), self.track[rows], self.class_index[rows], self.corners[rows],
            self.score[rows], self.confidence[rows],
        )  # fmt: skip


def join_tracks(parts: Sequence[Tracks], starts: Sequence[int]) -> Tracks:
    """Labels of consecutive stretches, which begin at the frames ``starts``, as those of one; ids run on."""
    frames, tracks, last = [], [], 0
    for part, start in zip(parts, starts, strict=True):
        frames.append(part.frame + np.int32(start))
        tracks.append(part.track + np.int32(last))
        last = max(last, int(tracks[-1].max(initial=0)))
    rest = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("class_index", "corners", "score", "confidence")
    )
    return Tracks(np.concatenate(frames), np.concatenate(tracks), *rest)


def plain_tracks(seen: Observations, size: tuple[int, int]) -> Tracks:
    """The tracker's own output, clipped to frames of ``size`` (width, height): what the plain loop gives."""
    tracks, place = np.unique(seen.track, return_inverse=True)
    confidence = _track_scores(place, seen.score, len(tracks))
    return _sorted(
        Tracks(
            seen.frame, seen.track, seen.class_index, clip_corners(seen.corners, *size), seen.score, confidence[place]
        )
    )


def refine_tracks(
    track: np.ndarray, merged: MergedDetections, options: RefinementOptions, size: tuple[int, int], frames: int
) -> Tracks:
    """Turn linked detections into labels.

    Args:
        track: ``(N,)`` id, from 1, of the track of each detection in ``merged.kept``; once in a frame.
        merged: detections and the votes on their classes.
        options: shortest track, longest hole, width of the smoothing.
        size: width and height of the frames, pixels.
        frames: number of frames.

    Returns:
        Labels, each with how far it is to be believed. That falls from frame to frame in a hole: where the detector saw
        not even something faint, the thing is hidden more often than overlooked.
    """
    candidates = find_candidates(track, merged, options, size)
    if not len(candidates.boxes.frame):
        return _no_tracks()
    boxes = candidates.boxes
    labels = Tracks(
        frame=boxes.frame.astype(np.int32),
        track=candidates.track,
        class_index=boxes.class_index,
        corners=clip_corners(boxes.corners, *size),
        score=np.where(boxes.score > 0, boxes.score, np.nan).astype(np.float32),
        confidence=believe_boxes(boxes, frames),
    )
    believed = (labels.confidence >= LEAST_BELIEF) & np.all(labels.corners[:, 2:] > labels.corners[:, :2], axis=1)
    return _sorted(_rows(labels, believed))


@dataclass(frozen=True)
class Candidates:
    """What may become labels: boxes, and the id of the track of each."""

    boxes: TrackedBoxes
    track: np.ndarray


def find_candidates(
    track: np.ndarray, merged: MergedDetections, options: RefinementOptions, size: tuple[int, int]
) -> Candidates:
    """Boxes of tracks that are long or strong enough, smoothed, their holes filled; see :func:`refine_tracks`."""
    rows = np.lexsort((merged.kept.frame, track))
    rows = rows[_lasting(track[rows], merged.kept.score[rows], options.min_track_frames)]
    seen, owner = merged.kept.rows(rows), track[rows]
    tracks, place = np.unique(owner, return_inverse=True)
    class_index = _vote(place, rows, merged, len(tracks))
    class_score, other_score = _split_votes(rows, class_index[place], merged)
    corners = seen.corners
    if options.smooth_frames > 1 and len(rows):
        corners = smooth_edges(seen.frame, owner, corners, seen.score, window=options.smooth_frames, size=size)
    filled = fill_gaps(seen.frame, owner, corners, options.max_gap_frames)
    filled_place = np.searchsorted(tracks, filled.track)
    sightings = SeenBoxes(seen.frame, owner, corners, class_index[place])
    shown = ~hidden_or_taken(filled, class_index[filled_place], sightings)
    frame = np.concatenate([seen.frame, filled.frame[shown]])
    places = np.concatenate([place, filled_place[shown]])
    order = np.lexsort((frame, places))
    nothing = np.zeros(int(shown.sum()), np.float32)
    boxes = TrackedBoxes(
        frame=frame[order],
        place=places[order],
        corners=np.concatenate([corners, filled.corners[shown]])[order],
        score=np.concatenate([seen.score, nothing])[order],
        class_score=np.concatenate([class_score, nothing])[order],
        other_score=np.concatenate([other_score, nothing])[order],
        class_index=class_index[places[order]],
    )
    return Candidates(boxes, tracks[boxes.place])


def _lasting(track: np.ndarray, score: np.ndarray, min_frames: int) -> np.ndarray:
    """Mask of detections whose track is long enough, or short and strong."""
    _, place, counts = np.unique(track, return_inverse=True, return_counts=True)
    strongest = np.zeros(len(counts), np.float32)
    np.maximum.at(strongest, place, score)
    lasting: np.ndarray = ((counts >= min_frames) | (strongest >= KEEP_SHORT_SCORE))[place]
    return lasting


def _vote(place: np.ndarray, rows: np.ndarray, merged: MergedDetections, tracks: int) -> np.ndarray:
    """``(T,)`` int32 class of each track, by votes weighted with their scores; ``place`` is the track of each row."""
    place_of_row = np.full(len(merged.kept), -1)
    place_of_row[rows] = place
    voters = place_of_row[merged.vote_row]
    cast = voters >= 0
    classes, column = np.unique(merged.vote_class[cast], return_inverse=True)
    tally = np.zeros((tracks, len(classes)))
    np.add.at(tally, (voters[cast], column), merged.vote_score[cast])
    return classes[np.argmax(tally, axis=1)].astype(np.int32) if tracks else np.zeros(0, np.int32)


def _split_votes(rows: np.ndarray, class_index: np.ndarray, merged: MergedDetections) -> tuple[np.ndarray, np.ndarray]:
    """For each of ``rows`` the best vote for its ``class_index``, and for any other class; 0 for none."""
    wanted = np.full(len(merged.kept), -1)
    wanted[rows] = class_index
    agrees = merged.vote_class == wanted[merged.vote_row]
    best = np.zeros((2, len(merged.kept)), np.float32)
    for side, votes in enumerate((agrees, ~agrees)):
        np.maximum.at(best[side], merged.vote_row[votes], merged.vote_score[votes])
    return best[0, rows], best[1, rows]


def _track_scores(place: np.ndarray, scores: np.ndarray, tracks: int) -> np.ndarray:
    """``(T,)`` mean of the better half of each track's scores: half-hidden sightings say little about a thing."""
    order = np.lexsort((-scores, place))
    counts = np.bincount(place, minlength=tracks)
    first = np.cumsum(counts) - counts
    rank = np.arange(len(order)) - first[place[order]]
    half = (counts + 1) // 2
    chosen = order[rank < half[place[order]]]
    total = np.bincount(place[chosen], weights=scores[chosen], minlength=tracks)
    return (total / np.maximum(half, 1)).astype(np.float32)


def _sorted(tracks: Tracks) -> Tracks:
    return _rows(tracks, np.lexsort((tracks.track, tracks.frame)))


def _rows(tracks: Tracks, chosen: np.ndarray) -> Tracks:
    return Tracks(
        tracks.frame[chosen], tracks.track[chosen], tracks.class_index[chosen], tracks.corners[chosen],
        tracks.score[chosen], tracks.confidence[chosen],
    )  # fmt: skip


def _no_tracks() -> Tracks:
    whole, real = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return Tracks(whole, whole, whole, np.zeros((0, 4), np.float32), real, real)
