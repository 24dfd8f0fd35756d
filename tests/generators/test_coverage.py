from generators.scenarios import coverage, plan_scenarios
from schemas.recipe_text import validate_recipe
from schemas.records import Scenario


def recipe(**prompts):
    axes = {"weather": ["clear", "fog"], "light": ["day", "night"], "car": [{"value": "red", "count": {"car": 1}}]}
    return validate_recipe({"name": "r", "prompts": {"template": "{car} {weather} {light}", "axes": axes, **prompts}})


def scenario(**attributes):
    return Scenario("s", "p", attributes=attributes)


def test_values_are_counted_in_the_order_of_the_recipe_with_those_that_are_absent():
    found = coverage(recipe(), [scenario(weather="fog", light="day", car="red")] * 3)
    assert found.values == {"weather": {"clear": 0, "fog": 3}, "light": {"day": 3, "night": 0}, "car": {"red": 3}}


def test_pairs_that_never_occur_are_listed():
    shown = [scenario(weather=w, light=li, car="red") for w, li in (("clear", "day"), ("fog", "day"), ("fog", "night"))]
    found = coverage(recipe(), shown)
    assert (found.pairs_covered, found.pairs_possible) == (7, 8)
    assert [str(pair) for pair in found.missing_pairs] == ["weather=clear, light=night"]


def test_a_pairwise_plan_misses_none():
    found = coverage(recipe(), plan_scenarios(recipe()))
    assert found.pairs_covered == found.pairs_possible and found.missing_pairs == ()


def test_scenarios_that_lack_an_axis_are_not_counted_there():
    assert coverage(recipe(), [scenario(weather="fog")]).values["light"] == {"day": 0, "night": 0}


def test_the_columns_of_a_prompt_file_are_its_axes():
    of_file = validate_recipe({"name": "r", "prompts": {"file": "p.csv"}})
    found = coverage(of_file, [scenario(weather="fog", lane="1"), scenario(weather="rain")])
    assert found.values == {"weather": {"fog": 1, "rain": 1}, "lane": {"1": 1}}
    assert (found.pairs_covered, found.pairs_possible) == (1, 2)
