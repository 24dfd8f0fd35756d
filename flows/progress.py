"""Progress of a run: told to whoever listens (the command line's bars) and kept as a Prefect artifact."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` units of ``stage`` are finished."""

    stage: str
    done: int
    total: int


Listener = Callable[[Progress], None]
_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Send every :class:`Progress` of flows run inside this block to ``listener``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(progress: Progress) -> None:
    """Send ``progress`` to the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(progress)


class StageProgress:
    """Counts one stage and tells the listener and Prefect's UI."""

    def __init__(self, stage: str, total: int) -> None:
        from prefect.artifacts import create_progress_artifact

        self._stage, self._total, self._done = stage, total, 0
        self._artifact = create_progress_artifact(0.0, key=f"progress-{stage}", description=f"{stage}: {total} clips")
        self._tell()

    def advance(self, units: int) -> None:
        """``units`` more are finished."""
        from prefect.artifacts import update_progress_artifact

        self._done += units
        update_progress_artifact(self._artifact, round(100 * self._done / max(self._total, 1), 1))  # type: ignore[arg-type]
        self._tell()

    def _tell(self) -> None:
        tell(Progress(self._stage, self._done, self._total))
