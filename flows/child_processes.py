"""Processes that live no longer than the one that started them."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_SECONDS = 15.0
LOG_BYTES = 20 * 2**20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ChildProcess:
    """A running child.

    Attributes:
        name: for messages, such as ``server``.
        process: leader of its own session, so that a Ctrl-C at the terminal reaches it only through us.
        log: file that takes its output.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def last_lines(self, count: int = 15) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def start_child(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path
) -> ChildProcess:
    """Start ``command`` in ``folder``; should this process be killed, the kernel ends the child (on Linux).

    Its output goes to the end of ``log``, which is kept from growing here and by whoever calls :func:`bound_log`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    bound_log(log)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_death_with_parent(),  # noqa: PLW1509 - one call of a C function that was loaded before
        )
    return ChildProcess(name, process, log)


def bound_log(log: Path, limit: int = LOG_BYTES) -> None:
    """Keep ``log`` at ``limit`` bytes: what is above goes to ``<log>.1``, in the place of what was there.

    The process that writes it appends, and goes on in the emptied file.
    """
    if log.stat().st_size > limit:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate()


def stop_child(child: ChildProcess, grace: float = STOP_SECONDS) -> None:
    """End ``child`` and every process below it: SIGTERM, and SIGKILL for what is left after ``grace`` seconds."""
    deadline = time.monotonic() + grace
    descendants = _descendants(child.process.pid)
    child.process.terminate()
    for descendant in descendants:
        _signal(descendant, signal.SIGTERM)
    try:
        child.process.wait(grace)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
    _, stubborn = psutil.wait_procs(descendants, timeout=max(0.0, deadline - time.monotonic()))
    for descendant in stubborn:
        _signal(descendant, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=grace)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(member: psutil.Process, number: signal.Signals) -> None:
    try:
        member.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _death_with_parent() -> Callable[[], None] | None:
    """A hook for the child, before it becomes the command: ask the kernel for SIGTERM when the parent dies."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: the child may not load anything
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask
