"""`framefoundry bootstrap`: make the bundled starter detector again."""

import typer


def bootstrap(context: typer.Context) -> None:
    """Train the starter detector from scratch on procedural footage with exact labels. Takes hours on a CPU."""
    raise NotImplementedError
