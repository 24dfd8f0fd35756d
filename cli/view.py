"""`framefoundry view`: browse a dataset in the FiftyOne App."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exposure import CONSENT, LOOPBACK, check_address
from cli.session import Session

if TYPE_CHECKING:
    from storage.datasets import DatasetVersion

DATABASE_FOLDER = "fiftyone"
USUAL_PORT = 5151


def view(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Name of a published dataset.", show_default=False)],
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the App.")] = USUAL_PORT,
    media: Annotated[
        list[Path] | None,
        typer.Option(help="Further folder whose files the App may show, beside the store.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine only on purpose.")] = LOOPBACK,
    anyone: Annotated[
        bool, typer.Option(CONSENT, help="Yes, --host lets others in, and they need no password.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(hidden=True, help="Stop by itself so long after the App is up.")
    ] = None,
) -> None:
    """Open a dataset in the FiftyOne App, in the browser. Ctrl-C stops it.

    Accepted, ignored and rejected clips, the lowest confidences and each split
    are saved views of it.

    Example:  framefoundry view quickstart
    """
    from cli.interrupts import orderly_interrupts
    from publishers.fiftyone_app import open_app
    from publishers.shown_files import fetch_shown_files
    from storage.datasets import find_version, parse_reference

    session: Session = context.obj
    address = check_address(session, host, "the FiftyOne App", consented=anyone)
    store = session.open_store(create=False)
    version = find_version(store, *parse_reference(dataset))
    name = fiftyone_name(version)

    def tell(url: str) -> None:
        session.show(f"Open  {url}  in a browser. Ctrl-C stops the App.")
        session.emit({"dataset": name, "url": url})

    session.note("Starting the FiftyOne App; this takes some seconds …")
    fetch_shown_files(version)
    with contextlib.suppress(KeyboardInterrupt), orderly_interrupts(session, "Closing the App and its database."):
        open_app(
            store.root / DATABASE_FOLDER, name, media_folders=[store.root, *(media or [])], port=port, address=address,
            wait_seconds=seconds, on_ready=tell,
        )  # fmt: skip


def fiftyone_name(version: "DatasetVersion") -> str:
    """What FiftyOne calls the dataset of ``version``: its own name, unless its recipe chose another."""
    projection = version.summary.get("projections", {}).get("fiftyone", {})
    return str(projection.get("dataset", version.name))
