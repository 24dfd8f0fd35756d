import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curators.cells import Conditions, Holdings
from curators.selection import select_clips
from schemas.curation_options import QuotaOptions

CLASSES = ("car", "dog")
CONDITIONS = ("day", "night", "fog")


@st.composite
def datasets(draw):
    """(objects by clip and class, condition of each clip, quota); clips come by rank, the best first."""
    count = draw(st.integers(0, 14))
    held = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=count, max_size=count))
    conditions = draw(st.lists(st.integers(-1, len(CONDITIONS) - 1), min_size=count, max_size=count))
    return held, conditions, draw(st.integers(1, 8))


def select(held, conditions, per_class, *, ranks=None, candidates=None):
    rows = [(clip, place, n) for clip, row in enumerate(held) for place, n in enumerate(row) if n]
    columns = [np.array([row[at] for row in rows], np.int64) for at in range(3)]
    return select_clips(
        Holdings(*columns, CLASSES),
        Conditions(("light",), tuple((name,) for name in CONDITIONS), np.array(conditions, np.int64)),
        np.arange(len(held)) if ranks is None else np.asarray(ranks),
        np.ones(len(held), bool) if candidates is None else np.asarray(candidates),
        QuotaOptions(per_class=per_class),
    )


def kept_in(chosen, held, conditions):
    kept = np.zeros((len(CONDITIONS), len(CLASSES)), int)
    for one, row, condition in zip(chosen, held, conditions, strict=True):
        if one and condition >= 0:
            kept[condition] += row
    return kept


@given(datasets())
@settings(max_examples=150, deadline=None)
def test_cells_are_filled_where_they_can_be_and_no_chosen_clip_can_be_spared(dataset):
    held, conditions, per_class = dataset
    chosen = select(held, conditions, per_class).chosen
    kept, there = kept_in(chosen, held, conditions), kept_in([True] * len(held), held, conditions)
    assert (kept >= np.minimum(there, per_class)).all()
    for clip in np.flatnonzero(chosen):
        without = kept_in(chosen & (np.arange(len(held)) != clip), held, conditions)
        assert (without < np.minimum(kept, per_class)).any()


@given(datasets())
@settings(max_examples=150, deadline=None)
def test_no_better_clip_is_left_out_for_a_worse_one_that_holds_no_more(dataset):
    held, conditions, per_class = dataset
    chosen = select(held, conditions, per_class).chosen
    for better in range(len(held)):
        for worse in range(better + 1, len(held)):
            if conditions[better] == conditions[worse] >= 0 and all(np.array(held[better]) >= held[worse]):
                assert chosen[better] or not chosen[worse]


@given(datasets(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_choice_does_not_depend_on_the_order_of_rows(dataset, random):
    held, conditions, per_class = dataset
    chosen = select(held, conditions, per_class).chosen
    order = list(range(len(held)))
    random.shuffle(order)
    again = select([held[at] for at in order], [conditions[at] for at in order], per_class, ranks=order)
    assert again.chosen.tolist() == [bool(chosen[at]) for at in order]


@given(datasets(), st.integers(0, 14), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_a_clip_of_another_condition_changes_no_other_choice(dataset, place, cars):
    held, conditions, per_class = dataset
    conditions = [0 if condition == 1 else condition for condition in conditions]
    place = min(place, len(held))
    chosen = select(held, conditions, per_class).chosen.tolist()
    more = [*held[:place], (cars, 0), *held[place:]], [*conditions[:place], 1, *conditions[place:]]
    again = select(*more, per_class).chosen.tolist()
    assert again[:place] + again[place + 1 :] == chosen and again[place]


def test_a_quota_takes_the_best_and_stops_when_it_is_full():
    assert select([(2, 0)] * 4, [0] * 4, 4).chosen.tolist() == [True, True, False, False]


def test_clips_that_a_rarer_class_made_superfluous_are_given_back_the_worst_first():
    held = [(2, 0), (2, 0), (2, 1), (2, 1)]
    assert select(held, [0] * 4, 2).chosen.tolist() == [False, False, True, True]


def test_a_clip_without_objects_or_condition_serves_nobody():
    assert select([(0, 0), (1, 0)], [0, -1], 3).chosen.tolist() == [False, False]


def test_only_candidates_are_chosen_and_counted():
    selection = select([(1, 0), (1, 0)], [0, 0], 1, candidates=[False, True])
    assert selection.chosen.tolist() == [False, True]
    assert selection.cells["available"].to_pylist()[0] == 1


def test_each_cell_tells_what_was_wanted_there_kept_and_missing():
    rows = select([(3, 0), (3, 0), (0, 1)], [0, 0, 1], 4).cells.to_pylist()
    assert len(rows) == len(CLASSES) * len(CONDITIONS)
    assert rows[0] == {
        "class_name": "car", "attributes": [("light", "day")], "wanted": 4, "available": 6, "kept": 6, "missing": 0
    }  # fmt: skip
    assert rows[3] == {
        "class_name": "dog", "attributes": [("light", "night")], "wanted": 4, "available": 1, "kept": 1, "missing": 3
    }  # fmt: skip


@pytest.mark.parametrize("options", [{"per_class": 0}, {"per_class": 1, "per": ["light", "light"]}])
def test_an_empty_quota_and_an_axis_given_twice_are_refused(options):
    with pytest.raises(ValueError, match="per"):
        QuotaOptions(**options)
