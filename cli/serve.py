"""`framefoundry serve`: Prefect's server with its UI, a worker, deployments and automations, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exposure import CONSENT, LOOPBACK, check_address
from cli.session import Session


def serve(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1024, max=65535, help="Port of the server. Default: 4200, or a free one.")
    ] = None,
    deployments: Annotated[
        Path | None, typer.Option(help="Deployments to make. Default: deployments/prefect.yaml.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine only on purpose.")] = LOOPBACK,
    anyone: Annotated[
        bool, typer.Option(CONSENT, help="Yes, --host lets others in, and they need no password.")
    ] = False,
) -> None:
    """Start a Prefect server, a worker and what runs by itself: nightly build, inbox, retraining. Ctrl-C stops all.

    While it runs, `framefoundry run` on the same store reports to this server: follow it in the Prefect UI.

    Example:  framefoundry serve --port 4200
    """
    from cli.flow_calls import PREFECT_FOLDER

    session: Session = context.obj
    address = check_address(session, host, "Prefect's server", consented=anyone)
    store = session.open_store()
    from flows.serve import serve_here

    serve_here(
        store,
        home=store.root / PREFECT_FOLDER,
        tell=session.note,
        port=port,
        deployments=deployments.resolve() if deployments else None,
        host=address,
    )
