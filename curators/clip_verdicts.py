"""Verdicts on whole clips: broken ones are refused, the rest is ranked and left to the boxes."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curators.rulings import Rulings, to_floats
from schemas.recipe import Recipe
from schemas.tables import ACCEPTED, REJECTED

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Gate:
    """A limit on one score.

    Attributes:
        rule: its name in the decisions.
        score: a column of ``CLIP_SCORES``; or ``surplus_of_recipe``, the surplus of the recipe's classes, of those that
            the scenario did not promise too.
        option: the limit, in ``CurationOptions``; null there leaves the gate open.
        at_most: whether values above the limit are refused, else those below.
        may_be_unknown: whether a clip without a value passes; where every clip has one, no number is a fault.
        rendered_only: whether footage passes whatever its value.
    """

    rule: str
    score: str
    option: str
    at_most: bool = True
    may_be_unknown: bool = False
    rendered_only: bool = False


GATES = (
    Gate("black", "black_share", "max_black"),
    Gate("frozen", "frozen_share", "max_frozen"),
    Gate("contrast", "contrast", "min_contrast", at_most=False),
    Gate("clipped", "clipped", "max_clipped"),
    Gate("blur", "blur", "max_blur"),
    Gate("flicker", "flicker", "max_flicker"),
    Gate("cuts", "cuts", "max_cuts", rendered_only=True),
    Gate("motion", "moving_share", "min_moving", at_most=False),
    Gate("drift", "drift", "max_drift", may_be_unknown=True),
    Gate("box_flicker", "box_flicker", "max_box_flicker", may_be_unknown=True),
    Gate("class_flicker", "class_flicker", "max_class_flicker", may_be_unknown=True),
    Gate("agreement", "agreement", "min_agreement", at_most=False, may_be_unknown=True),
    Gate("surplus", "surplus_of_recipe", "max_surplus", may_be_unknown=True),
)
"""Every gate that a clip passes, in order; the first that refuses it is the rule of its decision."""


def judge_clips(clips: pa.Table, scores: pa.Table, recipe: Recipe) -> Rulings:
    """Rulings on each clip, by what it is alone; see :mod:`curators.clip_choice` for those that compare clips.

    The rules are ``GATES``, the first that applies decides. A score that is not a number is beyond every limit: it
    comes from pixels that are none. A score that is null, as agreement is without a promise, is within it.

    Args:
        clips: ``CLIPS``.
        scores: ``CLIP_SCORES``, one row for each of them, in any order.
        recipe: its classes and limits.

    Raises:
        ValueError: a clip has no scores.
    """
    clip_ids = clips["clip_id"].combine_chunks()
    at = pc.index_in(clip_ids, value_set=scores["clip_id"].combine_chunks())
    if at.null_count:
        raise ValueError(f"clip {clip_ids.filter(at.is_null())[0]} has no scores")
    scores = scores.take(at)
    rendered = clips["synthetic"].to_numpy()
    rulings = Rulings(len(clips), ACCEPTED)
    for gate in GATES:
        limit = getattr(recipe.curation, gate.option)
        if limit is None:
            continue
        values, known = _values_of(gate.score, scores, recipe)
        kept = values <= limit if gate.at_most else values >= limit
        refused = ~kept & (known if gate.may_be_unknown else True)
        rulings.rule(gate.rule, REJECTED, refused & (rendered | (not gate.rendered_only)), values, limit)
    return rulings


def _values_of(score: str, scores: pa.Table, recipe: Recipe) -> tuple[Values, NDArray[np.bool_]]:
    """Values of a score, float32, and which of them are not null."""
    if score == "surplus_of_recipe":
        return _surplus_of_recipe(scores["surplus_by_class"], recipe)
    return to_floats(scores[score]), scores[score].is_valid().to_numpy()


def _surplus_of_recipe(surplus: pa.ChunkedArray, recipe: Recipe) -> tuple[Values, NDArray[np.bool_]]:
    totals = [
        np.nan if counts is None else sum(count for name, count in counts if recipe.published_class(name) is not None)
        for counts in surplus.to_pylist()
    ]
    return np.array(totals, np.float32), surplus.is_valid().to_numpy()
