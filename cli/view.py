"""`framefoundry view`: browse a dataset in the FiftyOne App."""

import contextlib
import io
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from cli.session import Session

if TYPE_CHECKING:
    from storage.datasets import DatasetVersion

DATABASE_FOLDER = "fiftyone"
USUAL_PORT = 5151


def view(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a published dataset.", show_default=False)],
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the App, on this machine only.")] = USUAL_PORT,
    seconds: Annotated[float | None, typer.Option(hidden=True, help="Stop by itself after so many seconds.")] = None,
) -> None:
    """Open a dataset in the FiftyOne App, in the browser. Ctrl-C stops it.

    Accepted, ignored and rejected clips, the lowest confidences and each split
    are saved views of it.

    Example:  framefoundry view quickstart
    """
    from cli.interrupts import orderly_interrupts
    from publishers.fiftyone_session import open_app
    from storage.datasets import find_version, parse_reference

    session: Session = context.obj
    store = session.open_store(create=False)
    name = fiftyone_name(find_version(store, *parse_reference(dataset)))
    refuse_taken_port(port)
    url = f"http://localhost:{port}/datasets/{name}"
    session.show(f"Starting the App; in some seconds open  {url}  (Ctrl-C stops it).")
    session.emit({"dataset": name, "url": url})
    farewell = orderly_interrupts(session, "Closing the App and its database.")
    # FiftyOne explains how to reach it from another machine, which our address does not allow.
    with contextlib.suppress(KeyboardInterrupt), farewell, contextlib.redirect_stdout(io.StringIO()):
        open_app(store.root / DATABASE_FOLDER, name, port=port, wait_seconds=seconds)


def fiftyone_name(version: "DatasetVersion") -> str:
    """What FiftyOne calls the dataset of ``version``.

    Raises:
        RecipeError: it was published without FiftyOne.
    """
    from schemas.errors import RecipeError

    projection = version.summary.get("projections", {}).get("fiftyone")
    if not projection:
        raise RecipeError(
            f"{version.name}@{version.version} was published without FiftyOne.",
            "Write `fiftyone: {}` below `publish` in its recipe, and run `framefoundry publish RECIPE`.",
        )
    return str(projection["dataset"])


def refuse_taken_port(port: int) -> None:
    """Refuse a port that somebody listens on: the App would show another database's datasets there.

    Raises:
        BusyError: it is taken.
    """
    from schemas.errors import BusyError

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise BusyError(f"port {port} is taken, perhaps by another App.", "Stop that one, or give another --port.")
