"""`framefoundry run`: the main job, from a recipe to a published dataset version."""

from pathlib import Path
from typing import Annotated

import typer

from cli.session import Session
from flows.runner_choice import RunnerName, check_runner

RecipeArgument = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file (YAML).", show_default=False)]


RunnerOption = Annotated[
    RunnerName,
    typer.Option(help="Who does the work: this process, or workers of a Ray or Dask cluster; docs/scale-out.md."),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Workers of that cluster. Default: one a core.", show_default=False)
]


def run(
    context: typer.Context,
    recipe: RecipeArgument,
    *,
    runner: RunnerOption = "threads",
    workers: WorkersOption = None,
) -> None:
    """Carry out a recipe: render, label, score, curate and publish a dataset version.

    What is in the store already is never made again: a stopped run continues
    where it was, and a second run of the same recipe takes seconds.

    Example:  framefoundry run recipes/quickstart.yaml
    """
    from annotators.build import build_annotator
    from cli import flow_calls
    from cli.run_report import finish_run
    from storage.recipes import read_recipe

    session: Session = context.obj
    check_runner(runner, workers)
    wanted = read_recipe(recipe)
    build_annotator(wanted, session.open_store())  # missing weights are refused before Prefect starts
    with flow_calls.flow_surroundings(session) as store:
        from flows.build import build_dataset

        report = build_dataset(str(recipe.resolve()), store=store.location, runner=runner, workers=workers)
    finish_run(session, report)
