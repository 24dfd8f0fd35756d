"""`framefoundry publish`: a new dataset version from stored scores, under other thresholds."""

from typing import Annotated

import typer

from cli.run import RecipeArgument
from cli.session import Session

ACCEPT_HELP = typer.Option(min=0.0, max=1.0, help="From this confidence on a box is a label.")
IGNORE_HELP = typer.Option(min=0.0, max=1.0, help="Below it a box is nothing; between, an ignore region.")


def publish(
    context: typer.Context,
    recipe: RecipeArgument,
    accept: Annotated[float | None, ACCEPT_HELP] = None,
    ignore: Annotated[float | None, IGNORE_HELP] = None,
) -> None:
    """Publish a new version of a recipe's dataset from stored scores: no rendering, no inference.

    Example:  framefoundry publish recipes/quickstart.yaml --accept 0.7
    """
    from cli import flow_calls
    from cli.run_report import finish_run
    from storage.recipes import read_recipe

    session: Session = context.obj
    read_recipe(recipe)  # a wrong recipe is refused before Prefect starts
    with flow_calls.flow_surroundings(session) as store:
        from flows.republish import republish

        report = republish(str(recipe.resolve()), store=store.location, accept=accept, ignore=ignore)
    finish_run(session, report)
