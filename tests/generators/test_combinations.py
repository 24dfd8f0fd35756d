import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import combinations
from generators.combinations import Grid, all_combinations, draw_combinations, first_combinations
from schemas.prompts import AxisValue

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def grid(sizes, weights=None, seed=0):
    def weight(axis, value):
        return (weights or {}).get((axis, value), 1.0)

    axes = {f"a{i}": [AxisValue(value=f"v{j}", weight=weight(i, j)) for j in range(n)] for i, n in enumerate(sizes)}
    return Grid.of(axes, seed)


def rows_of(rows):
    return [tuple(row) for row in rows.tolist()]


@given(shapes)
def test_all_combinations_are_listed_once_in_the_order_of_the_axes(sizes):
    rows = rows_of(all_combinations(grid(sizes)))
    assert rows == sorted(set(rows))
    assert len(rows) == grid(sizes).combinations


@given(shapes, st.data(), st.booleans(), st.booleans())
@settings(deadline=None)
def test_a_longer_list_begins_with_the_shorter_one(sizes, data, weighted, sampled):
    the_grid = grid(sizes)
    count = data.draw(st.integers(0, the_grid.combinations))
    with pytest.MonkeyPatch.context() as patch:
        if sampled:
            patch.setattr(combinations, "MAX_LISTED", 0)
        every = rows_of(first_combinations(the_grid, the_grid.combinations, weighted=weighted))
        assert rows_of(first_combinations(the_grid, count, weighted=weighted)) == every[:count]
    assert len(set(every)) == len(every) == the_grid.combinations


@pytest.mark.parametrize("weighted", [True, False])
def test_a_new_value_pushes_out_no_more_than_it_brings(weighted):
    before = set(rows_of(first_combinations(grid((4, 4, 4)), 30, weighted=weighted)))
    after = set(rows_of(first_combinations(grid((4, 5, 4)), 30, weighted=weighted)))
    brought = {row for row in after if row[1] == 4}
    assert after - brought <= before
    assert len(before - after) == len(brought)


@pytest.mark.parametrize("listed", [combinations.MAX_LISTED, 0])
def test_weights_say_how_often_a_value_is_drawn(monkeypatch, listed):
    monkeypatch.setattr(combinations, "MAX_LISTED", listed)
    rows = first_combinations(grid((3, 40, 40), {(0, 1): 6.0}), 400, weighted=True)
    counts = np.bincount(rows[:, 0], minlength=3)
    assert counts[1] / 400 == pytest.approx(6 / 8, abs=0.08)
    alike = np.bincount(first_combinations(grid((3, 40, 40), {(0, 1): 6.0}), 400, weighted=False)[:, 0])
    assert alike[1] / 400 == pytest.approx(1 / 3, abs=0.08)


def test_combinations_can_be_left_out(monkeypatch):
    the_grid = grid((3, 4))
    without = first_combinations(the_grid, 5, weighted=False)
    rest = rows_of(first_combinations(the_grid, 7, weighted=False, without=without))
    assert not set(rest) & set(rows_of(without)) and len(set(rest)) == 7
    with pytest.raises(ValueError, match="8 combinations wanted of 7"):
        first_combinations(the_grid, 8, weighted=False, without=without)


def test_a_billion_combinations_are_sampled():
    rows = first_combinations(grid((10,) * 12), 2000, weighted=True)
    assert len(set(rows_of(rows))) == 2000
    assert rows.max() == 9


def test_a_new_value_changes_only_the_draws_that_it_wins():
    before = draw_combinations(grid((3, 3)), [np.ones(3), np.ones(3)], 0, 500)
    after = draw_combinations(grid((3, 4)), [np.ones(3), np.ones(4)], 0, 500)
    won = after[:, 1] == 3
    assert np.array_equal(before[~won], after[~won])
    assert np.array_equal(before[:, 0], after[:, 0])
    assert 0.15 < won.mean() < 0.35
