"""Which combinations of axis values become scenarios: all, a weighted draw, or every pair at least once."""

import numpy as np

from generators.combinations import Grid, all_combinations, first_combinations
from generators.covering_array import compact_covering_array, covering_array_within, steady_covering_array
from schemas.errors import RecipeError
from schemas.prompts import PromptTemplate

MAX_SCENARIOS = 1_000_000


def choose_combinations(template: PromptTemplate, seed: int) -> np.ndarray:
    """The combinations that ``template`` asks for, as value indexes, int32 (scenarios, axes), all different.

    - ``full``: every combination, or the first ``variations`` in an order by hash;
    - ``random``: ``variations`` combinations, drawn by weight;
    - ``pairwise``: a covering array; ``variations`` above its size add a weighted draw, below it they cost steadiness.

    With ``full`` and ``random`` a larger ``variations`` only adds, and a new value pushes out no more combinations
    than it brings. (Beyond ``combinations.MAX_LISTED`` combinations, which are sampled, a few more may change.)

    Raises:
        RecipeError: ``variations`` is more than there are, or too few for every pair; or there are more than
            ``MAX_SCENARIOS``. The number that is possible or needed is named.
    """
    if not template.axes:
        _refuse_more_than(1, template)
        return np.zeros((1, 0), np.int32)
    grid = Grid.of(template.axes, seed)
    _refuse_more_than(grid.combinations, template)
    wanted = template.variations
    match template.strategy:
        case "full" if wanted is None:
            _refuse_too_many(grid.combinations)
            return all_combinations(grid)
        case "pairwise":
            return _pairwise(grid, wanted)
        case strategy:
            count = wanted or grid.combinations
            _refuse_too_many(count)
            return first_combinations(grid, count, weighted=strategy == "random")


def _pairwise(grid: Grid, wanted: int | None) -> np.ndarray:
    if wanted is None:
        return steady_covering_array(grid)
    _refuse_too_many(wanted)
    array = covering_array_within(grid, wanted)
    if array is None:
        needed = len(compact_covering_array(grid))
        raise RecipeError(
            f"prompts.variations: {wanted} scenarios cannot hold every pair of axis values; {needed} can.",
            f"Set variations to {needed} or more, leave it out, or use strategy `random`.",
        )
    return np.concatenate([array, first_combinations(grid, wanted - len(array), weighted=True, without=array)])


def _refuse_more_than(available: int, template: PromptTemplate) -> None:
    if template.variations is not None and template.variations > available:
        raise RecipeError(
            f"prompts.variations: {template.variations:,} different scenarios wanted, {available:,} exist.",
            f"Set variations to at most {available:,}, add axis values, or use `repeats`.",
        )


def _refuse_too_many(count: int) -> None:
    if count > MAX_SCENARIOS:
        raise RecipeError(
            f"prompts: {count:,} scenarios; at most {MAX_SCENARIOS:,} are planned at once.",
            "Set variations, or use strategy `pairwise`.",
        )
