"""Where a clip shows another scene from one frame to the next: nothing is followed across a cut."""

from collections.abc import Iterable
from itertools import pairwise

import pyarrow.compute as pc

from annotators.frame_scores import FRAME_SCORES_VERSION, score_frames
from schemas.records import ClipRecord
from schemas.tables import FRAME_SCORES
from storage.clips import media_path
from storage.commits import is_committed, read_table
from storage.store import Store

FRAME_SCORE_STAGE = "frame_scores"


def find_cuts(store: Store, clip: ClipRecord) -> list[int]:
    """The frames of ``clip`` that begin another scene, from its frame scores; made here where none are stored.

    Raises:
        MediaError: the clip cannot be decoded.
    """
    if is_committed(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, clip.media_id):
        scores = read_table(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, clip.media_id, FRAME_SCORES)
    else:
        scores = score_frames(media_path(store, clip), clip.frames)
    frames: list[int] = scores.filter(pc.field("cut"))["frame"].to_pylist()
    return frames


def shots_between(cuts: Iterable[int], frames: int) -> list[range]:
    """Frames 0 to ``frames`` in stretches that begin at ``cuts``."""
    edges = sorted({0, frames, *(cut for cut in cuts if 0 < cut < frames)})
    return [range(first, last) for first, last in pairwise(edges)]
