import pytest

from schemas.errors import RecipeError
from storage.recipes import read_recipe

RECIPE = """
name: street
classes: [car]
prompts:
  template: "{objects}"
  axes:
    objects: [{text: a car, count: {car: 1}}]
curation: {accept: 0.6, ignore: 0.3}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "street.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return read_recipe(path)


def test_a_recipe_that_names_no_annotator_keeps_the_one_it_has(recipe):
    from flows.republish import with_thresholds

    other = with_thresholds(recipe, accept=0.8, ignore=None)
    assert (other.curation.accept, other.curation.ignore) == (0.8, 0.3)
    assert other.annotator == recipe.annotator


def test_ignore_follows_a_lower_accept_unless_it_is_named(recipe):
    from flows.republish import with_thresholds

    assert with_thresholds(recipe, accept=0.2, ignore=None).curation.ignore == 0.2
    with pytest.raises(RecipeError, match="above accept"):
        with_thresholds(recipe, accept=0.2, ignore=0.4)
