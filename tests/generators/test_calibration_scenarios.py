from collections import Counter

import pytest

from generators.calibration_scenarios import calibration_jobs, plan_calibration
from generators.scenarios import plan_scenarios
from schemas.errors import RecipeError
from schemas.recipe_text import validate_recipe

AXES = {"weather": ["clear", "fog"], "light": ["day", "night", "dusk"]}


def make_recipe(**changes):
    prompts = {"template": "a street, {weather}, {light}", "axes": AXES, "strategy": "full"}
    return validate_recipe({"name": "r", "prompts": prompts, **changes})


def test_the_recipes_scenarios_are_shown_equally_often():
    counts = Counter(scenario.prompt for scenario in plan_calibration(make_recipe(), 18))
    assert len(counts) == 6 and set(counts.values()) == {3}


def test_no_clip_is_one_of_the_recipe_or_shown_twice():
    recipe = make_recipe()
    own = {scenario.seed for scenario in plan_scenarios(recipe)}
    seeds = [scenario.seed for scenario in plan_calibration(recipe, 18)]
    assert len(set(seeds)) == 18 and own.isdisjoint(seeds)
    jobs = calibration_jobs(recipe, 18)
    assert len({job.clip_id for job in jobs}) == 18


def test_more_clips_only_add():
    recipe = make_recipe()
    assert plan_calibration(recipe, 20)[:4] == plan_calibration(recipe, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotator": {"kind": "truth"}}, "which are exact"),
        ({"generator": {"kind": "footage", "path": "."}, "prompts": None}, "--from-reviews"),
        ({"generator": {"kind": "diffusers", "preset": "tiny"}}, "procedural footage would not hold"),
    ],
)
def test_labels_that_cannot_be_measured_so_are_refused(changes, message):
    with pytest.raises(RecipeError, match=message):
        calibration_jobs(make_recipe(**changes), 10)
