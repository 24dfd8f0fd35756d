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
    api = prepare_prefect(session, store.root)
    if api:
        session.note(f"Prefect: follow this run at {api.removesuffix('/api')}")
    else:
        session.note("Prefect: starting its embedded server (the first start takes some seconds) …")
    with orderly_interrupts(session), quiet_stdout(session), show_progress(session):
        yield store


def prepare_prefect(session: Session, root: Path) -> str:
    """Set Prefect's environment for the store at ``root``; the URL of a server that is up already, else ``""``."""
    from flows.prefect_settings import configure_prefect

    if session.verbose:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO")
    return configure_prefect(root / PREFECT_FOLDER)
