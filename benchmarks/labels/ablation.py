"""What each step of the refinement adds, and what would remain if an oracle associated and fitted the detections."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from annotators.box_belief import TrackedBoxes, believe_boxes, measure_boxes
from annotators.box_pairs import same_frame_pairs
from annotators.boxes import pair_iou
from annotators.detections import Detections
from annotators.edge_smoothing import smooth_edges
from annotators.rival_detections import MergedDetections, merge_rivals
from annotators.track_association import associate_pieces
from annotators.track_gaps import fill_gaps
from annotators.track_linking import link_detections
from annotators.track_refinement import find_candidates
from annotators.track_stitching import stitch_pieces
from schemas.annotator_options import RefinementOptions

from .clips import Truth
from .scoring import Errors, LabelledClip, count_errors

Size = tuple[int, int]
THRESHOLDS = np.arange(0.1, 0.9, 0.05)
BARE = RefinementOptions(min_track_frames=1, max_gap_frames=0, smooth_frames=0)


def ablate(detections: Sequence[Detections], size: Size, frames: int) -> Iterator[tuple[str, list[LabelledClip]]]:
    """Labels after each step, each step on top of those before it; thresholds are left to the caller."""
    merged = [merge_rivals(of_clip) for of_clip in detections]
    yield "detections alone", [_as_labels(one, np.arange(len(one)) + 1) for one in detections]
    yield "+ merged across classes", [_as_labels(one.kept, np.arange(len(one.kept)) + 1) for one in merged]
    linked = [link_detections(one.kept, frames) + 1 for one in merged]
    yield "+ linked, one class a track", _each(merged, linked, BARE, size, _track_score)
    stitched = [stitch_pieces(one, pieces - 1) for one, pieces in zip(merged, linked, strict=True)]
    yield "+ stitched", _each(merged, stitched, BARE, size, _track_score)
    joined = [associate_pieces(one, pieces - 1, frames) for one, pieces in zip(merged, linked, strict=True)]
    merged, stitched = [one for one, _ in joined], [track for _, track in joined]
    yield "+ joined where they run side by side", _each(merged, stitched, BARE, size, _track_score)
    yield "+ belief", _each(merged, stitched, BARE, size, lambda boxes: believe_boxes(boxes, frames))
    standard = RefinementOptions()
    filled = BARE.model_copy(update={"max_gap_frames": standard.max_gap_frames})
    yield "+ holes filled", _each(merged, stitched, filled, size, lambda boxes: believe_boxes(boxes, frames))
    smooth = filled.model_copy(update={"smooth_frames": standard.smooth_frames})
    yield "+ edges smoothed", _each(merged, stitched, smooth, size, lambda boxes: believe_boxes(boxes, frames))
    yield "+ short tracks dropped", _each(merged, stitched, standard, size, lambda boxes: believe_boxes(boxes, frames))


def at_best_threshold(labels: Sequence[LabelledClip], truths: Sequence[Truth]) -> tuple[float, Errors]:
    """The threshold of the best F1 at IoU 0.5, and the errors there."""
    scored = [
        (threshold, count_errors([clip.take(clip.confidence >= threshold) for clip in labels], truths))
        for threshold in THRESHOLDS
    ]
    return max(scored, key=lambda pair: pair[1].f1[0])


def oracle_bounds(
    detections: Sequence[Detections], truths: Sequence[Truth], size: Size
) -> Iterator[tuple[str, list[LabelledClip]]]:
    """Labels that a perfect association of the detections would give; what they lack, no tracker can win."""
    right_class = [_associate(found, truth, any_class=False) for found, truth in zip(detections, truths, strict=True)]
    yield "oracle association, the detection's class", right_class
    any_class = [_associate(found, truth, any_class=True) for found, truth in zip(detections, truths, strict=True)]
    yield "oracle association and class", any_class
    filled = [_fill(labels, truth) for labels, truth in zip(any_class, truths, strict=True)]
    yield "the same, holes filled", filled
    yield "the same, edges smoothed", [_smooth(labels, size) for labels in filled]
    yield (
        "the same, with an oracle fit of the box",
        [_fit(one, truth) for one, truth in zip(filled, truths, strict=True)],
    )


def measured_boxes(detections: Detections, size: Size, frames: int) -> tuple[TrackedBoxes, np.ndarray]:
    """What the refinement would judge, and the figures it judges by."""
    merged = merge_rivals(detections)
    merged, track = associate_pieces(merged, link_detections(merged.kept, frames), frames)
    boxes = find_candidates(track, merged, RefinementOptions(), size).boxes
    return boxes, measure_boxes(boxes, frames)


def _each(
    merged: Sequence[MergedDetections],
    tracks: Sequence[np.ndarray],
    options: RefinementOptions,
    size: Size,
    believe: Callable[[TrackedBoxes], np.ndarray],
) -> list[LabelledClip]:
    labelled = []
    for one, track in zip(merged, tracks, strict=True):
        found = find_candidates(track, one, options, size)
        boxes, belief = found.boxes, believe(found.boxes) if len(found.track) else np.zeros(0)
        order = np.argsort(boxes.frame, kind="stable")
        whole = LabelledClip(boxes.frame, found.track, boxes.class_index, boxes.corners, belief)
        labelled.append(whole.take(order))
    return labelled


def _track_score(boxes: TrackedBoxes) -> np.ndarray:
    """Mean of the better half of the track's scores: the first version's confidence."""
    order = np.lexsort((-boxes.score, boxes.place))
    counts = np.bincount(boxes.place)
    rank = np.arange(len(order)) - (np.cumsum(counts) - counts)[boxes.place[order]]
    better = order[rank < ((counts + 1) // 2)[boxes.place[order]]]
    total = np.bincount(boxes.place[better], boxes.score[better], minlength=len(counts))
    mean: np.ndarray = (total / ((counts + 1) // 2))[boxes.place]
    return mean


def _as_labels(found: Detections, track: np.ndarray) -> LabelledClip:
    return LabelledClip(found.frame, track, found.class_index, found.corners, found.score)


def _associate(found: Detections, truth: Truth, *, any_class: bool) -> LabelledClip:
    """Each object's best detection, from IoU 0.5 on, each detection for one object."""
    shown, row = same_frame_pairs(truth.frame, found.frame)
    overlap = pair_iou(truth.corners[shown], found.corners[row])
    fits = (overlap >= 0.5) & (any_class | (truth.class_index[shown] == found.class_index[row]))
    shown, row, overlap = shown[fits], row[fits], overlap[fits]
    taken, used = np.full(len(truth.frame), -1), np.zeros(len(found), bool)
    for pair in np.argsort(-overlap, kind="stable"):
        if taken[shown[pair]] < 0 and not used[row[pair]]:
            taken[shown[pair]], used[row[pair]] = row[pair], True
    objects = np.flatnonzero(taken >= 0)
    return LabelledClip(
        truth.frame[objects], truth.track[objects], truth.class_index[objects], found.corners[taken[objects]],
        found.score[taken[objects]],
    )  # fmt: skip


def _fill(labels: LabelledClip, truth: Truth) -> LabelledClip:
    """Holes between sightings of an object, in frames in which it is in the picture."""
    ranked = labels.take(np.lexsort((labels.frame, labels.track)))
    filled = fill_gaps(ranked.frame, ranked.track, ranked.corners, RefinementOptions().max_gap_frames)
    shown = {(frame, track) for frame, track in zip(truth.frame.tolist(), truth.track.tolist(), strict=True)}
    real = [pair in shown for pair in zip(filled.frame.tolist(), filled.track.tolist(), strict=True)]
    rows = np.array(real, bool)
    name = dict(zip(truth.track.tolist(), truth.class_index.tolist(), strict=True))
    joined = LabelledClip(
        np.concatenate([ranked.frame, filled.frame[rows]]),
        np.concatenate([ranked.track, filled.track[rows]]),
        np.concatenate([ranked.class_index, np.array([name[t] for t in filled.track[rows].tolist()], np.int64)]),
        np.concatenate([ranked.corners, filled.corners[rows]]),
        np.concatenate([ranked.confidence, np.full(int(rows.sum()), 0.03, np.float32)]),
    )
    return joined.take(np.argsort(joined.frame, kind="stable"))


def _smooth(labels: LabelledClip, size: Size) -> LabelledClip:
    ranked = labels.take(np.lexsort((labels.frame, labels.track)))
    corners = smooth_edges(
        ranked.frame, ranked.track, ranked.corners, ranked.confidence,
        window=RefinementOptions().smooth_frames, size=size,
    )  # fmt: skip
    smoothed = replace(ranked, corners=corners)
    return smoothed.take(np.argsort(smoothed.frame, kind="stable"))


def _fit(labels: LabelledClip, truth: Truth) -> LabelledClip:
    """The true boxes of what was labelled."""
    place = {key: row for row, key in enumerate(zip(truth.frame.tolist(), truth.track.tolist(), strict=True))}
    rows = [place[key] for key in zip(labels.frame.tolist(), labels.track.tolist(), strict=True)]
    return replace(labels, corners=truth.corners[rows])
