import pyarrow as pa
import pytest
from curation_inputs import make_clips, make_recipe, make_scores

from curators.clip_verdicts import GATES, judge_clips

ALL_GATES = {
    "min_moving": 0.1, "max_drift": 0.3, "max_box_flicker": 0.5, "max_class_flicker": 0.2, "min_agreement": 0.5,
    "max_surplus": 1,
}  # fmt: skip


def judge(*, synthetic=True, curation=ALL_GATES, classes=("car", "dog"), **columns):
    """(verdict, rule) of two clips, good but for ``columns``."""
    clips = make_clips("a", "b")
    place = clips.schema.get_field_index("synthetic")
    clips = clips.set_column(place, "synthetic", pa.array([synthetic] * 2))
    rulings = judge_clips(clips, make_scores(clips, **columns), make_recipe(curation=curation, classes=list(classes)))
    decided = rulings.columns()
    return list(zip(decided["verdict"].to_pylist(), decided["rule"].to_pylist(), strict=True))


CASES = {
    "black": ("black_share", 0.1, 0.2),
    "frozen": ("frozen_share", 0.8, 0.9),
    "contrast": ("contrast", 0.01, 0.005),
    "clipped": ("clipped", 0.8, 0.9),
    "blur": ("blur", 0.75, 0.8),
    "flicker": ("flicker", 0.12, 0.2),
    "cuts": ("cuts", 0, 1),
    "motion": ("moving_share", 0.1, 0.05),
    "drift": ("drift", 0.3, 0.4),
    "box_flicker": ("box_flicker", 0.5, 0.6),
    "class_flicker": ("class_flicker", 0.2, 0.3),
    "agreement": ("agreement", 0.5, 0.4),
    "surplus": ("surplus_by_class", [("dog", 1)], [("car", 1), ("dog", 1)]),
}


def column(name, good, bad):
    return {name: pa.array([good, bad], pa.map_(pa.string(), pa.int32())) if isinstance(good, list) else [good, bad]}


def test_each_gate_has_a_case():
    assert set(CASES) == {gate.rule for gate in GATES}


@pytest.mark.parametrize("rule", CASES)
def test_a_gate_passes_the_limit_itself_and_refuses_what_is_beyond(rule):
    assert judge(**column(*CASES[rule])) == [("accepted", ""), ("rejected", rule)]


@pytest.mark.parametrize("rule", ["cuts", "drift", "box_flicker", "class_flicker", "surplus"])
def test_a_gate_without_a_limit_is_open(rule):
    option = next(gate.option for gate in GATES if gate.rule == rule)
    assert judge(curation={option: None}, **column(*CASES[rule])) == [("accepted", "")] * 2


@pytest.mark.parametrize("rule", [gate.rule for gate in GATES if not gate.may_be_unknown and gate.rule != "cuts"])
def test_a_score_that_is_not_a_number_is_refused(rule):
    name = CASES[rule][0]
    assert judge(**{name: [float("nan"), CASES[rule][1]]}) == [("rejected", rule), ("accepted", "")]


@pytest.mark.parametrize("name", ["drift", "box_flicker", "class_flicker", "agreement", "surplus_by_class"])
def test_a_clip_of_which_nothing_is_known_passes(name):
    unknown = pa.nulls(2, pa.map_(pa.string(), pa.int32()) if name == "surplus_by_class" else pa.float32())
    assert judge(**{name: unknown}) == [("accepted", "")] * 2


def test_footage_may_be_cut():
    assert judge(synthetic=False, cuts=[0, 5]) == [("accepted", "")] * 2


def test_surplus_of_classes_that_the_recipe_does_not_publish_is_none():
    assert judge(**column("surplus_by_class", [("cat", 9)], [("car", 2)])) == [
        ("accepted", ""),
        ("rejected", "surplus"),
    ]


def test_the_first_rule_that_applies_decides():
    assert judge(black_share=[0.9, 0.0], frozen_share=[0.9, 0.9]) == [("rejected", "black"), ("rejected", "frozen")]


def test_the_defaults_leave_judgements_of_taste_to_the_ranking():
    poor = {"drift": [0.9] * 2, "box_flicker": [0.9] * 2, "class_flicker": [0.9] * 2, "agreement": [0.0] * 2}
    assert judge(curation={}, moving_share=[0.0, 0.0], **poor) == [("accepted", "")] * 2


def test_a_clip_without_scores_is_a_mistake():
    clips = make_clips("a", "b")
    with pytest.raises(ValueError, match="clip b has no scores"):
        judge_clips(clips, make_scores(clips).slice(0, 1), make_recipe())
