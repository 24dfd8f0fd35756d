"""Stages that work at the same time: each has a lane, in which batches wait and of which few are on their way."""

import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flows.batches import batch_size
from schemas.records import Failure

Item = TypeVar("Item")


@dataclass(frozen=True)
class BatchOutcome:
    """What came of a batch.

    Attributes:
        done: how many clips are.
        failures: of those that are not.
        remarks: what there is to say about all that this worker has done for the stage so far.
        worker: who it was; empty where there is but one.
    """

    done: int
    failures: list[Failure]
    remarks: tuple[str, ...] = ()
    worker: str = ""

    @property
    def clips(self) -> int:
        """Clips of the batch, whatever became of them."""
        return self.done + len(self.failures)


class Advancing(Protocol):
    """Progress of a stage."""

    def advance(self, units: int) -> None:
        """``units`` more clips have been answered for."""


class Lane(Generic[Item]):
    """Work of one stage on its way to a Prefect task, a batch at a time.

    Attributes:
        done: clips that succeeded.
        failures: of those that did not.
        busy_seconds: wall time in which at least one batch was at work.
        wall_seconds: from the start of the first batch to the end of the last.
    """

    def __init__(
        self,
        stage: str,
        submit: Callable[[list[Item], str], Any],
        *,
        items: int,
        progress: "Advancing | None" = None,
        width: int = 1,
        clips_of: Callable[[Item], int] = lambda item: 1,
    ) -> None:
        """A lane for ``items`` items of work.

        Args:
            stage: its name in progress and reports.
            submit: hands a batch and its label to Prefect and returns the future of a :class:`BatchOutcome`.
            items: how many will pass, for the size of batches.
            progress: told how many clips each batch has answered for.
            width: batches on their way at once.
            clips_of: clips in an item.
        """
        self.stage = stage
        self.done = 0
        self.failures: list[Failure] = []
        self.busy_seconds = 0.0
        self.wall_seconds = 0.0
        self._submit = submit
        self._items, self._taken = items, 0
        self._width, self._running = width, 0
        self._waiting: deque[Item] = deque()
        self._clips_of = clips_of
        self._first: float | None = None
        self._since = 0.0
        self._progress = progress

    @property
    def waiting(self) -> int:
        """Clips that wait for a batch."""
        return sum(map(self._clips_of, self._waiting))

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self._waiting and not self._running

    @property
    def has_room(self) -> bool:
        """Whether one more batch may start."""
        return self._running < self._width

    def add(self, items: Iterable[Item]) -> None:
        """Put ``items`` at the end of the lane."""
        self._waiting.extend(items)

    def abandon(self) -> None:
        """Give up what waits; what is on its way ends in order."""
        self._waiting.clear()

    def start(self, finished: "Finished", *, partial: bool) -> bool:
        """Start the next batch if there is one and room for it; its future comes to ``finished``.

        Args:
            finished: receives this lane, the batch and its future when it has ended.
            partial: start also what would not fill a batch; nothing more is about to come.
        """
        size = batch_size(self._items, self._width)
        if not self.has_room or not self._waiting or (len(self._waiting) < size and not partial):
            return False
        batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
        label = f"{self._taken + 1}-{self._taken + len(batch)} of {self._items}"
        self._taken += len(batch)
        self._note_start()
        self._submit(batch, label).add_done_callback(lambda future: finished.put((self, batch, future)))
        return True

    def finish(self, outcome: BatchOutcome) -> None:
        """Count a batch that has ended."""
        now = time.perf_counter()
        self._running -= 1
        if not self._running:
            self.busy_seconds += now - self._since
        self.wall_seconds = now - (self._first or now)
        self.done += outcome.done
        self.failures += outcome.failures
        if self._progress is not None:
            self._progress.advance(outcome.clips)

    def _note_start(self) -> None:
        now = time.perf_counter()
        self._first = now if self._first is None else self._first
        self._since = self._since if self._running else now
        self._running += 1


Finished = queue.SimpleQueue[tuple[Lane[Any], list[Any], Any]]


def run_lanes(
    lanes: Sequence[Lane[Any]],
    *,
    may_start: Callable[[Lane[Any]], bool],
    nothing_more_for: Callable[[Lane[Any]], bool],
    on_batch: Callable[[Lane[Any], list[Any], BatchOutcome], None],
) -> None:
    """Work until every lane is idle. Called from a flow's body, the only place that submits tasks.

    Args:
        lanes: in the order in which they are offered to start.
        may_start: whether a lane may begin a batch now; where it always says no, the lane's work is left.
        nothing_more_for: whether all that a lane will ever hold waits in it already.
        on_batch: told each batch that has ended, with its items; it may add to lanes.

    Raises:
        Exception: that of the first batch whose task failed; other batches on their way end first.
    """
    finished: Finished = queue.SimpleQueue()
    running = 0
    while True:
        for lane in lanes:
            while may_start(lane) and lane.start(finished, partial=nothing_more_for(lane)):
                running += 1
        if not running:
            return
        lane, batch, future = finished.get()
        running -= 1
        outcome = future.result()
        lane.finish(outcome)
        on_batch(lane, batch, outcome)
