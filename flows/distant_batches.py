"""Batches carried out by worker processes that share nothing with this one but the store.

A worker may be killed, or its machine with it, and its batch is sent again: what the store holds by then is not done
twice, and a clip is committed once, whoever was first. So no task needs to know where it runs.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flows.run_log import find_log
from schemas.errors import EnvironmentFault

RETRY_SECONDS = (2.0, 10.0, 30.0)
"""Before a batch is sent again whose worker was lost: a machine that is out of memory needs a while."""
STAGES = 3


@dataclass(frozen=True)
class Cluster:
    """Workers, and Prefect's way to them.

    Attributes:
        name: for messages.
        runner: a task runner of Prefect's that has been entered.
        workers: batches of one stage that are sent at the same time.
        lost: what a future raises whose worker is gone.
        demands: what a task needs of its worker, as a context to submit it in; takes the task and its recipe.
    """

    name: str
    runner: Any
    workers: int
    lost: tuple[type[BaseException], ...]
    demands: Callable[[Any, Any], AbstractContextManager[Any]] = field(default=lambda work, recipe: nullcontext())


class DistantBatches:
    """Sends batches to a cluster; a context manager, made and used in a flow's body.

    Each batch has a thread here that waits for it. Whatever is still on its way at the end is left to itself: its
    cluster, or its connection to us, is about to end.
    """

    def __init__(self, cluster: Cluster, retry_seconds: tuple[float, ...] = RETRY_SECONDS) -> None:
        self._cluster, self._retry_seconds = cluster, retry_seconds
        self._closing = threading.Event()
        self._waiters = ThreadPoolExecutor(STAGES * cluster.workers, thread_name_prefix="batch")

    def __enter__(self) -> "DistantBatches":
        return self

    def __exit__(self, *fault: object) -> None:
        self._closing.set()
        self._waiters.shutdown(cancel_futures=True)

    def submit(self, work: Any, *arguments: Any) -> Future[Any]:
        """Send the Prefect task ``work`` to a worker; the future of its result.

        The result of a batch whose worker was lost again and again is an ``EnvironmentFault``.
        """
        # Prefect finds the run that a task belongs to in the context of whoever submits it.
        return self._waiters.submit(copy_context().run, self._carry, work, arguments)

    def _carry(self, work: Any, arguments: tuple[Any, ...]) -> Any:
        from prefect.utilities.callables import get_call_parameters

        parameters = get_call_parameters(work.fn, arguments, {})
        for delay in (*self._retry_seconds, None):
            with self._cluster.demands(work, arguments[0]):
                future = self._cluster.runner.submit(work, parameters=parameters)
            self._await_end(future)
            try:
                return future.result()
            except self._cluster.lost as fault:
                said = str(fault).strip().partition("\n")[0] or type(fault).__name__
                _tell_crashed(work, future.task_run_id, said)
                if delay is None:
                    raise EnvironmentFault(
                        f"{work.name}: its {self._cluster.name} worker was lost {len(self._retry_seconds) + 1} times: "
                        f"{said}",
                        "Look at the memory of the workers' machines. What was finished is kept: run again.",
                    ) from fault
                find_log().warning("A worker was lost: %s. Its batch is sent again in %g s.", said, delay)
            if self._closing.wait(delay):
                raise _Closed
        raise AssertionError("the last try returns or raises")

    def _await_end(self, future: Any) -> None:
        """Wait until ``future`` has ended, in a way that closing interrupts."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not ended.wait(0.5):
            if self._closing.is_set():
                raise _Closed


class _Closed(Exception):
    """Nobody waits for this batch any more."""


def _tell_crashed(work: Any, task_run_id: UUID, said: str) -> None:
    """Mark a task run that nobody else can end; a server that refuses keeps nobody from trying again."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import State
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.runtime import flow_run
    from prefect.states import Crashed

    state: State[Any] = Crashed(message=f"Its worker was lost: {said}")
    try:
        with get_client(sync_client=True) as client:
            try:
                client.set_task_run_state(task_run_id, state, force=True)
            except PrefectHTTPStatusError as fault:
                if fault.response.status_code != HTTPStatus.NOT_FOUND:
                    raise
                # Workers tell the server of their runs by events, with a delay: one killed early has told nothing yet.
                # Should its "Running" still arrive, it is the older state, and the server keeps the newer.
                client.create_task_run(
                    work, UUID(flow_run.id), str(task_run_id), id=task_run_id, name=f"{work.name} (lost)", state=state
                )
    except Exception as fault:  # whatever a server or a network answers; Prefect's own faults share no base class
        find_log().warning("The task run %s could not be marked Crashed: %s", task_run_id, fault)
