"""Curation: stored labels and scores in, decisions out. A pure function; a new threshold costs no inference."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curators.box_verdicts import judge_boxes
from curators.clip_choice import choose_clips
from curators.clip_verdicts import judge_clips
from curators.splits import assign_splits
from schemas.recipe import Recipe
from schemas.row_order import place_names
from schemas.tables import BOX_DECISIONS, CLIP_DECISIONS, table_from_columns


@dataclass(frozen=True)
class Curated:
    """One decision for each clip and for each box.

    Attributes:
        clips: ``CLIP_DECISIONS``, in the order of the clips that were given.
        boxes: ``BOX_DECISIONS``, in the order of the tracks that were given.
        quota: ``QUOTA_CELLS``: how far each cell of the quota was filled; no rows without a quota.
    """

    clips: pa.Table
    boxes: pa.Table
    quota: pa.Table


def curate(
    clips: pa.Table, tracks: pa.Table, clip_scores: pa.Table, recipe: Recipe, vectors: np.ndarray | None = None
) -> Curated:
    """Decide on every clip and every box.

    For the rules and their order see ``box_verdicts``, and for clips ``clip_verdicts`` and then ``clip_choice``.

    Args:
        clips: ``CLIPS``.
        tracks: ``TRACKS`` with ``clip_id`` in front.
        clip_scores: ``CLIP_SCORES``, one row a clip.
        recipe: classes, thresholds, splits and seed.
        vectors: (clips, D) float32 of length 1, what each clip looks like; needed to find near-duplicates.

    Raises:
        ValueError: a box lies in no known clip, or a clip has no scores; or vectors are needed and not given.
    """
    verdicts = judge_boxes(tracks, _sequence_of_rows(clips, tracks), recipe)
    rulings = judge_clips(clips, clip_scores, recipe)
    repeats, quota = choose_clips(rulings, clips, tracks, verdicts["verdict"], clip_scores, recipe, vectors)
    return Curated(
        clips=table_from_columns(
            CLIP_DECISIONS,
            {
                "clip_id": clips["clip_id"],
                **rulings.columns(),
                "duplicate_of": repeats,
                "split": assign_splits(clips, recipe.split, recipe.seed),
            },
        ),
        boxes=table_from_columns(
            BOX_DECISIONS,
            {
                **{name: tracks[name] for name in ("clip_id", "frame", "track")},
                **verdicts,
            },
        ),
        quota=quota,
    )


def _sequence_of_rows(clips: pa.Table, tracks: pa.Table) -> np.ndarray:
    at = place_names(tracks["clip_id"], clips["clip_id"].combine_chunks())
    if (at < 0).any():
        raise ValueError(f"clip {tracks['clip_id'][int((at < 0).argmax())]} has boxes but is not among the clips")
    codes = clips["sequence"].combine_chunks().dictionary_encode().indices.to_numpy()
    return codes[at] if len(tracks) else np.empty(0, np.int64)
