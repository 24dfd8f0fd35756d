import pyarrow as pa
from curation_inputs import make_clips
from hypothesis import given, settings
from hypothesis import strategies as st

from curators.splits import SPLITS, assign_splits
from schemas.curation_options import SplitOptions
from schemas.tables import CLIPS

families = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20)


def splits_of(families, options=None, seed=1):
    clips = make_clips(*((f"c{place}", family) for place, family in enumerate(families)))
    return assign_splits(clips, options or SplitOptions(), seed).to_pylist()


@given(families)
@settings(max_examples=50)
def test_a_family_is_never_divided(names):
    sides = {}
    for name, split in zip(names, splits_of(names), strict=True):
        assert sides.setdefault(name, split) == split


@given(families, families)
@settings(max_examples=50)
def test_another_clip_moves_none(names, more):
    assert splits_of([*names, *more])[: len(names)] == splits_of(names)


@given(families, st.integers(0, 5))
@settings(max_examples=50)
def test_a_split_with_no_share_stays_empty(names, seed):
    assert "test" not in splits_of(names, SplitOptions(train=0.5, val=0.5, test=0.0), seed)
    assert set(splits_of(names, SplitOptions(train=0.0, val=0.0, test=1.0), seed)) == {"test"}


def test_shares_are_met_on_average():
    splits = splits_of([f"prompt {i}" for i in range(2000)])
    assert [round(splits.count(split) / 2000, 1) for split in SPLITS] == [0.8, 0.1, 0.1]


def test_another_seed_divides_otherwise():
    names = [f"prompt {i}" for i in range(50)]
    assert splits_of(names, seed=1) != splits_of(names, seed=2)


def test_clips_that_agree_in_a_widening_axis_share_a_side():
    # The factory gives each clip its family's text as the attribute "weather", and each its own id.
    options = SplitOptions(by=("weather",))
    names = ["fog"] * 10 + ["rain"] * 10
    splits = splits_of(names, options)
    assert len(set(splits[:10])) == len(set(splits[10:])) == 1


def test_clips_of_different_prompts_share_a_side_for_each_value_of_the_axis_the_first_too():
    names = [f"prompt {place}" for place in range(40)]
    clips = make_clips(*((f"c{place}", name) for place, name in enumerate(names)))
    weather = [[("weather", ("fog", "rain")[place % 2])] for place in range(40)]
    column = clips.schema.get_field_index("attributes")
    clips = clips.set_column(column, clips.schema.field(column), pa.array(weather, clips.schema.field(column).type))
    for seed in range(5):
        sides = assign_splits(clips, SplitOptions(by=("weather",)), seed).to_pylist()
        assert len(set(sides[::2])) == len(set(sides[1::2])) == 1


def test_a_family_exactly_at_the_border_of_a_share_falls_behind_it(monkeypatch):
    monkeypatch.setattr("curators.splits.stable_fraction", lambda *_: 0.5)
    assert splits_of(["a"], SplitOptions(train=0.5, val=0.5, test=0.0)) == ["val"]


def test_footage_that_has_no_such_attribute_keeps_its_source_as_family():
    clips = make_clips(*[(f"c{i}", f"source{i}", 0) for i in range(40)])
    assert len(set(assign_splits(clips, SplitOptions(by=("camera",)), 1).to_pylist())) > 1


def test_clips_agree_when_they_agree_in_all_widening_axes():
    attributes = [{"place": p, "light": li} for p in "abcdefgh" for li in ("day", "night")]
    clips = with_attributes(attributes)
    sides = assign_splits(clips, SplitOptions(by=("place", "light")), 3).to_pylist()
    alone = assign_splits(clips.slice(5, 1), SplitOptions(by=("light", "place")), 3).to_pylist()
    assert alone == sides[5:6]
    assert any(sides[at] != sides[at + 1] for at in range(0, 16, 2))


def test_values_of_widening_axes_are_not_run_together():
    clips = with_attributes([{"a": "x; b=y"}, {"a": "x", "b": "y"}])
    sides = {
        seed: assign_splits(clips, SplitOptions(by=("a", "b"), train=0.5, val=0.5, test=0), seed).to_pylist()
        for seed in range(20)
    }
    assert any(first != second for first, second in sides.values())


def test_a_hundred_thousand_clips_are_split_without_a_loop_over_them():
    clips = with_attributes([{"place": f"p{at % 50}"} for at in range(1000)])
    many = pa.concat_tables([clips] * 100)
    assert assign_splits(many, SplitOptions(by=("place",)), 1).to_pylist()[-1000:] == splits_by_place(clips)


def splits_by_place(clips):
    return assign_splits(clips, SplitOptions(by=("place",)), 1).to_pylist()


def with_attributes(attributes):
    """A clip with a prompt of its own for each mapping."""
    clips = make_clips(*((f"c{at}", f"prompt {at}") for at in range(len(attributes))))
    column = pa.array([list(each.items()) for each in attributes], CLIPS.field("attributes").type)
    return clips.set_column(clips.schema.get_field_index("attributes"), CLIPS.field("attributes"), column)
