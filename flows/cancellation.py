"""Cancelling a run in Prefect's pages ends its process, and everything below it, within seconds.

Prefect's worker interrupts a run that is to be cancelled and kills it half a minute later; a run from the command line
that merely reports to the server is interrupted by nobody. So every run watches whether it is being cancelled. It gets
some seconds to finish what is in hand, as upon Ctrl-C, and is ended then, as upon a second Ctrl-C: the store is whole
at any moment (``docs/recovery.md``).
"""

import logging
import os
import signal
import threading
import time
from typing import Any
from uuid import UUID

import psutil

POLL_SECONDS = 1.5
ORDERLY_SECONDS = 6.0
"""For finishing what is in hand; with the polling before and the telling after it stays below 15 s."""
TELL_SECONDS = 3.0
CANCELLED_EXIT_CODE = 130
DATABASE = "mongod"

_log = logging.getLogger(__name__)


def watch_for_cancellation(flow_run_id: UUID, *, has_worker: bool) -> None:
    """Watch in a thread, until the run has ended, whether it is being cancelled; then end it.

    Args:
        flow_run_id: the run that this process carries out.
        has_worker: whether a worker started this process for it, and interrupts it. Such a process is ended whole;
            one that only called the flow, such as the command line, gets SIGINT, and again.
    """
    name = f"cancellation-of-{flow_run_id}"
    if any(thread.name == name for thread in threading.enumerate()):
        return  # a run that was suspended and goes on
    threading.Thread(target=_watch, args=(flow_run_id, has_worker), name=name, daemon=True).start()


def settle_cancellation(flow: Any, flow_run: Any, state: Any) -> None:
    """Say Cancelled of a run that was interrupted because somebody cancelled it; an ``on_crashed`` hook."""
    from prefect.client.orchestration import get_client

    if flow_run.id not in _being_cancelled:
        return
    with get_client(sync_client=True) as client:
        _tell_cancelled(client, flow_run.id)


_being_cancelled: set[UUID] = set()


def _watch(flow_run_id: UUID, has_worker: bool) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        if not _is_cancelled_in_time(client, flow_run_id):
            return
        _being_cancelled.add(flow_run_id)
        if not has_worker:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(ORDERLY_SECONDS)
        if not has_worker:
            os.kill(os.getpid(), signal.SIGINT)
            return
        # A server that is slow to answer does not keep the process: the worker reports its end, or the next start.
        threading.Timer(TELL_SECONDS, _end_family).start()
        _tell_cancelled(client, flow_run_id)
        _end_family()


def _is_cancelled_in_time(client: Any, flow_run_id: UUID) -> bool:
    """Wait; True once the run is being cancelled, False once it has ended in another way or is gone."""
    from prefect.exceptions import ObjectNotFound

    while True:
        time.sleep(POLL_SECONDS)
        try:
            state = client.read_flow_run(flow_run_id).state
        except ObjectNotFound:
            return False
        except Exception as fault:  # a server that is away for a while; Prefect's own faults share no base class
            _log.debug("Whether %s is cancelled could not be asked: %s", flow_run_id, fault)
            continue
        if state is not None and (state.is_cancelling() or state.is_cancelled()):
            return True
        if state is not None and state.is_final():
            return False


def _tell_cancelled(client: Any, flow_run_id: UUID) -> None:
    from prefect.states import Cancelled

    client.set_flow_run_state(flow_run_id, Cancelled(message="Cancelled; what was finished is kept."), force=True)


def _end_family() -> None:
    """End every process below this one, and this one."""
    for child in psutil.Process().children(recursive=True):
        try:
            # A database that is killed may lose what was written last; it ends by itself within seconds.
            child.terminate() if child.name() == DATABASE else child.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(CANCELLED_EXIT_CODE)
