import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.combinations import Grid
from generators.covering_array import compact_covering_array, covering_array_within, steady_covering_array
from schemas.prompts import AxisValue

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def axes_of(sizes):
    return {f"axis{i}": [AxisValue(value=f"{i}.{j}") for j in range(n)] for i, n in enumerate(sizes)}


def missing_pairs(rows, sizes):
    return [
        (first, second)
        for first, second in combinations(range(len(sizes)), 2)
        if len(np.unique(rows[:, [first, second]], axis=0)) < sizes[first] * sizes[second]
    ]


def named(axes, rows):
    return {tuple(values[at].value for values, at in zip(axes.values(), row, strict=True)) for row in rows}


def steady(axes, seed=0):
    return named(axes, steady_covering_array(Grid.of(axes, seed)))


def with_value(axes, axis, place):
    values = list(axes[axis])
    values.insert(place, AxisValue(value="the new one"))
    return {**axes, axis: values}


@given(shapes, st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_every_pair_of_values_occurs_and_no_row_twice(sizes, seed):
    rows = steady_covering_array(Grid.of(axes_of(sizes), seed))
    assert missing_pairs(rows, sizes) == []
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert (rows >= 0).all() and (rows < sizes).all()


@pytest.mark.parametrize("sizes", [(40, 30, 20), (10,) * 9, (2,) * 30, (1, 1, 1, 7)])
def test_large_products_are_covered_without_listing_them(sizes):
    rows = steady_covering_array(Grid.of(axes_of(sizes), 0))
    assert missing_pairs(rows, sizes) == []
    assert len(rows) < 8 * max(a * b for a, b in combinations(sizes, 2)) + 200


def test_pairs_that_the_series_does_not_reach_get_rows_of_their_own(monkeypatch):
    monkeypatch.setattr("generators.covering_array._MAX_DRAWS", 1)
    rows = steady_covering_array(Grid.of(axes_of((30, 30, 30)), 0))
    assert missing_pairs(rows, (30, 30, 30)) == []


@pytest.mark.parametrize("sizes", [(4, 4, 3), (5, 4, 3, 3), (6, 5, 4, 3), (5, 4, 4, 3, 3), (3, 3, 3, 3, 3, 3)])
def test_a_value_added_anywhere_but_in_front_keeps_nine_in_ten_rows(sizes):
    axes = axes_of(sizes)
    before = steady(axes)
    for axis, size in zip(axes, sizes, strict=True):
        for place in {1, size // 2, size} - {0}:
            assert len(before & steady(with_value(axes, axis, place))) >= 0.9 * len(before), (axis, place)


def test_over_many_recipes_nine_in_ten_rows_stay_almost_always():
    draw = random.Random(11)
    kept = []
    for _ in range(25):
        axes = axes_of([draw.randint(2, 6) for _ in range(draw.randint(3, 5))])
        before = steady(axes)
        kept += [len(before & steady(with_value(axes, axis, len(axes[axis])))) / len(before) for axis in axes]
    assert np.mean(np.array(kept) >= 0.9) >= 0.95
    assert np.mean(kept) >= 0.95
    assert min(kept) >= 0.75


def test_the_place_of_a_later_value_does_not_matter_nor_does_the_order_of_axes():
    axes = axes_of((4, 4, 3, 3))
    first, *others = axes["axis0"]
    assert steady({**axes, "axis0": [first, *reversed(others)]}) == steady(axes)
    turned = dict(reversed(axes.items()))
    assert {row[::-1] for row in steady(turned)} == steady(axes)


@given(shapes)
@settings(max_examples=20, deadline=None)
def test_the_compact_array_covers_and_is_not_larger(sizes):
    grid = Grid.of(axes_of(sizes), 0)
    compact = compact_covering_array(grid)
    assert missing_pairs(compact, sizes) == []
    assert len(compact) <= len(steady_covering_array(grid)) + 2


def test_with_less_room_the_array_keeps_as_much_of_its_beginning_as_fits():
    sizes = (5, 4, 4, 3)
    grid = Grid.of(axes_of(sizes), 0)
    whole, least = steady_covering_array(grid), len(compact_covering_array(grid))
    kept = []
    for most in (least, (least + len(whole)) // 2, len(whole)):
        rows = covering_array_within(grid, most)
        assert len(rows) <= most and missing_pairs(rows, sizes) == []
        kept.append(len(named(axes_of(sizes), rows) & named(axes_of(sizes), whole)))
    assert kept == sorted(kept) and kept[-1] == len(whole)
    assert covering_array_within(grid, 19) is None
