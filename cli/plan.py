"""`framefoundry plan`: what a recipe would make, and what it would cost; renders nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import RecipeArgument
from cli.session import Session, quiet_stdout

if TYPE_CHECKING:
    from annotators.weights import Weights
    from generators.protocol import RenderCost
    from schemas.recipe import Recipe
    from schemas.records import ClipJob
    from storage.store import Store


def plan(
    context: typer.Context,
    recipe: RecipeArgument,
    first: Annotated[int, typer.Option("--first", min=1, help="How many scenarios to list.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="List all scenarios.")] = False,
    missing: Annotated[
        str, typer.Option(metavar="NAME[@VERSION]", help="Plan clips for what this dataset's quota still lacks.")
    ] = "",
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="With --missing: where to write them, for `prompts.extra`.")
    ] = None,
) -> None:
    """Show the scenarios of a recipe, how well they cover its axes, and what rendering them would cost.

    With --missing: what another round should render. Name the file that --write
    writes as `prompts.extra` in the recipe, and run it again.

    Example:  framefoundry plan recipes/quickstart.yaml --all
    """
    if missing:
        from cli.plan_missing import plan_missing_clips

        plan_missing_clips(context.obj, recipe, missing, write)
        return
    from cli.estimates import estimate_jobs
    from cli.plan_tables import axis_table, estimate_lines, heading, pair_lines, plan_as_json, scenario_table
    from generators.coverage import coverage
    from storage.recipes import read_recipe
    from storage.store import Store

    session: Session = context.obj
    wanted = read_recipe(recipe)
    with quiet_stdout(session):
        jobs, remarks, cost = ask_generator(wanted)
    store = Store.planned(session.store)
    weights = find_weights(wanted, store)
    scenarios = [job.scenario for job in jobs]
    covered = coverage(wanted, scenarios) if wanted.prompts is not None else None
    estimate = estimate_jobs(wanted, jobs, store, cost)
    if session.json:  # a hundred thousand clips take seconds to spell out
        session.emit(plan_as_json(wanted, jobs, covered, estimate, weights))
    listed = jobs if every else jobs[:first]
    session.show(heading(len(listed), len(jobs)))
    session.show(scenario_table(listed))
    if covered is not None:
        session.show("[bold]Coverage[/]")
        session.show(axis_table(covered))
        for line in pair_lines(covered):
            session.show(line)
    for line in estimate_lines(estimate):
        session.show(line)
    for remark in remarks:
        session.show(_shown(remark))
    if weights:
        session.show(f"Weights: {_shown(weights.path)}, sha256 {weights.sha256}")
    session.show(f"Nothing was rendered. Next:  framefoundry run {_shown(recipe)}")


def list_jobs(recipe: "Recipe") -> list["ClipJob"]:
    """The clips of ``recipe``, in order; see :func:`ask_generator`."""
    return ask_generator(recipe)[0]


def ask_generator(recipe: "Recipe") -> tuple[list["ClipJob"], tuple[str, ...], "RenderCost | None"]:
    """The clips of ``recipe``, in order, what its generator wants to be known about them, and knows of their cost.

    Raises:
        FramefoundryError: it cannot be carried out here.
    """
    from generators.build import build_generator
    from generators.protocol import cost_of, remarks_of

    generator = build_generator(recipe)
    try:
        return generator.jobs(), remarks_of(generator), cost_of(generator)
    finally:
        generator.close()


def find_weights(recipe: "Recipe", store: "Store") -> "Weights | None":
    """The weights that would look at the clips of ``recipe``; None where none do.

    Raises:
        EnvironmentFault: they are missing, are no weights, or not those that the recipe pins.
    """
    from annotators.weights import resolve_weights
    from schemas.annotator_options import DetectorOptions

    options = recipe.annotator
    if not isinstance(options, DetectorOptions):
        return None
    return resolve_weights(options.weights, store, options.weights_sha256)


def _shown(text: object) -> str:
    from rich.markup import escape

    return escape(str(text))
