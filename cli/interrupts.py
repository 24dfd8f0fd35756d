"""Ctrl-C: the first one stops in order, the second one at once. SIGTERM counts as Ctrl-C."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from cli.faults import INTERRUPTED
from cli.session import Session

FINISHING = "Finishing what is in hand; press Ctrl-C again to stop at once."


@contextlib.contextmanager
def orderly_interrupts(session: Session, farewell: str = FINISHING) -> Iterator[None]:
    """Inside this block the first SIGINT or SIGTERM says ``farewell`` and raises KeyboardInterrupt; the second kills.

    Does nothing off the main thread, where Python delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            _kill_children()
            os._exit(INTERRUPTED)
        stopping = True
        session.note(f"[yellow]Stopping.[/] {farewell}")
        raise KeyboardInterrupt

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _kill_children() -> None:
    """Kill every process below this one: renderers, and the embedded server."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
