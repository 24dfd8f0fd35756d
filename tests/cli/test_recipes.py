import json

import pytest
import yaml

from schemas.recipe_text import parse_recipe


def test_new_prints_a_recipe_that_is_valid(framefoundry):
    answer = framefoundry("recipe", "new")
    assert answer.code == 0
    assert parse_recipe(answer.stdout).name == "my-dataset"


def test_new_file_is_named_after_itself_and_valid(framefoundry, tmp_path):
    file = tmp_path / "street-night.yaml"
    assert framefoundry("recipe", "new", file).code == 0
    assert parse_recipe(file.read_text()).name == "street-night"
    assert framefoundry("recipe", "validate", file).code == 0


def test_new_takes_a_name(framefoundry, tmp_path):
    framefoundry("recipe", "new", tmp_path / "a.yaml", "--name", "other")
    assert yaml.safe_load((tmp_path / "a.yaml").read_text())["name"] == "other"


def test_new_never_overwrites(framefoundry, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("precious")
    answer = framefoundry("recipe", "new", file)
    assert answer.code == 2
    assert "exists already" in answer.stderr
    assert file.read_text() == "precious"


@pytest.mark.parametrize("name", ["../escape", "Has Spaces", ""])
def test_new_refuses_names_that_cannot_be_folders(framefoundry, tmp_path, name):
    answer = framefoundry("recipe", "new", tmp_path / "a.yaml", f"--name={name or '-'}")
    assert answer.code == 2
    assert not (tmp_path / "a.yaml").exists()


def test_validate_names_the_field_the_value_and_the_nearest_key(framefoundry, recipe_file):
    recipe_file.write_text(recipe_file.read_text() + "curration: {accept: 2}\n")
    answer = framefoundry("recipe", "validate", recipe_file)
    assert answer.code == 2
    assert "curration" in answer.stderr
    assert "'curation'" in answer.stderr


def test_validate_json_holds_the_whole_recipe(framefoundry, recipe_file):
    answer = framefoundry("recipe", "validate", recipe_file, "--json")
    assert answer.json["valid"] is True
    assert answer.json["recipe"]["clip"]["frames"] == 8


def test_schema_is_a_json_schema_of_the_recipe(framefoundry):
    answer = framefoundry("recipe", "schema")
    schema = json.loads(answer.stdout)
    assert "$schema" in schema
    assert {"name", "prompts", "generator", "annotator", "curation"} <= set(schema["properties"])
