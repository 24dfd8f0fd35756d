from flows.run_names import find_round, name_recipe_run
from storage.datasets import publish_version
from storage.store import Store

RECIPE = """
name: street
classes: [car]
prompts: {template: "a car in {light}", axes: {light: [day, night]}}
"""


def test_a_run_is_named_after_its_recipe_and_the_version_that_it_may_become(tmp_path):
    recipe, store = tmp_path / "file.yaml", tmp_path / "store"
    recipe.write_text(RECIPE)
    parameters = {"recipe": str(recipe), "store": str(store)}
    assert name_recipe_run("build", parameters) == "build street, round 1"
    opened = Store.open(store)
    for version in ("a1", "b2"):
        publish_version(opened, "street", version, write_version)
    publish_version(opened, "other", "c3", write_version)
    assert name_recipe_run("build", parameters) == "build street, round 3"


def write_version(folder):
    (folder / "dataset.json").write_text("{}")


def test_a_recipe_that_cannot_be_read_still_has_a_name_and_no_store_is_made(tmp_path):
    missing = {"recipe": str(tmp_path / "street.yaml"), "store": None}
    assert name_recipe_run("build", missing) == "build street"
    assert find_round("street", str(tmp_path / "store")) == 1
    assert not (tmp_path / "store").exists()
