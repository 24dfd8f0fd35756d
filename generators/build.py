"""The generator that a recipe names."""

from generators.protocol import Generator
from schemas.errors import EnvironmentFault
from schemas.generator_options import FootageOptions, ProceduralOptions
from schemas.recipe import Recipe


def build_generator(recipe: Recipe) -> Generator:
    """Build the generator of ``recipe``; close it when the run is over.

    Raises:
        EnvironmentFault: this installation has no such generator.
    """
    match recipe.generator:
        case ProceduralOptions():
            from generators.procedural_clips import ProceduralGenerator
            from generators.scenarios import plan_scenarios

            return ProceduralGenerator(plan_scenarios(recipe), recipe.clip)
        case FootageOptions() as options:
            from generators.footage import FootageGenerator

            return FootageGenerator(options, recipe.clip)
        case other:
            raise EnvironmentFault(
                f"generator.kind: {other.kind!r} is a valid choice, but this version cannot render with it yet.",
                "Use `procedural` or `footage`.",
            )
