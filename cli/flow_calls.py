"""What every command that runs a flow needs around it: Prefect's settings, progress, signals, a clean stdout."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from cli.interrupts import orderly_interrupts
from cli.progress import show_progress
from cli.session import Session, quiet_stdout
from storage.store import Store

PREFECT_FOLDER = "prefect"


@contextlib.contextmanager
def flow_surroundings(session: Session) -> Iterator[Store]:
    """Open the store and prepare this process to run flows on it; import flows only inside this block.

    Raises:
        StoreError: the store cannot be opened.
    """
    store = session.open_store()
    with orderly_interrupts(session), quiet_stdout(session):
        prepare_prefect(session, store.root)
        with show_progress(session):
            yield store


def prepare_prefect(session: Session, root: Path) -> None:
    """Set Prefect's environment for the store at ``root``, and see to it that there is a server to report to.

    Raises:
        EnvironmentFault: the embedded server does not start, or ``PREFECT_API_URL`` does not answer.
    """
    from flows.embedded_server import start_embedded_server
    from flows.prefect_settings import configure_prefect

    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")  # what the UI shows of a run
    # What a run has to say stands in its report and its errors; Prefect would say it again, with tracebacks.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO" if session.verbose else "CRITICAL")
    running = configure_prefect(root / PREFECT_FOLDER)
    if running:
        refuse_silent_server(running)
        session.note(f"Follow this run at {running.removesuffix('/api')}/runs")
    else:
        session.note("Starting Prefect's embedded server (the first start on a store takes some seconds) …")
        start_embedded_server()


def refuse_silent_server(api: str) -> None:
    """Refuse a server that does not answer now, rather than after Prefect's many tries.

    Raises:
        EnvironmentFault: it does not answer.
    """
    from flows.embedded_server import why_unreachable
    from schemas.errors import EnvironmentFault

    silence = why_unreachable(api)
    if silence:
        raise EnvironmentFault(
            f"the Prefect server at {api} does not answer: {silence}",
            "Start it, or unset PREFECT_API_URL to use the embedded one.",
        )
