"""Selection by rank and quota: the best clips that fill each cell, and what is still missing."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curators.cells import Conditions, Holdings
from curators.rulings import to_floats
from schemas.curation_options import QuotaOptions
from schemas.tables import ACCEPT, QUOTA_CELLS, table_from_columns


@dataclass(frozen=True)
class Selection:
    """Which clips a quota takes.

    Attributes:
        chosen: bool (clips,).
        cells: ``QUOTA_CELLS``, one row for each condition and class, in the order of the recipe.
    """

    chosen: np.ndarray
    cells: pa.Table


def rank_clips(clips: pa.Table, clip_scores: pa.Table, tracks: pa.Table, verdicts: pa.Array) -> np.ndarray:
    """The rank of each of ``clips``, int64 from 0, the best: by quality, agreement, confidence, then clip id.

    Quality and agreement are those of ``CLIP_SCORES``, a clip without a promise counting as one that kept it;
    confidence is the mean over the clip's labels. Ranks do not depend on the order of any table.

    Args:
        clips: ``CLIPS``.
        clip_scores: ``CLIP_SCORES``, one row for each of them.
        tracks: ``TRACKS`` with ``clip_id`` in front, sorted or not.
        verdicts: on each row of ``tracks``.
    """
    ids = clips["clip_id"].combine_chunks()
    at = pc.index_in(ids, value_set=clip_scores["clip_id"].combine_chunks())
    quality = np.nan_to_num(to_floats(clip_scores["quality"].take(at)), nan=0.0)
    agreement = np.nan_to_num(to_floats(clip_scores["agreement"].take(at)), nan=1.0)
    by_id = np.empty(len(ids), np.int64)
    by_id[pc.sort_indices(ids).to_numpy()] = np.arange(len(ids))
    order = np.lexsort((by_id, -_mean_confidence(ids, tracks, verdicts), -agreement, -quality))
    ranks = np.empty(len(ids), np.int64)
    ranks[order] = np.arange(len(ids))
    return ranks


def select_clips(
    holdings: Holdings, conditions: Conditions, ranks: np.ndarray, candidates: np.ndarray, options: QuotaOptions
) -> Selection:
    """Choose the best clips that fill the cells, a class under a condition each.

    Clips are taken by rank as long as they hold an object for a cell that is not full. Those that later ones made
    superfluous are then given back, the worst first. So a clip that is left out is never better than a chosen one
    which holds no more in any cell, no chosen clip can be spared, and a cell that is short has all there is.

    Args:
        holdings: labelled objects of each clip.
        conditions: of each clip.
        ranks: of each clip, see :func:`rank_clips`.
        candidates: bool (clips,): those that may be chosen.
        options: the quota.
    """
    classes = len(holdings.class_names)
    in_a_cell = candidates[holdings.clip] & (conditions.of_clip[holdings.clip] >= 0)
    clip, objects = holdings.clip[in_a_cell], holdings.objects[in_a_cell]
    cell = conditions.of_clip[clip] * classes + holdings.class_index[in_a_cell]
    available = np.bincount(cell, weights=objects, minlength=len(conditions.values) * classes).astype(np.int64)

    chosen = np.zeros(len(ranks), dtype=bool)
    kept = np.zeros(len(available), np.int64)
    starts = np.searchsorted(clip, np.arange(len(ranks) + 1))
    in_order = np.unique(clip)
    in_order = in_order[np.argsort(ranks[in_order])].tolist()
    for one in in_order:
        here = slice(starts[one], starts[one + 1])
        if (kept[cell[here]] < options.per_class).any():
            chosen[one] = True
            kept[cell[here]] += objects[here]
    for one in reversed(in_order):
        here = slice(starts[one], starts[one + 1])
        if chosen[one] and (kept[cell[here]] - objects[here] >= options.per_class).all():
            chosen[one] = False
            kept[cell[here]] -= objects[here]
    return Selection(chosen, _describe_cells(holdings.class_names, conditions, available, kept, options.per_class))


def _describe_cells(
    class_names: tuple[str, ...], conditions: Conditions, available: np.ndarray, kept: np.ndarray, wanted: int
) -> pa.Table:
    attributes = [list(zip(conditions.axes, row, strict=True)) for row in conditions.values for _ in class_names]
    return table_from_columns(
        QUOTA_CELLS,
        {
            "class_name": pa.array([*class_names] * len(conditions.values), pa.string()),
            "attributes": pa.array(attributes, QUOTA_CELLS.field("attributes").type),
            "wanted": np.full(len(kept), wanted, np.int64),
            "available": available,
            "kept": kept,
            "missing": np.maximum(wanted - kept, 0),
        },
    )


def _mean_confidence(ids: pa.Array, tracks: pa.Table, verdicts: pa.Array) -> np.ndarray:
    """Mean confidence of each clip's labels, float64 (clips,); 0 without one.

    Summed in millionths, whole numbers, so that the order of the labels cannot change the last bit and so the rank.
    """
    labelled = pc.equal(verdicts.cast(pa.string()), ACCEPT)
    place = pc.index_in(tracks["clip_id"].cast(pa.string()).combine_chunks().filter(labelled), value_set=ids).to_numpy()
    millionths = np.rint(to_floats(tracks["confidence"].filter(labelled)).astype(np.float64) * 1e6)
    total = np.bincount(place, weights=millionths, minlength=len(ids))
    mean: np.ndarray = total / np.maximum(np.bincount(place, minlength=len(ids)), 1)
    return mean
