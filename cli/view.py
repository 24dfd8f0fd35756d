"""`framefoundry view`: browse a dataset in the FiftyOne App."""

from typing import Annotated

import typer

from cli.session import Session


def view(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a published dataset.", show_default=False)],
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the App, on this machine only.")] = 5151,
    seconds: Annotated[float, typer.Option(hidden=True, help="Stop by itself after so many seconds.")] = -1,
) -> None:
    """Open a dataset in the FiftyOne App, in the browser. Ctrl-C stops it.

    The frame view, the accepted, ignored and rejected labels and each split are saved views of it.

    Example:  framefoundry view quickstart
    """
    raise NotImplementedError
