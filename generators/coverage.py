"""How scenarios cover the axes of their recipe: each value, and each pair of values of two axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from schemas.prompts import PromptTemplate
from schemas.recipe import Recipe
from schemas.records import Scenario

MAX_MISSING_LISTED = 1000


@dataclass(frozen=True)
class MissingPair:
    """Two values that no scenario shows together."""

    first_axis: str
    first_value: str
    second_axis: str
    second_value: str

    def __str__(self) -> str:
        return f"{self.first_axis}={self.first_value}, {self.second_axis}={self.second_value}"


@dataclass(frozen=True)
class Coverage:
    """What scenarios show.

    Attributes:
        values: axis -> value -> number of scenarios that show it, in the order of the recipe.
        pairs_covered: pairs of values of two axes that some scenario shows.
        pairs_possible: all such pairs.
        missing_pairs: those that none shows; at most ``MAX_MISSING_LISTED`` of them.
    """

    values: Mapping[str, Mapping[str, int]]
    pairs_covered: int
    pairs_possible: int
    missing_pairs: tuple[MissingPair, ...]


def coverage(recipe: Recipe, scenarios: Sequence[Scenario]) -> Coverage:
    """Count values and pairs. A recipe with a prompt file has its columns for axes, and the values that occur."""
    names = _axes(recipe, scenarios)
    codes = [_encode(scenarios, axis, values) for axis, values in names.items()]
    counts = {
        axis: dict(zip(values, np.bincount(code[code >= 0], minlength=len(values)).tolist(), strict=True))
        for (axis, values), code in zip(names.items(), codes, strict=True)
    }
    covered, possible = 0, 0
    missing: list[MissingPair] = []
    for (first, a), (second, b) in combinations(zip(names.items(), codes, strict=True), 2):
        shown = _pairs_shown(a, b, len(first[1]), len(second[1]))
        covered += int(shown.sum())
        possible += shown.size
        for i, j in np.argwhere(~shown)[: MAX_MISSING_LISTED - len(missing)]:
            missing.append(MissingPair(first[0], first[1][i], second[0], second[1][j]))
    return Coverage(counts, covered, possible, tuple(missing))


def _axes(recipe: Recipe, scenarios: Sequence[Scenario]) -> dict[str, list[str]]:
    if isinstance(recipe.prompts, PromptTemplate):
        return {axis: [value.value for value in values] for axis, values in recipe.prompts.axes.items()}
    found: dict[str, dict[str, None]] = {}
    for scenario in scenarios:
        for axis, value in scenario.attributes.items():
            found.setdefault(axis, {})[value] = None
    return {axis: list(values) for axis, values in found.items()}


def _encode(scenarios: Sequence[Scenario], axis: str, values: Sequence[str]) -> np.ndarray:
    """Index of each scenario's value of ``axis``, int64 (scenarios,); -1 where it has none of ``values``."""
    place = {value: index for index, value in enumerate(values)}
    codes = (place.get(scenario.attributes.get(axis, ""), -1) for scenario in scenarios)
    return np.fromiter(codes, np.int64, len(scenarios))


def _pairs_shown(a: np.ndarray, b: np.ndarray, rows: int, columns: int) -> np.ndarray:
    both = (a >= 0) & (b >= 0)
    shown = np.zeros((rows, columns), bool)
    shown[a[both], b[both]] = True
    return shown
