"""Progress on the terminal: bars for people, plain lines for logs."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cli.session import Session

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from flows.progress import Listener, Progress

SECONDS_BETWEEN_LINES = 5.0


@contextlib.contextmanager
def show_progress(session: Session) -> Iterator["Listener"]:
    """Show the progress of flows that run inside this block, on stderr; yields the listener, for other long work."""
    from flows.progress import listen

    if not session.notes.is_terminal:
        lines = PlainLines(session.note)
        with listen(lines):
            yield lines
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=session.notes) as bars:
        stages = StageBars(bars)
        with listen(stages):
            yield stages


class StageBars:
    """One bar a stage, made when the stage first reports."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: "Progress") -> None:
        """Move the bar of the stage that reports."""
        if progress.stage not in self._tasks:
            self._tasks[progress.stage] = self._bars.add_task(progress.stage, total=progress.total)
        self._bars.update(self._tasks[progress.stage], completed=progress.done, total=progress.total)


class PlainLines:
    """A line when a stage begins, when it ends, and every few seconds between."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._told: dict[str, float] = {}

    def __call__(self, progress: "Progress") -> None:
        """Write a line if one is due."""
        now = self._clock()
        last = self._told.get(progress.stage)
        if last is None or progress.done >= progress.total or now - last >= SECONDS_BETWEEN_LINES:
            self._told[progress.stage] = now
            self._write(f"{progress.stage}: {progress.done} of {progress.total}")
