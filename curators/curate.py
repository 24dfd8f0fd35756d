"""Curation: stored labels and scores in, decisions out. A pure function; a new threshold costs no inference."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curators.box_verdicts import judge_boxes
from curators.clip_verdicts import judge_clips
from curators.splits import assign_splits
from schemas.recipe import Recipe
from schemas.tables import BOX_DECISIONS, CLIP_DECISIONS, table_from_columns


@dataclass(frozen=True)
class Curated:
    """One decision for each clip and for each box.

    Attributes:
        clips: ``CLIP_DECISIONS``, in the order of the clips that were given.
        boxes: ``BOX_DECISIONS``, in the order of the tracks that were given.
    """

    clips: pa.Table
    boxes: pa.Table


def curate(clips: pa.Table, tracks: pa.Table, clip_scores: pa.Table, recipe: Recipe) -> Curated:
    """Decide on every clip and every box; see ``clip_verdicts`` and ``box_verdicts`` for the rules and their order.

    Args:
        clips: ``CLIPS``.
        tracks: ``TRACKS`` with ``clip_id`` in front.
        clip_scores: ``CLIP_SCORES``, one row a clip.
        recipe: classes, thresholds, splits and seed.

    Raises:
        ValueError: a box lies in no known clip, or a clip has no scores.
    """
    return Curated(
        clips=table_from_columns(
            CLIP_DECISIONS,
            {
                "clip_id": clips["clip_id"],
                **judge_clips(clips["clip_id"], clip_scores, recipe.curation),
                "split": assign_splits(clips, recipe.split, recipe.seed),
            },
        ),
        boxes=table_from_columns(
            BOX_DECISIONS,
            {
                **{name: tracks[name] for name in ("clip_id", "frame", "track")},
                **judge_boxes(tracks, _sequence_of_rows(clips, tracks), recipe),
            },
        ),
    )


def _sequence_of_rows(clips: pa.Table, tracks: pa.Table) -> np.ndarray:
    at = pc.index_in(tracks["clip_id"].cast(pa.string()).combine_chunks(), value_set=clips["clip_id"].combine_chunks())
    if at.null_count:
        raise ValueError(f"clip {tracks['clip_id'].filter(at.is_null())[0]} has boxes but is not among the clips")
    codes = clips["sequence"].combine_chunks().dictionary_encode().indices.to_numpy()
    return codes[at.to_numpy()] if len(tracks) else np.empty(0, np.int64)
