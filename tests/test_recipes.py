"""The example recipes say what they promise."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from curators.splits import assign_splits
from generators.scenarios import plan_scenarios
from schemas.records import ClipRecord, Origin
from storage.clip_table import clips_table
from storage.recipes import read_recipe

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_an_example_recipe_can_be_planned(path):
    assert plan_scenarios(read_recipe(path))


def test_the_quickstart_shows_every_class_on_both_sides():
    recipe = read_recipe(RECIPES[0].with_name("quickstart.yaml"))
    scenarios = plan_scenarios(recipe)
    assert len(scenarios) >= 24 and len(scenarios) * recipe.clip.frames >= 1000
    records = [ClipRecord(s.scenario_id, s, s.scenario_id, 1, 1.0, 2, 2, 1, Origin("g", "1")) for s in scenarios]
    shown: dict[str, Counter] = defaultdict(Counter)
    for scenario, split in zip(
        scenarios, assign_splits(clips_table(records), recipe.split, recipe.seed).to_pylist(), strict=True
    ):
        shown[split].update(scenario.objects.keys())
    for split in ("train", "val"):
        assert all(shown[split][name] >= 2 for name in recipe.class_names), (split, shown[split])
