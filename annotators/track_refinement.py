"""The offline pass over whole tracks: a label is not made live, so the future counts as much as the past.

A track gets one class by vote, its holes are filled from both sides, its jitter is smoothed around each frame, and what
was seen too briefly to be believed is dropped. Pure functions of arrays.
"""

from dataclasses import dataclass

import numpy as np

from annotators.boxes import clip_corners
from annotators.detections import Detections
from annotators.edge_smoothing import smooth_edges
from annotators.rival_detections import MergedDetections
from annotators.track_gaps import fill_gaps, hidden_or_taken, seen_in_gaps
from annotators.trackers import Observations
from schemas.annotator_options import RefinementOptions

VERSION = 1

KEEP_SHORT_SCORE = 0.5
"""A short track is kept when the detector was this sure of it: a thing that only just enters the picture is no mistake,
and a frame that shows it unlabelled would be one. Curation makes it an ignore region."""

MAJORITY = 0.5
"""Below this share of its track's votes a class costs confidence."""


@dataclass(frozen=True)
class Tracks:
    """Labels of a sequence, sorted by frame and track.

    Attributes:
        frame: ``(N,)`` int32, from 0.
        track: ``(N,)`` int32, from 1.
        class_index: ``(N,)`` int32.
        corners: ``(N, 4)`` float32, inside the frame.
        score: ``(N,)`` float32; NaN where interpolated.
        confidence: ``(N,)`` float32, from the track's scores; less where interpolated.
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
    seen: Observations, merged: MergedDetections, options: RefinementOptions, size: tuple[int, int]
) -> Tracks:
    """Turn a tracker's output into labels.

    Args:
        seen: of ``merged.kept``, the unconfirmed tracks included.
        merged: detections and the votes on their classes.
        options: shortest track, longest hole, width of the smoothing.
        size: width and height of the frames, pixels.

    Returns:
        Labels, each with the confidence of its track. An interpolated one has a half of it next to a sighting, a third
        one frame further, and so on: where the detector saw not even something faint, the thing is hidden more often
        than overlooked, so that such a box is a region to ignore before it is a label.
    """
    seen = seen.rows(np.lexsort((seen.frame, seen.track)))
    seen = seen.rows(_believed(seen, options.min_track_frames))
    found = seen_in_gaps(seen, merged.kept, options.max_gap_frames)
    seen = _with_found(seen, merged.kept, found)
    if not len(seen):
        return _no_tracks()
    corners = merged.kept.corners[seen.detection]
    if options.smooth_frames > 1:
        corners = smooth_edges(seen.frame, seen.track, corners, seen.score, window=options.smooth_frames, size=size)
    filled = fill_gaps(seen.frame, seen.track, corners, options.max_gap_frames)
    tracks, place = np.unique(seen.track, return_inverse=True)
    class_index, share = _vote(place, seen.detection, merged, len(tracks))
    confidence = _track_scores(place, seen.score, len(tracks)) * np.minimum(1, share / MAJORITY)
    filled_place = np.searchsorted(tracks, filled.track)
    shown = ~hidden_or_taken(filled, class_index[filled_place], seen, corners, class_index[place])
    every = np.concatenate([place, filled_place[shown]])
    belief = np.concatenate([np.ones(len(place)), 1 / (1 + filled.distance[shown])])
    labels = Tracks(
        frame=np.concatenate([seen.frame, filled.frame[shown]]),
        track=np.concatenate([seen.track, filled.track[shown]]),
        class_index=class_index[every],
        corners=clip_corners(np.concatenate([corners, filled.corners[shown]]), *size),
        score=np.concatenate([seen.score, np.full(int(shown.sum()), np.nan, np.float32)]),
        confidence=(confidence[every] * belief).astype(np.float32),
    )
    return _sorted(_without_flat_boxes(labels))


def _believed(seen: Observations, min_frames: int) -> np.ndarray:
    """Mask of observations whose track is long enough, or short and strong."""
    _, place, counts = np.unique(seen.track, return_inverse=True, return_counts=True)
    strongest = np.zeros(len(counts), np.float32)
    np.maximum.at(strongest, place, seen.score)
    return ((counts >= min_frames) | (strongest >= KEEP_SHORT_SCORE))[place]


def _with_found(seen: Observations, detections: Detections, found: tuple[np.ndarray, np.ndarray]) -> Observations:
    """``seen`` and the (track, detection row) pairs ``found``, sorted by track and frame."""
    track, rows = found
    joined = Observations(
        frame=np.concatenate([seen.frame, detections.frame[rows]]),
        track=np.concatenate([seen.track, track]),
        corners=np.concatenate([seen.corners, detections.corners[rows]]),
        score=np.concatenate([seen.score, detections.score[rows]]),
        class_index=np.concatenate([seen.class_index, detections.class_index[rows]]),
        detection=np.concatenate([seen.detection, rows]).astype(np.int32),
    )
    return joined.rows(np.lexsort((joined.frame, joined.track)))


def _vote(
    place: np.ndarray, detection: np.ndarray, merged: MergedDetections, tracks: int
) -> tuple[np.ndarray, np.ndarray]:
    """``(T,)`` class of each track, by votes weighted with their scores, and the share of votes that it won."""
    track_of_row = np.full(len(merged.kept), -1)
    track_of_row[detection] = place
    voters = track_of_row[merged.vote_row]
    cast = voters >= 0
    classes, column = np.unique(merged.vote_class[cast], return_inverse=True)
    tally = np.zeros((tracks, len(classes)))
    np.add.at(tally, (voters[cast], column), merged.vote_score[cast])
    best = np.argmax(tally, axis=1)
    return classes[best].astype(np.int32), tally[np.arange(tracks), best] / tally.sum(axis=1)


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


def _without_flat_boxes(tracks: Tracks) -> Tracks:
    return _rows(tracks, np.all(tracks.corners[:, 2:] > tracks.corners[:, :2], axis=1))


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
