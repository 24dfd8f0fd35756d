"""Clips to measure a detector on: those of a recipe, with other seeds, and with known truth."""

from dataclasses import replace
from itertools import count, islice

from generators.procedural_clips import KIND, ProceduralGenerator
from generators.scenarios import plan_scenarios
from schemas.calibration import MIN_REVIEWED_BOXES
from schemas.errors import RecipeError
from schemas.identity import stable_fraction, stable_seed
from schemas.recipe import Recipe
from schemas.records import ClipJob, Scenario

_PURPOSE = "calibration"


def calibration_jobs(recipe: Recipe, clips: int) -> list[ClipJob]:
    """The clips that a calibration of ``recipe`` is measured on.

    Raises:
        RecipeError: its labels are exact already, or its clips come from a generator that knows no truth.
    """
    if recipe.annotator.kind == "truth":
        raise RecipeError(
            f"{recipe.name}: annotator `truth` gives the renderer's own labels, which are exact.",
            "Calibrate a recipe whose labels a detector makes.",
        )
    if recipe.generator.kind != KIND:
        raise RecipeError(
            f"{recipe.name}: clips of `{recipe.generator.kind}` have no known truth, and figures of procedural footage "
            "would not hold for them.",
            f"Review at least {MIN_REVIEWED_BOXES} boxes and give them: --from-reviews fiftyone, or a COCO file.",
        )
    return ProceduralGenerator(plan_calibration(recipe, clips), recipe.clip).jobs()


def plan_calibration(recipe: Recipe, clips: int) -> list[Scenario]:
    """``clips`` scenarios that ``recipe`` plans, all of them about equally often, each clip with a seed of its own.

    So the clips show what the recipe's dataset shows, in the same parts, and none of them is one of its clips, or one
    that the bundled detector was trained on: their seeds are derived for this purpose. A larger ``clips`` only adds.

    Raises:
        RecipeError: the recipe has no scenarios, or cannot be planned.
    """
    planned = plan_scenarios(recipe)
    if not planned:
        raise RecipeError(f"{recipe.name}: the recipe plans no scenarios.", "Give it `prompts`.")
    order = sorted(planned, key=lambda scenario: stable_fraction(_PURPOSE, recipe.seed, scenario.scenario_id))
    return list(islice((_again(scenario, lap, recipe) for lap in count() for scenario in order), clips))


def _again(scenario: Scenario, lap: int, recipe: Recipe) -> Scenario:
    return replace(scenario, seed=stable_seed(_PURPOSE, recipe.seed, scenario.scenario_id, lap))
