"""Combinations of axis values: counted, listed, and drawn in an order that survives changes of the axes.

A combination's place in the order depends on its own values and their weights alone. So a new axis value puts new
combinations between the old ones and moves none of these; what leaves a plan of fixed length leaves to make room.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.identity import stable_seed
from schemas.prompts import AxisValue

MAX_LISTED = 4_000_000
"""Up to so many combinations are ranked one by one; of more, samples are drawn."""

_DRAWS = 8192
_FLATTEN_AFTER = 8


@dataclass(frozen=True)
class Grid:
    """The axes of a template as numbers. A combination is a row of value indexes, one for each axis.

    Attributes:
        names: axis names.
        hashes: for each axis, one uint64 a value, from the seed and the names of axis and value alone.
        weights: for each axis, one positive float64 a value.
    """

    names: tuple[str, ...]
    hashes: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, axes: Mapping[str, Sequence[AxisValue]], seed: int) -> "Grid":
        """The grid of ``axes``; ``seed`` is the recipe's."""
        return cls(
            tuple(axes),
            tuple(
                np.array([stable_seed(seed, name, value.value) for value in values], dtype=np.uint64)
                for name, values in axes.items()
            ),
            tuple(np.array([value.weight for value in values]) for values in axes.values()),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(values) for values in self.hashes)

    @property
    def combinations(self) -> int:
        """How many combinations there are."""
        return math.prod(self.sizes)


def all_combinations(grid: Grid) -> np.ndarray:
    """Every combination, int32 (combinations, axes), in the order of the axes and their values."""
    return _listed(np.arange(grid.combinations), grid.sizes)


def first_combinations(grid: Grid, count: int, *, weighted: bool, without: np.ndarray | None = None) -> np.ndarray:
    """The first ``count`` combinations of the order, int32 (count, axes), all different.

    Weighted, it is a draw without replacement in which a combination's chance is the product of its values' weights
    (Efraimidis and Spirakis, 2006: each waits an exponential time of that rate, the earliest come first). A longer
    list begins with the shorter one.

    Args:
        grid: the axes.
        count: how many; at most as many as there are besides ``without``.
        weighted: whether weights count, else all combinations are alike.
        without: combinations to leave out, (n, axes).

    Raises:
        ValueError: there are fewer than ``count``.
    """
    left_out = np.empty((0, len(grid.sizes)), np.int32) if without is None else without
    if count + len(left_out) > grid.combinations:
        raise ValueError(f"{count} combinations wanted of {grid.combinations - len(left_out)}")
    if grid.combinations <= MAX_LISTED:
        order = np.argsort(_waiting_times(grid, weighted), kind="stable")[: count + len(left_out)]
        taken = np.ravel_multi_index(tuple(left_out.T), grid.sizes) if len(left_out) else np.empty(0, np.int64)
        return _listed(order[~np.isin(order, taken)][:count], grid.sizes)
    return _draw_distinct(grid, count, weighted, left_out)


def draw_combinations(grid: Grid, weights: Sequence[np.ndarray], first: int, count: int) -> np.ndarray:
    """Draws ``first`` to ``first + count`` of an endless series, int32 (count, axes); values may repeat.

    In every draw the values of an axis race, each at the rate of its weight. A new value changes only those draws in
    which it wins, whatever its place in the axis.
    """
    steps = mix(np.arange(first + 1, first + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    columns = [
        np.argmin(
            np.stack([_exponential(mix(steps ^ value)) / rate for value, rate in zip(hashes, rates, strict=True)]), 0
        )
        for hashes, rates in zip(grid.hashes, weights, strict=True)
    ]
    return np.stack(columns, axis=1).astype(np.int32)


def mix(bits: np.ndarray) -> np.ndarray:
    """Spread uint64 numbers evenly over their range (the finaliser of SplitMix64: Steele, Lea and Flood, 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = bits ^ (bits >> np.uint64(31))
    return mixed


def _waiting_times(grid: Grid, weighted: bool) -> np.ndarray:
    """One float64 for each combination, listed by code: the logarithm of the time for which it waits."""
    hashes, rates = np.zeros(1, np.uint64), np.zeros(1)
    for values, weights in zip(grid.hashes, grid.weights, strict=True):
        hashes = (hashes[:, None] + values).reshape(-1)
        rates = (rates[:, None] + (np.log(weights) if weighted else np.zeros(len(weights)))).reshape(-1)
    times: np.ndarray = np.log(_exponential(mix(hashes))) - rates
    return times


def _draw_distinct(grid: Grid, count: int, weighted: bool, without: np.ndarray) -> np.ndarray:
    """Steep weights can put rare combinations out of reach; after many draws all values are made alike."""
    flat = [np.ones(size) for size in grid.sizes]
    taken = {row.tobytes() for row in without.astype(np.int32)}
    found: list[np.ndarray] = []
    start = 0
    while len(found) < count:
        steep = weighted and start < _FLATTEN_AFTER * count + _DRAWS
        for row in draw_combinations(grid, grid.weights if steep else flat, start, _DRAWS):
            key = row.tobytes()
            if key not in taken:
                taken.add(key)
                found.append(row)
        start += _DRAWS
    return np.stack(found[:count]) if count else np.empty((0, len(grid.sizes)), np.int32)


def _exponential(bits: np.ndarray) -> np.ndarray:
    """Exponentially distributed float64 numbers above 0 from uniform uint64 ones."""
    return -np.log(((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)


def _listed(places: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The combinations at ``places`` of the list of all."""
    return np.stack(np.unravel_index(places, sizes), axis=1).astype(np.int32)
