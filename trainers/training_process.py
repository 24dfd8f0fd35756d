"""A training in a process of its own.

Ultralytics draws its augmentation from Python's and numpy's global random states. A flow's process has other threads
that draw from them too (Prefect's clients jitter their retries), and so equal seeds gave unequal weights now and then.
In its own process a training is alone with them; its threads, settings and memory end with it as well.
"""

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

from schemas.errors import EnvironmentFault, FramefoundryError
from storage.processes import end_with_parent

END_SECONDS = 5.0
Report = TypeVar("Report")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Told:
    report: Any


@dataclass(frozen=True)
class _Failed:
    fault: FramefoundryError


@dataclass(frozen=True)
class _Done:
    result: Any


def run_in_process(
    work: Callable[[Callable[[Report], None]], Result], on_report: Callable[[Report], None] | None
) -> Result:
    """Call ``work(tell)`` in a new process and return what it returns; whatever it tells goes to ``on_report`` here.

    Work, reports and result are pickled. An interrupt here ends the process, at once.

    Raises:
        FramefoundryError: as the work raised it.
        EnvironmentFault: the work raised anything else, or its process died.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, work), name="training")
    process.start()
    there.close()
    try:
        return cast(Result, _listen(here, on_report))
    except EOFError:
        process.join(END_SECONDS)
        raise EnvironmentFault(
            f"The training process died (exit code {process.exitcode}).",
            "Often memory: lower `batch` or the image size, and look at the system's log.",
        ) from None
    finally:
        here.close()
        process.terminate()
        process.join(END_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _listen(pipe: Connection, on_report: Callable[[Any], None] | None) -> Any:
    while True:
        message = pipe.recv()
        if isinstance(message, _Failed):
            raise message.fault
        if isinstance(message, _Done):
            return message.result
        if on_report is not None:
            on_report(message.report)


def _serve(pipe: Connection, work: Callable[[Callable[[Any], None]], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt goes to the whole group; the parent decides
    end_with_parent()
    try:
        pipe.send(_Done(work(lambda report: pipe.send(_Told(report)))))
    except FramefoundryError as fault:
        pipe.send(_Failed(fault))
    except Exception as fault:
        pipe.send(_Failed(EnvironmentFault(f"The training failed: {type(fault).__name__}: {fault}", "")))
