import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.scenarios import coverage, plan_scenarios
from schemas.errors import RecipeError
from schemas.recipe_text import validate_recipe

OBJECTS = [
    {"text": "a red car", "count": {"car": 1}},
    {"value": "crowd", "text": "two people and a car", "count": {"person": 2, "car": 1}},
]
AXES = {"objects": OBJECTS, "place": ["street", "road"], "weather": ["clear", {"value": "fog", "weight": 2}, "rain"]}


def recipe(axes=None, seed=0, **prompts):
    axes = AXES if axes is None else axes
    template = prompts.pop("template", " ".join(f"{{{axis}}}" for axis in axes))
    return validate_recipe({"name": "r", "seed": seed, "prompts": {"template": template, "axes": axes, **prompts}})


def plan(axes=None, **changes):
    return plan_scenarios(recipe(axes, **changes))


def ids(scenarios):
    return {scenario.scenario_id for scenario in scenarios}


def sized(*sizes):
    return {f"a{i}": [f"v{i}.{j}" for j in range(n)] for i, n in enumerate(sizes)}


def test_a_scenario_is_words_and_data():
    found = plan(template="{objects} on a {place} in {weather}", strategy="full", negative="blur")
    scenario = next(s for s in found if s.attributes == {"objects": "crowd", "place": "road", "weather": "fog"})
    assert scenario.prompt == "two people and a car on a road in fog"
    assert scenario.objects == {"person": 2, "car": 1}
    assert scenario.negative_prompt == "blur"


def test_promises_of_all_axes_are_added_up():
    axes = {"who": [{"value": "one", "count": {"person": 1}}], "more": [{"value": "another", "count": {"person": 1}}]}
    assert plan(axes, strategy="full")[0].objects == {"person": 2}


def test_a_template_without_slots_is_one_scenario():
    assert [s.prompt for s in plan({}, template="a street")] == ["a street"]


def test_full_is_every_combination_in_the_order_of_the_recipe():
    found = plan(strategy="full")
    assert len(ids(found)) == 12
    assert [s.attributes["weather"] for s in found[:3]] == ["clear", "fog", "rain"]


def test_repeats_differ_in_seed_and_identity_alone():
    found = plan(strategy="full", repeats=3)
    assert len(found) == len(ids(found)) == len({s.seed for s in found}) == 36
    assert [s.repeat for s in found[:3]] == [0, 1, 2] and len({s.prompt for s in found[:3]}) == 1


def test_values_that_mean_the_same_make_different_scenarios_and_equal_ones_collapse():
    axes = {"objects": OBJECTS, "tone": [{"value": "warm", "text": "sun"}, {"value": "hot", "text": "sun"}]}
    assert len(ids(plan(axes, strategy="full"))) == 4


@pytest.mark.parametrize("strategy", ["full", "pairwise", "random"])
def test_the_same_recipe_gives_the_same_plan_and_another_seed_other_seeds(strategy):
    assert plan(strategy=strategy, variations=8) == plan(strategy=strategy, variations=8)
    other = plan(strategy=strategy, variations=8, seed=1)
    assert not {s.seed for s in other} & {s.seed for s in plan(strategy=strategy, variations=8)}


def test_identity_does_not_depend_on_weights_strategy_or_name():
    heavier = {**AXES, "place": [{"value": "street", "weight": 9}, "road"]}
    assert ids(plan(heavier, strategy="full")) == ids(plan(strategy="full")) >= ids(plan())


@pytest.mark.parametrize(
    "changes", [{"strategy": "full"}, {"strategy": "full", "variations": 30}, {"strategy": "pairwise"}]
)
@pytest.mark.parametrize("place", [1, 3])
def test_scenarios_that_stay_keep_identity_and_seed_when_a_value_is_added(changes, place):
    axes = sized(4, 4, 3)
    before = {s.scenario_id: s for s in plan(axes, **changes)}
    axes["a0"].insert(place, "new")
    after = {s.scenario_id: s for s in plan(axes, **changes)}
    assert all(after[name] == before[name] for name in before.keys() & after.keys())
    if "variations" not in changes:
        assert len(before.keys() & after.keys()) >= 0.9 * len(before)


@pytest.mark.parametrize("strategy", ["full", "random"])
def test_of_a_fixed_number_only_those_leave_that_make_room(strategy):
    axes = sized(4, 4, 4)
    before = ids(plan(axes, strategy=strategy, variations=40))
    axes["a1"].append("new")
    after = plan(axes, strategy=strategy, variations=40)
    brought = [s for s in after if s.attributes["a1"] == "new"]
    assert len(before - ids(after)) == len(brought) < 16
    assert before <= ids(plan(axes, strategy=strategy, variations=70))


def test_random_draws_by_weight():
    axes = {**sized(30, 30), "w": ["a", {"value": "b", "weight": 4}]}
    found = plan(axes, strategy="random", variations=300)
    assert len(ids(found)) == 300
    assert 0.7 < sum(s.attributes["w"] == "b" for s in found) / 300 < 0.9


def test_pairwise_shows_every_pair_with_fewer_scenarios_than_there_are():
    the_recipe = recipe(sized(4, 4, 3, 3))
    found = plan_scenarios(the_recipe)
    covered = coverage(the_recipe, found)
    assert covered.pairs_covered == covered.pairs_possible and len(found) < 144 / 2


@pytest.mark.parametrize("variations", [11, 13, 24, 72])
def test_pairwise_with_a_number_gives_it_and_shows_every_pair(variations):
    the_recipe = recipe(sized(2, 2, 3, 3, 2), variations=variations)
    found = plan_scenarios(the_recipe)
    assert len(ids(found)) == variations
    assert coverage(the_recipe, found).missing_pairs == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"strategy": "pairwise", "variations": 5}, "5 scenarios cannot hold every pair of axis values; 6 can"),
        ({"strategy": "pairwise", "variations": 13}, "13 different scenarios wanted, 12 exist"),
        ({"strategy": "full", "variations": 13}, "13 different scenarios wanted, 12 exist"),
        ({"strategy": "random", "variations": 13}, "13 different scenarios wanted, 12 exist"),
        ({"axes": {}, "template": "a street", "variations": 2}, "2 different scenarios wanted, 1 exist"),
        ({"axes": sized(100, 100, 101), "strategy": "full"}, "1,010,000 scenarios; at most 1,000,000"),
    ],
)
def test_an_impossible_number_is_refused_with_the_possible_one(changes, says):
    with pytest.raises(RecipeError, match=says):
        plan(**changes)


def test_a_hundred_thousand_scenarios_are_planned_and_counted_in_seconds():
    the_recipe = recipe(sized(10, 10, 10, 10, 10), strategy="full")
    started = time.process_time()
    found = plan_scenarios(the_recipe)
    assert coverage(the_recipe, found).pairs_covered == 1000
    assert len(found) == 100_000
    assert time.process_time() - started < 10


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.sampled_from(["full", "pairwise"]), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_plans_hold_no_scenario_twice_and_only_values_of_their_axes(sizes, strategy, repeats):
    axes = sized(*sizes)
    found = plan(axes, strategy=strategy, repeats=repeats)
    assert len(ids(found)) == len(found)
    for scenario in found:
        assert all(scenario.attributes[axis] in values for axis, values in axes.items())
        assert 0 <= scenario.seed < 2**63


def test_a_recipe_without_prompts_has_no_scenarios():
    assert plan_scenarios(validate_recipe({"name": "r", "generator": {"kind": "footage", "path": "."}})) == []


def of_file(tmp_path, text, **changes):
    (tmp_path / "p.csv").write_text(text)
    prompts = {"file": str(tmp_path / "p.csv"), **changes.pop("prompts", {})}
    return plan_scenarios(validate_recipe({"name": "r", "prompts": prompts, **changes}))


def test_rows_of_a_file_become_scenarios_and_equal_rows_one(tmp_path):
    text = "prompt,negative,objects,weather\na car,,car=1,fog\na car,,car=1,fog\na dog,noise,dog=2,\n"
    car, dog = of_file(tmp_path, text, prompts={"negative": "blur"})
    assert (car.prompt, car.negative_prompt, car.attributes, car.objects) == (
        "a car",
        "blur",
        {"weather": "fog"},
        {"car": 1},
    )
    assert (dog.negative_prompt, dog.attributes, dog.objects) == ("noise", {}, {"dog": 2})


def test_a_new_row_changes_no_other_scenario(tmp_path):
    before = of_file(tmp_path, "prompt\na\nb\n", prompts={"repeats": 2})
    after = of_file(tmp_path, "prompt\nc\na\nb\n", prompts={"repeats": 2})
    assert after[2:] == before


def test_a_promise_of_an_unknown_class_in_a_file_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"p\.csv, line 2, column 'objects': 'cars' is not among.*did you mean 'car'"):
        of_file(tmp_path, "prompt,objects\na,cars=1\n", classes=["car"])


def test_a_split_axis_that_is_no_column_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"split\.by names 'wether', which is no column.*'weather'"):
        of_file(tmp_path, "prompt,weather\na,fog\n", split={"by": ["wether"]})
