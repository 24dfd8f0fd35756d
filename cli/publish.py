"""`framefoundry publish`: a new dataset version from stored scores, under other thresholds."""

from typing import Annotated

import typer

from cli.run import RecipeArgument
from cli.session import Session

AcceptOption = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, show_default=False, help="From this confidence on a box is a label."),
]
IgnoreOption = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, show_default=False, help="Below it a box is nothing; between, an ignore region."),
]


def publish(context: typer.Context, recipe: RecipeArgument, accept: AcceptOption = None, ignore: IgnoreOption = None) -> None:
    """Publish a new version of a recipe's dataset from stored scores: no rendering, no inference.

    Example:  framefoundry publish recipes/quickstart.yaml --accept 0.7
    """
    from storage.recipes import read_recipe

    session: Session = context.obj
    read_recipe(recipe)
    from cli.flow_calls import flow_surroundings
    from cli.run_report import finish_run

    with flow_surroundings(session) as store:
        from flows.republish import republish

        report = republish(str(recipe.resolve()), store=str(store.root), accept=accept, ignore=ignore)
    finish_run(session, report)
