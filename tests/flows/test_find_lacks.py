import pytest

from flows.publishing import find_lacks
from schemas.recipe_text import parse_recipe

RECIPE = """
name: street
classes: [car, dog]
prompts: {{template: "a car in {{light}}", axes: {{light: [day, night]}}}}
split: {{train: {train}, val: {val}, test: 0}}
"""


@pytest.mark.parametrize(
    ("train", "val", "labels", "told"),
    [
        (0.7, 0.3, {"train": {"car": 4, "dog": 1}, "val": {"car": 1, "dog": 1}}, []),
        (0.7, 0.3, {"train": {"car": 4, "dog": 1}, "val": {"car": 1}}, ["split val lacks dog"]),
        (0.7, 0.3, {"train": {"car": 4, "dog": 1}}, ["split val has no labels: add scenarios, or change `split`"]),
        (1.0, 0.0, {"train": {"car": 4, "dog": 1}}, []),
    ],
)
def test_a_split_is_missed_only_where_it_has_a_share(train, val, labels, told):
    assert find_lacks(parse_recipe(RECIPE.format(train=train, val=val), "street.yaml"), labels) == told
