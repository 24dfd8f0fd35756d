"""How far a box on a track is to be believed: a logistic model of six figures of the track around it.

The detector's score of one frame knows nothing of the frames before and after. What tells right boxes from wrong ones
is how well the class was seen nearby on the same track, how well the track was seen at its best, what speaks for
another class, and whether a better track holds the thing already. The figures are free of scale, of pixels and of the
kind of scene.
"""

from dataclasses import dataclass

import numpy as np

from annotators.box_pairs import same_frame_pairs
from annotators.boxes import pair_iou
from annotators.nearby_frames import NearbyFrames

FIGURES = ("class_seen_nearby", "seen_nearby", "track_score", "best_half", "other_class_nearby", "held_by_better")
WEIGHTS = np.array([1.92, 2.23, -0.6, 2.0, -3.0, -1.85])
BIAS = -1.9
"""The logistic model, fitted on 60 clips of seed 515151 (24,503 boxes) by ``python -m benchmarks.labels.fit_belief``.

Left to itself the fit believes what is steady, however faint (2 becomes 0.6). That holds where a detector is at home:
its mistakes flicker. On footage that is foreign to it mistakes are as steady as things, so that a track must have been
seen well somewhere: three of the weights are held, at a cost of 0.002 in F1 on the streets. Fitted to the tracks of
before pieces were joined side by side: a fit to today's wins 0.001, and believes a ship's sails to be umbrellas.
"""

FILLED_BELIEF = 0.4
"""What is left of the belief in a box that was filled in. Where a detector sees not even something faint, a thing is
mostly hidden: between sure sightings some four in ten such boxes were right. They are regions to ignore."""

NEAR, NEARER = 4.0, 2.0
"""Standard deviations, frames, of the windows that say what "nearby" is."""

LENGTH_WORTH = 0.5
"""Of two tracks on one thing, that with more sightings is better, by this much logit for each e-fold."""


@dataclass(frozen=True)
class TrackedBoxes:
    """Boxes of tracks, those filled in among them, sorted by track and frame.

    Attributes:
        frame: ``(N,)``.
        place: ``(N,)`` number of the track, from 0.
        corners: ``(N, 4)``.
        score: ``(N,)`` 0 to 1, 0 where filled in.
        class_score, other_score: ``(N,)`` best score at this box for the track's class, and for any other; 0 for none.
        class_index: ``(N,)`` of the track.
    """

    frame: np.ndarray
    place: np.ndarray
    corners: np.ndarray
    score: np.ndarray
    class_score: np.ndarray
    other_score: np.ndarray
    class_index: np.ndarray


def believe_boxes(boxes: TrackedBoxes, frames: int) -> np.ndarray:
    """``(N,)`` float32, 0 to 1: how far each of ``boxes``, of a sequence of ``frames`` frames, is to be believed."""
    logit = measure_boxes(boxes, frames) @ WEIGHTS + BIAS
    belief: np.ndarray = np.where(boxes.score > 0, 1.0, FILLED_BELIEF) / (1 + np.exp(-logit))
    return belief.astype(np.float32, copy=False)


def measure_boxes(boxes: TrackedBoxes, frames: int) -> np.ndarray:
    """``(N, 6)`` the :data:`FIGURES` of each box."""
    strength, mean, half = _sum_up_tracks(boxes)
    near, nearer = (NearbyFrames(boxes.frame, boxes.place, frames, deviation) for deviation in (NEAR, NEARER))
    return np.stack(
        [
            np.sqrt(near.mean(boxes.class_score)),
            nearer.mean(boxes.score),
            mean[boxes.place],
            half[boxes.place],
            near.mean(boxes.other_score),
            _held_by_better(boxes, strength),
        ],
        axis=1,
    )


def _sum_up_tracks(boxes: TrackedBoxes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(T,)`` strength of each track, and mean logit of its scores, of all and of the better half."""
    seen = boxes.score > 0
    place, tracks = boxes.place[seen], int(boxes.place.max()) + 1
    score = np.clip(boxes.score[seen].astype(np.float64), 0.01, 0.99)
    logit = np.log(score / (1 - score))
    counts = np.bincount(place, minlength=tracks)
    order = np.lexsort((-logit, place))
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[place[order]]
    better = order[rank < ((counts + 1) // 2)[place[order]]]
    mean = np.bincount(place, weights=logit, minlength=tracks) / counts
    half = np.bincount(place[better], weights=logit[better], minlength=tracks) / ((counts + 1) // 2)
    return half + LENGTH_WORTH * np.log(counts), mean, half


def _held_by_better(boxes: TrackedBoxes, strength: np.ndarray) -> np.ndarray:
    """``(N,)`` greatest overlap with a box of a stronger track of the same class."""
    order = np.argsort(boxes.frame, kind="stable")
    one, other = same_frame_pairs(boxes.frame, boxes.frame[order])
    other = order[other]
    rival = (boxes.class_index[one] == boxes.class_index[other]) & (
        strength[boxes.place[other]] > strength[boxes.place[one]]
    )
    one, other = one[rival], other[rival]
    held = np.zeros(len(boxes.frame))
    np.maximum.at(held, one, pair_iou(boxes.corners[one], boxes.corners[other]))
    return held
