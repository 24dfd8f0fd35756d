"""Rules on clips that compare them with each other: near-duplicates go, and a quota takes the best that fill it."""

import numpy as np
import pyarrow as pa

from curators.cells import count_objects, find_conditions, list_things
from curators.near_duplicates import Duplicates, find_near_duplicates, keep_coverage
from curators.rulings import Rulings
from curators.selection import rank_clips, select_clips
from schemas.recipe import Recipe
from schemas.tables import QUOTA_CELLS, REJECTED


def choose_clips(
    rulings: Rulings,
    clips: pa.Table,
    tracks: pa.Table,
    verdicts: pa.Array,
    clip_scores: pa.Table,
    recipe: Recipe,
    vectors: np.ndarray | None,
) -> tuple[pa.Array, pa.Table]:
    """Rule on clips that nothing speaks against by themselves, in two rules:

    1. ``near_duplicate``: a better clip that stays is at least as similar as the threshold, and shows all that this
       one shows. Value: the similarity.
    2. ``quota``: the cells are full without it, or it holds no object of any cell. Value: the clip's rank among those
       that could be chosen, from 1.

    Args:
        rulings: on ``clips``; rules are added to them.
        clips: ``CLIPS``.
        tracks: ``TRACKS`` with ``clip_id`` in front.
        verdicts: on each row of ``tracks``.
        clip_scores: ``CLIP_SCORES``, one row a clip.
        recipe: its options of curation.
        vectors: (clips, D) float32 of length 1, what each clip looks like; needed for near-duplicates only.

    Returns:
        For each clip the id of the clip that it repeats, or null; and ``QUOTA_CELLS``, no rows without a quota.

    Raises:
        ValueError: near-duplicates are to be found and there are no vectors.
    """
    options = recipe.curation
    repeats, cells = pa.nulls(len(clips), pa.string()), QUOTA_CELLS.empty_table()
    looks_alike = options.near_duplicates.clips if options.near_duplicates else None
    if looks_alike is None and options.quota is None:
        return repeats, cells
    ranks = rank_clips(clips, clip_scores, tracks, verdicts)
    holdings = count_objects(clips, tracks, verdicts, recipe)
    if looks_alike is not None:
        if vectors is None:
            raise ValueError("near-duplicates need what each clip looks like, and no vectors were given")
        open_ones = rulings.undecided
        found = find_near_duplicates(vectors, ranks, open_ones, threshold=looks_alike)
        owner, thing = list_things(holdings, clips, recipe)
        counted = open_ones[owner]
        found = keep_coverage(found, ranks, owner[counted], thing[counted])
        rulings.rule("near_duplicate", REJECTED, found.of >= 0, found.similarity, looks_alike)
        repeats = _ids_of_originals(clips, found)
    if options.quota is not None:
        candidates = rulings.undecided
        conditions = find_conditions(clips, options.quota.per, recipe)
        selection = select_clips(holdings, conditions, ranks, candidates, options.quota)
        rulings.rule("quota", REJECTED, ~selection.chosen, _ranks_among(candidates, ranks), np.nan)
        cells = selection.cells
    return repeats, cells


def _ids_of_originals(clips: pa.Table, found: Duplicates) -> pa.Array:
    return clips["clip_id"].combine_chunks().take(pa.array(found.of, mask=found.of < 0))


def _ranks_among(candidates: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """From 1, (clips,); without meaning for others than ``candidates``."""
    among = np.empty(len(ranks), np.int64)
    order = np.argsort(np.where(candidates, ranks, len(ranks)), kind="stable")
    among[order] = np.arange(1, len(ranks) + 1)
    return among
