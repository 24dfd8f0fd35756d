from collections import Counter

import pytest

from generators.extra_clips import CLIPS, plan_missing, read_extra, write_extra
from generators.scenarios import plan_scenarios
from schemas.errors import RecipeError
from schemas.recipe_text import validate_recipe

AXES = {
    "objects": [
        {"text": "two cars", "count": {"car": 2}},
        {"text": "a bus and a dog", "count": {"bus": 1, "dog": 1}},
    ],
    "place": ["street", {"value": "road", "weight": 3}],
    "light": ["day", "night"],
}


def make_recipe(classes=None, **prompts):
    return validate_recipe(
        {
            "name": "r", "generator": {"kind": "procedural"},
            "classes": classes or {"vehicle": ["car", "bus"], "dog": ["dog"]},
            "prompts": {"template": "{objects} on a {place}, {light}", "axes": AXES, "strategy": "full", **prompts},
        }
    )  # fmt: skip


def cell(name, light, missing):
    return {"class": name, "attributes": {"light": light}, "missing": missing}


def plan(*missing, recipe=None):
    recipe = recipe or make_recipe()
    return plan_missing(recipe, recipe.prompts, missing)


def test_clips_are_planned_until_their_promises_cover_what_is_missing():
    clips = plan(cell("dog", "night", 5)).clips
    assert sum(clips.values()) == 5
    assert {(values[0], values[2]) for values in clips} == {("a bus and a dog", "night")}


def test_one_clip_serves_all_the_cells_of_its_condition_that_it_can():
    clips = plan(cell("vehicle", "day", 6), cell("dog", "day", 2)).clips
    counted = Counter()
    for values, count in clips.items():
        counted[values[0]] += count
    assert counted == {"two cars": 2, "a bus and a dog": 2}


def test_axes_that_the_cell_leaves_open_are_drawn_by_weight_and_always_alike():
    clips = plan(cell("dog", "night", 400)).clips
    places = Counter()
    for values, count in clips.items():
        places[values[1]] += count
    assert 2 < places["road"] / places["street"] < 4.5
    assert clips == plan(cell("dog", "night", 400)).clips


def test_a_class_that_no_value_promises_is_out_of_reach_and_holds_nobody_up():
    recipe = make_recipe(classes=["car", "bus", "dog"])
    planned = plan(cell("cat", "day", 3), cell("car", "day", 2), recipe=recipe)
    assert [one["class"] for one in planned.out_of_reach] == ["cat"] and sum(planned.clips.values()) == 1


def test_extra_clips_join_the_planned_scenarios_and_change_none(tmp_path):
    recipe = make_recipe()
    before = plan_scenarios(recipe)
    path = tmp_path / "extra.csv"
    path.write_text(write_extra(plan(cell("dog", "night", 3)).clips, recipe.prompts))
    after = plan_scenarios(make_recipe(extra=str(path)))
    assert after[: len(before)] == before
    more = after[len(before) :]
    assert len(more) == 3 and len({one.scenario_id for one in after}) == len(after)
    assert all(one.attributes["light"] == "night" and one.objects == {"bus": 1, "dog": 1} for one in more)


def test_what_is_written_is_read_again(tmp_path):
    clips = {("two cars", "road", "day"): 2, ("a bus and a dog", "street", "night"): 1}
    path = tmp_path / "extra.csv"
    path.write_text(write_extra(clips, make_recipe().prompts))
    assert read_extra(path, make_recipe().prompts) == clips


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("objects,place,light\ntwo cars,road,day\n", f"`{CLIPS}`"),
        ("objects,place,light,clips\ntwo cars,rode,day,1\n", "did you mean 'road'"),
        ("objects,place,light,clips\ntwo cars,road,day,-1\n", "'-1'"),
        ("objects,place,light,clips\ntwo cars,road,day\n", "clips is ''"),
    ],
)
def test_a_file_that_does_not_fit_the_template_is_refused_with_its_line(tmp_path, text, problem):
    path = tmp_path / "extra.csv"
    path.write_text(text)
    with pytest.raises(RecipeError, match="line 2") as refused:
        read_extra(path, make_recipe().prompts)
    assert problem in f"{refused.value.message} {refused.value.hint}"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_extra(tmp_path / "no.csv", make_recipe().prompts)


def test_an_axis_that_is_called_clips_cannot_be_told_from_the_counts(tmp_path):
    axes = {**AXES, "clips": ["short"]}
    recipe = make_recipe(template="{objects} {place} {light} {clips}", axes=axes)
    with pytest.raises(RecipeError, match="called 'clips'"):
        write_extra({}, recipe.prompts)
