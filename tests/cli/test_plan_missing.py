import json

import pytest

from storage.datasets import publish_version
from storage.recipes import read_recipe
from storage.store import Store

RECIPE = """
name: lacking
classes: [car, dog]
prompts:
  template: "{objects} by {light}"
  axes:
    objects: [{text: cars, count: {car: 2}}, {text: a dog, count: {dog: 1}}]
    light: [day, night]
  strategy: full
generator: {kind: procedural}
"""
CELLS = [
    {"class": "dog", "attributes": {"light": "night"}, "wanted": 4, "available": 1, "kept": 1, "missing": 3},
    {"class": "car", "attributes": {"light": "day"}, "wanted": 4, "available": 2, "kept": 2, "missing": 2},
]


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "lacking.yaml"
    path.write_text(RECIPE)
    return path


def publish(store_folder, missing):
    def build(folder):
        (folder / "dataset.json").write_text("{}")
        if missing is not None:
            (folder / "missing.json").write_text(json.dumps(missing))

    publish_version(Store.open(store_folder), "lacking", "ab" * 32, build)


def test_what_a_quota_lacks_becomes_more_clips_of_the_recipe(framefoundry, recipe, store_folder):
    publish(store_folder, CELLS)
    target = recipe.with_name("more.csv")
    answer = framefoundry("plan", recipe, "--missing", "lacking", "--write", target)
    assert answer.code == 0, answer.stderr
    assert target.read_text() == "objects,light,clips\na dog,night,3\ncars,day,1\n"
    assert "4 more clips of 2 combinations" in answer.stdout
    recipe.write_text(RECIPE.replace("strategy: full", "strategy: full\n  extra: more.csv"))
    assert read_recipe(recipe).prompts.extra == target
    assert "8 clips" in framefoundry("plan", recipe).stdout


def test_what_was_asked_for_before_is_kept_in_the_file(framefoundry, recipe, store_folder):
    publish(store_folder, CELLS[:1])
    recipe.with_name("more.csv").write_text("objects,light,clips\na dog,night,5\n")
    recipe.write_text(RECIPE.replace("strategy: full", "strategy: full\n  extra: more.csv"))
    framefoundry("plan", recipe, "--missing", "lacking", "--write", recipe.with_name("more.csv"))
    assert recipe.with_name("more.csv").read_text() == "objects,light,clips\na dog,night,8\n"


def test_a_dataset_without_a_quota_is_refused(framefoundry, recipe, store_folder):
    publish(store_folder, None)
    answer = framefoundry("plan", recipe, "--missing", "lacking")
    assert answer.code != 0 and "without a quota" in answer.stderr


def test_a_recipe_without_a_template_is_refused(framefoundry, recipe, store_folder):
    recipe.write_text("name: lacking\ngenerator: {kind: footage, path: .}\n")
    answer = framefoundry("plan", recipe, "--missing", "lacking")
    assert answer.code != 0 and "template" in answer.stderr
