"""Verdicts on whole clips: broken ones are refused, the rest is left to the boxes."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curators.rulings import Rulings, to_floats
from schemas.curation_options import CurationOptions
from schemas.tables import ACCEPTED, REJECTED


def judge_clips(clip_ids: pa.ChunkedArray, scores: pa.Table, options: CurationOptions) -> Rulings:
    """Rulings on each clip, by what it is alone; see :mod:`curators.clip_choice` for those that compare clips.

    Rules, the first that applies decides: ``black`` (share of black frames), ``frozen`` (share of frames that repeat
    the one before), ``agreement`` (share of the promised objects that the tracks show; without a promise, a clip
    passes). A share that is not a number is beyond every limit: it comes from pixels that are none.

    Args:
        clip_ids: of the clips to judge.
        scores: ``CLIP_SCORES``, one row for each of them, in any order.
        options: thresholds.

    Raises:
        ValueError: a clip has no scores.
    """
    at = pc.index_in(clip_ids.combine_chunks(), value_set=scores["clip_id"].combine_chunks())
    if at.null_count:
        raise ValueError(f"clip {clip_ids.filter(at.is_null())[0]} has no scores")
    black, frozen, agreement = (
        to_floats(scores[name].take(at)) for name in ("black_share", "frozen_share", "agreement")
    )
    rulings = Rulings(len(clip_ids), ACCEPTED)
    rulings.rule("black", REJECTED, ~(black <= options.max_black), black, options.max_black)
    rulings.rule("frozen", REJECTED, ~(frozen <= options.max_frozen), frozen, options.max_frozen)
    disagrees = np.nan_to_num(agreement, nan=1.0) < options.min_agreement
    rulings.rule("agreement", REJECTED, disagrees, agreement, options.min_agreement)
    return rulings
