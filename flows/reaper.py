"""Flow runs whose process is gone are marked Crashed by the next start of a run, or of `framefoundry serve`.

Prefect learns of the end of a run from the run itself, or from the worker that started it. Where both were killed, or
where there was no worker, the run stays Running in its database for good, and so do its tasks. So every run of ours
notes in labels which process it is, and every start looks for runs whose process no longer exists.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from flows.cancellation import watch_for_cancellation
from flows.device_limits import LEASE, release_lease

PID, STARTED, MACHINE = "framefoundry.pid", "framefoundry.process_started", "framefoundry.machine"
GRACE_SECONDS = 20.0
"""A run that began less than this ago is left alone: its process may be about to say which it is."""
SAME_START_SECONDS = 2.0
PAGE = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunProcess:
    """The process of a flow run.

    Attributes:
        pid: its number.
        started: when it began, seconds since the epoch: numbers are given again.
        machine: host and process namespace, outside which the number means nothing.
    """

    pid: int
    started: float
    machine: str

    @classmethod
    def here(cls) -> "RunProcess":
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time(), _machine())

    @classmethod
    def from_labels(cls, labels: Mapping[str, Any]) -> "RunProcess | None":
        """The process that a run's labels name; None where they name none."""
        try:
            return cls(int(labels[PID]), float(labels[STARTED]), str(labels[MACHINE]))
        except (KeyError, TypeError, ValueError):
            return None

    def labels(self) -> dict[str, Any]:
        """Labels that name this process."""
        return {PID: self.pid, STARTED: self.started, MACHINE: self.machine}

    def is_gone(self) -> bool:
        """Whether it ended for certain: never so for a process of another machine."""
        if self.machine != _machine():
            return False
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.started) > SAME_START_SECONDS
                or process.status() == psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:  # somebody's, and there
            return False


def claim_run(flow: Any, flow_run: Any, state: Any) -> None:
    """Note in the labels of ``flow_run`` that this process carries it out, and reap lost ones; an ``on_running`` hook.

    From here on the run can be cancelled, too. A server that refuses anything does not keep the run from its work.
    """
    from prefect.client.orchestration import get_client

    watch_for_cancellation(flow_run.id, has_worker=flow_run.deployment_id is not None)
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(flow_run.id, RunProcess.here().labels())
            for name in reap_lost_runs(client):
                _log.warning("The run %s was still Running, but its process is gone: it is marked Crashed now.", name)
    except Exception as fault:  # whatever a server or a network answers; Prefect's own faults share no base class
        _log.warning("Runs whose process is gone could not be looked for: %s", fault)


def reap_lost_runs(client: Any, grace: float = GRACE_SECONDS) -> list[str]:
    """Mark those runs Crashed that are Running, or being cancelled, in the database and nowhere else; their names.

    Runs without our labels, of another machine, or begun less than ``grace`` seconds ago are not touched; but what a
    process that is gone held of devices is free at once.

    Args:
        client: Prefect's, synchronous.
        grace: seconds.
    """
    from prefect.states import Crashed

    reaped = []
    for run in list(_unfinished(client)):
        process = RunProcess.from_labels(run.labels or {})
        if process is None or not process.is_gone():
            continue
        _free_devices(client, run)
        if _is_new(run, grace):
            continue
        # The process is gone, so what it had to report has been: only now can it be told what is missing.
        if not _is_unfinished(client.read_flow_run(run.id)):
            continue
        message = f"Process {process.pid} on {process.machine.partition('/')[0]} is gone: killed, or the machine was."
        client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        reaped.append(run.name)
    _reap_tasks(client)
    return reaped


def reap_lost_runs_at(api: str) -> list[str]:
    """:func:`reap_lost_runs` on the server at ``api``, where nothing has just begun."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        return reap_lost_runs(client, grace=0)


def _reap_tasks(client: Any) -> None:
    """Mark those task runs Crashed that are unfinished although their flow run has crashed, whoever found that out."""
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
        TaskRunFilter,
        TaskRunFilterState,
        TaskRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    crashed = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CRASHED]))
    open_types = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    unfinished = TaskRunFilterState(type=TaskRunFilterStateType(any_=open_types))
    tasks: list[Any] = []
    while page := client.read_task_runs(
        flow_run_filter=FlowRunFilter(state=crashed),
        task_run_filter=TaskRunFilter(state=unfinished),
        limit=PAGE,
        offset=len(tasks),
    ):
        tasks += page
    for task in tasks:
        client.set_task_run_state(task.id, Crashed(message="The process of its run is gone."), force=True)


def _free_devices(client: Any, run: Any) -> None:
    lease = run.labels.get(LEASE)
    if lease:
        release_lease(client, UUID(lease))


def _unfinished(client: Any) -> Iterator[Any]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType

    types = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.CANCELLING])
    wanted = FlowRunFilter(state=FlowRunFilterState(type=types))
    offset = 0
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=offset):
        yield from page
        offset += len(page)


def _is_unfinished(run: Any) -> bool:
    return run.state is not None and (run.state.is_running() or run.state.is_cancelling())


def _is_new(run: Any, grace: float) -> bool:
    return run.state is None or (datetime.now(UTC) - run.state.timestamp).total_seconds() < grace


def _machine() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"
