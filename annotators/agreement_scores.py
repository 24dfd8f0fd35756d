"""Prompt-label agreement: what a scenario promised against what a clip's tracks show, over the whole clip."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MIN_CONFIDENCE = 0.25
"""Tracks below it are no evidence for or against a promise."""

SURPLUS_CONFIDENCE = 0.5
"""Tracks below it are not held against a clip as surplus: to accuse takes more than to acquit."""

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
        shown_by_class: promised class -> promised objects that were shown.
        surplus_by_class: class -> objects beyond the promise, classes that nobody promised among them; no zeros.
    """

    share: float
    surplus: int
    shown_by_class: Mapping[str, int]
    surplus_by_class: Mapping[str, int]


def compare_with_promise(
    promised: Mapping[str, int], tracks: pa.Table, evidence: NDArray[np.bool_]
) -> Agreement | None:
    """Hold the counts of ``promised`` against a clip's ``TRACKS``; None where nothing was promised.

    Both figures err on the side of the labels. An object was shown when a track of its class lasts; a promise of two
    may be kept one after the other. There are too many only where more are in the picture at once than promised, for as
    long as a track must last: one object in two pieces is not two.

    Args:
        promised: class -> count.
        tracks: of the clip.
        evidence: bool (frames,), the frames that count. A frame that is black or repeats the one before proves nothing:
            a video in which nothing happens keeps no promise, though a detector sees its objects in every frame.
    """
    if not promised:
        return None
    frames = len(evidence)
    lasting = min(max(MIN_FRAMES, int(np.ceil(MIN_SHARE * frames))), frames)
    believed = tracks.filter(pc.greater_equal(tracks["confidence"], MIN_CONFIDENCE))
    believed = believed.filter(evidence[believed["frame"].to_numpy()])
    names = believed["class_name"].cast(pa.string())
    shown, surplus = {}, {}
    for name in sorted({*promised, *pc.unique(names).to_pylist()}):
        of_class, count = believed.filter(pc.equal(names, name)), promised.get(name, 0)
        if name in promised:
            shown[name] = min(count, _lasting_tracks(of_class, lasting))
        sure = of_class.filter(pc.greater_equal(of_class["confidence"], SURPLUS_CONFIDENCE))
        beyond = max(0, _most_at_once(sure, lasting) - count)
        if beyond:
            surplus[name] = beyond
    kept = sum(shown.values()) / sum(promised.values())
    return Agreement(kept, sum(surplus.get(name, 0) for name in promised), shown, surplus)


def _lasting_tracks(tracks: pa.Table, frames: int) -> int:
    """The number of tracks with boxes in at least ``frames`` frames."""
    boxes = tracks.group_by("track").aggregate([("frame", "count")])["frame_count"].to_numpy()
    return int(np.sum(boxes >= frames))


def _most_at_once(tracks: pa.Table, frames: int) -> int:
    """The largest number of tracks that are in the picture together in at least ``frames`` frames."""
    grouped = tracks.group_by("frame").aggregate([("track", "count_distinct")])
    counts = np.sort(grouped["track_count_distinct"].to_numpy())
    return int(counts[-frames]) if len(counts) >= frames else 0
