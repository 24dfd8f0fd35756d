"""The generator that a recipe names."""

from generators.protocol import Generator
from schemas.diffusers_options import DiffusersOptions
from schemas.generator_options import FootageOptions, ProceduralOptions
from schemas.recipe import Recipe
from storage.store import Store


def build_generator(recipe: Recipe, store: Store | None = None) -> Generator:
    """Build the generator of ``recipe``; close it when the run is over.

    ``store`` keeps what a generator need not compute again in the next run, such as prompt embeddings.

    Raises:
        EnvironmentFault: a model or an input is not on this machine.
        RecipeError: the model cannot do what the recipe asks.
    """
    match recipe.generator:
        case ProceduralOptions():
            from generators.procedural_clips import ProceduralGenerator
            from generators.scenarios import plan_scenarios

            return ProceduralGenerator(plan_scenarios(recipe), recipe.clip)
        case FootageOptions() as options:
            from generators.footage import FootageGenerator

            return FootageGenerator(options, recipe.clip)
        case DiffusersOptions() as options:
            from generators.diffusers_video.generator import DiffusersGenerator
            from generators.scenarios import plan_scenarios

            return DiffusersGenerator(options, recipe.clip, plan_scenarios(recipe), store)
