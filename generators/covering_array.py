"""Covering arrays of strength two: few combinations in which every pair of axis values occurs, and which stay.

The smallest arrays (allpairspy's are near them) are rebuilt from the ground when a value is added: about half of their
rows were kept. Nor can any small array keep them all: some value of an axis is in at least 1/n of the rows, so the
array without it must be that much smaller, and the array without that one's most used value again. Steadiness costs
rows. The compromise made here, measured over random axes of 2 to 8 values (2 to 6 from five axes on), one value added
anywhere but in front:

    axes   rows, times allpairspy's   mean share kept   additions that keep at least 90 %
    3      1.3                        0.99              97 %
    4      1.8                        0.98              99 %
    5      2.4                        0.96              99 %
    6      2.9                        0.96              99 %
    8      3.8                        0.95              99 %

Who would rather have few rows names their number: see :func:`covering_array_within`.

How: an endless series of combinations, each a function of its number and of the values' names alone, is taken one by
one; those that show a new pair are kept, and those that later ones made superfluous are dropped. The first value of
each axis is drawn much oftener than its sisters. It fills the places where nothing else is needed, so that a new
sister takes few places from others. A new first value, therefore, changes most of the array.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from allpairspy import AllPairs

from generators.combinations import Grid, all_combinations, draw_combinations, mix

FIRST_VALUE_WEIGHT = 24.0
"""How often the first value of an axis is drawn, relative to each other one. More of it: steadier, larger arrays. It
must not depend on how many values there are."""

_FEW_AXES = 4
_DRAWS = 8192
_MAX_DRAWS = 16 * _DRAWS


def steady_covering_array(grid: Grid) -> np.ndarray:
    """Combinations, int32 (rows, axes), among which every pair of values of two axes occurs; see the module's text.

    The rows come in the order of the pairs that they add: many in the first, few in the last.
    """
    if len(grid.sizes) <= 2:
        return all_combinations(grid)
    pairs = _Pairs(grid.sizes)
    rows = _rows_with_new_pairs(grid, pairs)
    # With few axes dropping rows would save little and unsettle the rest; with many, resting values saves nothing.
    return _rest_spare_values(rows, pairs) if len(grid.sizes) <= _FEW_AXES else _without_superfluous(rows, pairs)


def compact_covering_array(grid: Grid, begin: np.ndarray | None = None) -> np.ndarray:
    """About the smallest array, int32 (rows, axes), by allpairspy; ``begin`` are rows that it must start with."""
    start = np.empty((0, len(grid.sizes)), np.int32) if begin is None else begin
    if len(grid.sizes) <= 2:
        return all_combinations(grid)
    tested = [list(map(int, row)) for row in start]
    added = [list(row) for row in AllPairs([list(range(size)) for size in grid.sizes], previously_tested=tested)]
    return np.concatenate([start, np.array(added, np.int32).reshape(-1, len(grid.sizes))])


def covering_array_within(grid: Grid, most: int) -> np.ndarray | None:
    """The steadiest covering array of at most ``most`` rows: the steady one, or its beginning completed by allpairspy.

    None when even the compact array is larger.
    """
    steady = steady_covering_array(grid)
    if len(steady) <= most:
        return steady
    found = None
    low, high = 0, min(len(steady), most)
    while low <= high:  # the longest beginning that leaves room for the rest
        middle = (low + high) // 2
        candidate = compact_covering_array(grid, steady[:middle])
        if len(candidate) <= most:
            found, low = candidate, middle + 1
        else:
            high = middle - 1
    return found


class _Pairs:
    """Numbers for pairs of values of two axes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._span = int(sum(sizes))
        self._first, self._second = (np.array(side) for side in zip(*combinations(range(len(sizes)), 2), strict=True))
        self.slots = self._span**2
        self.possible = sum(sizes[a] * sizes[b] for a, b in combinations(range(len(sizes)), 2))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The pairs that each of ``rows`` (n, axes) shows, int64 (n, axes * (axes - 1) / 2)."""
        values = rows + self._offsets
        numbers: np.ndarray = values[:, self._first] * self._span + values[:, self._second]
        return numbers

    def with_value(self, row: np.ndarray, axis: int, value: int) -> np.ndarray:
        """The pairs in which ``axis`` takes part when ``row`` (axes,) has ``value`` there."""
        changed = row.copy()
        changed[axis] = value
        numbers: np.ndarray = self.of(changed[None])[0][(self._first == axis) | (self._second == axis)]
        return numbers

    def rows_for(self, missing: np.ndarray) -> np.ndarray:
        """For each pair, by number, the combination of its two values and of first values elsewhere."""
        rows = np.zeros((len(missing), len(self._offsets)), np.int32)
        for side in (missing // self._span, missing % self._span):
            axis = np.searchsorted(self._offsets, side, side="right") - 1
            rows[np.arange(len(missing)), axis] = side - self._offsets[axis]
        return rows


def _rows_with_new_pairs(grid: Grid, pairs: _Pairs) -> np.ndarray:
    weights = [np.where(np.arange(size) == 0, FIRST_VALUE_WEIGHT, 1.0) for size in grid.sizes]
    covered = np.zeros(pairs.slots, bool)
    kept: list[np.ndarray] = []
    for start in range(0, _MAX_DRAWS, _DRAWS):
        kept += _take_new(draw_combinations(grid, weights, start, _DRAWS), pairs, covered)
        if covered.sum() == pairs.possible:
            break
    else:
        kept += _take_new(_rows_of_missing_pairs(grid, pairs, covered), pairs, covered)
    return np.stack(kept)


def _take_new(rows: np.ndarray, pairs: _Pairs, covered: np.ndarray) -> list[np.ndarray]:
    """Those of ``rows`` that show a pair not yet ``covered``, one after the other; marks their pairs."""
    shown = pairs.of(rows)
    taken = []
    for place in np.flatnonzero(~covered[shown].all(axis=1)):
        if not covered[shown[place]].all():
            covered[shown[place]] = True
            taken.append(rows[place])
    return taken


def _rows_of_missing_pairs(grid: Grid, pairs: _Pairs, covered: np.ndarray) -> np.ndarray:
    """One row for each pair that the series did not reach, in an order that new values do not change."""
    every = [
        pairs.rows_for(_numbers(grid.sizes, first, second)) for first, second in combinations(range(len(grid.sizes)), 2)
    ]
    rows = np.concatenate(every)
    rows = np.unique(rows[~covered[pairs.of(rows)].all(axis=1)], axis=0)
    ranks = np.zeros(len(rows), np.uint64)
    for column, hashes in enumerate(grid.hashes):
        ranks += hashes[rows[:, column]]
    return rows[np.argsort(mix(ranks), kind="stable")]


def _numbers(sizes: Sequence[int], first: int, second: int) -> np.ndarray:
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    left, right = np.arange(offsets[first], offsets[first + 1]), np.arange(offsets[second], offsets[second + 1])
    return (left[:, None] * int(offsets[-1]) + right).reshape(-1)


def _without_superfluous(rows: np.ndarray, pairs: _Pairs) -> np.ndarray:
    """``rows`` without those, from the last on, whose pairs all occur in others."""
    shown = pairs.of(rows)
    times = np.bincount(shown.reshape(-1), minlength=pairs.slots)
    keep = np.ones(len(rows), bool)
    for place in reversed(range(len(rows))):
        if (times[shown[place]] > 1).all():
            times[shown[place]] -= 1
            keep[place] = False
    return rows[keep]


def _rest_spare_values(rows: np.ndarray, pairs: _Pairs) -> np.ndarray:
    """``rows`` with the first value, from the last row on, wherever another one is not needed there."""
    rested = rows.copy()
    times = np.bincount(pairs.of(rows).reshape(-1), minlength=pairs.slots)
    for row in reversed(rested):
        for axis in np.flatnonzero(row).tolist():
            spare = pairs.with_value(row, axis, row[axis])
            if (times[spare] > 1).all():
                times[spare] -= 1
                times[pairs.with_value(row, axis, 0)] += 1
                row[axis] = 0
    _, first = np.unique(rested, axis=0, return_index=True)
    return rested[np.sort(first)]
