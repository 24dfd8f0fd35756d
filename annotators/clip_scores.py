"""A clip's scores: its frames summed up, and whether its labels show what its scenario promised."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import tables
from schemas.records import ClipRecord

CLIP_SCORES_VERSION = "2"

MIN_CONFIDENCE = 0.25
"""Tracks below it are no evidence for or against a promise."""

MIN_SHARE = 0.1
"""A track counts when it lasts at least this share of the clip, and at least ``MIN_FRAMES``: shorter ones are mostly
pieces of others."""

MIN_FRAMES = 3


@dataclass(frozen=True)
class Agreement:
    """How far labels keep a scenario's promise.

    Attributes:
        share: of the promised objects, those that were shown, 0 to 1: recall over counts.
        surplus: objects of promised classes beyond the promise.
    """

    share: float
    surplus: int


def score_clip(record: ClipRecord, frame_scores: pa.Table, tracks: pa.Table) -> pa.Table:
    """One row of ``CLIP_SCORES``.

    Args:
        record: the clip.
        frame_scores: its ``FRAME_SCORES``.
        tracks: its ``TRACKS``.
    """
    agreement = compare_with_promise(record.scenario.objects, tracks, record.frames)
    later = frame_scores.slice(1)
    black, frozen = _mean(frame_scores["black"]), _mean(later["repeated"])
    return tables.table_from_columns(
        tables.CLIP_SCORES,
        {
            "clip_id": [record.clip_id],
            "brightness": [_mean(frame_scores["brightness"])],
            "sharpness": [_median(frame_scores["sharpness"])],
            "motion": [_median(later["change"])],
            "black_share": [black],
            "frozen_share": [frozen],
            "boxes": [tracks.num_rows],
            "tracks": [pc.count_distinct(tracks["track"]).as_py()],
            "agreement": pa.array([agreement.share if agreement else None], pa.float32()),
            "surplus": pa.array([agreement.surplus if agreement else None], pa.int32()),
            "quality": [(1 - black) * (1 - frozen) * (agreement.share if agreement else 1)],
        },
    )


def compare_with_promise(promised: Mapping[str, int], tracks: pa.Table, frames: int) -> Agreement | None:
    """Hold the counts of ``promised`` against a clip's ``TRACKS``; None where nothing was promised.

    Both figures err on the side of the labels. An object was shown when a track of its class lasts; a promise of two
    may be kept one after the other. There are too many only where more are in the picture at once than promised, for as
    long as a track must last: one object in two pieces is not two.
    """
    if not promised:
        return None
    lasting = max(MIN_FRAMES, int(np.ceil(MIN_SHARE * frames)))
    believed = tracks.filter(pc.greater_equal(tracks["confidence"], MIN_CONFIDENCE))
    names = believed["class_name"].cast(pa.string())
    shown = surplus = 0
    for name, count in promised.items():
        of_class = believed.filter(pc.equal(names, name))
        boxes = of_class.group_by("track").aggregate([("frame", "count")])["frame_count"].to_numpy()
        shown += min(count, int(np.sum(boxes >= min(lasting, frames))))
        surplus += max(0, _most_at_once(of_class, min(lasting, frames)) - count)
    return Agreement(shown / sum(promised.values()), surplus)


def _most_at_once(tracks: pa.Table, frames: int) -> int:
    """The largest number of tracks that are in the picture together in at least ``frames`` frames."""
    grouped = tracks.group_by("frame").aggregate([("track", "count_distinct")])
    counts = np.sort(grouped["track_count_distinct"].to_numpy())
    return int(counts[-frames]) if len(counts) >= frames else 0


def _mean(column: pa.ChunkedArray) -> float:
    values = column.to_numpy()
    return float(values.mean()) if len(values) else 0.0


def _median(column: pa.ChunkedArray) -> float:
    values = column.to_numpy()
    return float(np.median(values)) if len(values) else 0.0
