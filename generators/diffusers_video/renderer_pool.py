"""One renderer process for each device: clips handed out as devices free up; deaths and hangs survived."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from typing import Any

from generators.diffusers_video.messages import (
    Answer,
    Batch,
    ClipTask,
    Done,
    Event,
    Fault,
    GivenUp,
    Ready,
    RendererStart,
    Spoiled,
    Usage,
)
from schemas.errors import EnvironmentFault

RETRIES = 1
"""A clip whose renderer died or hung under it, or that came out spoiled, gets one more chance."""

_LOADS_THAT_MAY_FAIL = 2


@dataclass
class _Worker:
    """A renderer process as its pool sees it.

    Attributes:
        in_flight: clips that it was given and has not answered for.
        ready: whether it asked for a batch.
        loaded: whether it ever did.
        deadline: by ``time.monotonic``, renewed with each clip that comes back; infinite while it has nothing to do.
        served: whether a clip of it has come back; the first batch may compile.
    """

    start: RendererStart
    process: Any
    pipe: Any
    deadline: float
    in_flight: dict[str, ClipTask] = field(default_factory=dict)
    ready: bool = False
    loaded: bool = False
    served: bool = False


@dataclass(frozen=True)
class PoolLimits:
    """Times, in seconds, and the size of a batch.

    Attributes:
        clip: longest time for one clip; a batch may take as many times that.
        load: longest time to load (and compile) the model.
        batch: clips handed out together.
    """

    clip: float
    load: float
    batch: int


class RendererPool:
    """Runs ``serve(pipe, plan, start)`` in one spawned process for each of ``starts``."""

    def __init__(
        self,
        serve: Callable[[Any, Any, RendererStart], None],
        plan: Any,
        starts: Sequence[RendererStart],
        limits: PoolLimits,
    ) -> None:
        """Start nothing yet."""
        self._serve = serve
        self._plan = plan
        self._starts = starts
        self._limits = limits
        self._context = get_context("spawn")  # CUDA does not survive a fork
        self._workers: list[_Worker] = []
        self._failed_loads = 0
        self.events: list[str] = []
        self.usage: dict[str, Usage] = {}

    def render(self, tasks: Sequence[ClipTask]) -> Iterator[Done | GivenUp]:
        """Render ``tasks``; one answer for each, as it is ready.

        A clip that was under a renderer when it died or hung, or that came out spoiled, is tried once more: alone, and,
        where spoiled, with its next attempt's seed.

        Raises:
            FramefoundryError: the model cannot be loaded, or a renderer cannot go on.
        """
        book = _Book(deque(tasks))
        try:
            while book.open:
                self._start_missing()
                self._hand_out(book)
                for worker, answer in self._answers():
                    yield from self._settle(book, worker, answer)
        finally:
            for worker in [worker for worker in self._workers if worker.in_flight]:
                self._kill(worker)  # the caller turned away in mid-batch

    def close(self) -> None:
        """End the processes: kindly at first, then not."""
        for worker in self._workers:
            with suppress(OSError):
                worker.pipe.send(None)
        for worker in list(self._workers):
            worker.process.join(timeout=5)
            self._kill(worker)

    def _settle(self, book: "_Book", worker: _Worker, answer: "Answer | _Death") -> Iterator[Done | GivenUp]:
        """Enter ``answer`` in the book; the clips that it settles, if any."""
        match answer:
            case Done() | GivenUp():
                yield book.close(answer)
            case Spoiled(clip_id, reason, detail):
                task = book.open[clip_id]
                if task.job.attempt >= RETRIES:
                    yield book.close(GivenUp(clip_id, reason, f"{detail}; after {task.job.attempt + 1} seeds"))
                else:
                    self.events.append(f"{clip_id}: {reason}: {detail}; tried again with another seed")
                    book.again(task.next_attempt())
            case _Death(reason, detail):
                for task in worker.in_flight.values():
                    if book.strike(task) > RETRIES:
                        yield book.close(GivenUp(task.clip_id, reason, f"{detail}, twice with this clip"))
                    else:
                        book.again(task)
                worker.in_flight.clear()

    def _start_missing(self) -> None:
        if not self._workers:
            # The first one encodes the prompts; the others find them in the store.
            self._launch(self._starts[0])
        elif any(worker.loaded for worker in self._workers):
            running = {worker.start.device for worker in self._workers}
            for start in self._starts:
                if start.device not in running:
                    self._launch(start)

    def _launch(self, start: RendererStart) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=self._serve, args=(theirs, self._plan, start), name=f"renderer-{start.device}", daemon=True
        )
        process.start()
        theirs.close()
        self._workers.append(_Worker(start, process, ours, time.monotonic() + self._limits.load))

    def _hand_out(self, book: "_Book") -> None:
        for worker in self._workers:
            tasks = book.take(self._limits.batch) if worker.ready else []
            if not tasks:
                continue
            worker.in_flight |= {task.clip_id: task for task in tasks}
            worker.ready = False
            self._extend(worker)
            with suppress(OSError):  # it died meanwhile; that is noticed when its answers are read
                worker.pipe.send(Batch(tuple(tasks)))

    def _extend(self, worker: _Worker) -> None:
        """Give ``worker`` the time that what it has to do may take, from now on."""
        allowed = self._limits.clip * len(worker.in_flight)
        if not worker.served:
            allowed += self._limits.load
        idle = worker.loaded and not worker.in_flight
        worker.deadline = float("inf") if idle else time.monotonic() + allowed

    def _answers(self) -> Iterator[tuple[_Worker, "Answer | _Death"]]:
        """What workers said since the last call, deaths included; waits for something."""
        patience = min(worker.deadline for worker in self._workers) - time.monotonic()
        pipes = {worker.pipe: worker for worker in self._workers}
        heard = connection.wait(list(pipes), timeout=max(0.0, min(patience, 3600)))
        for pipe in heard:
            worker = pipes[pipe]  # type: ignore[index]
            try:
                answer: Answer = worker.pipe.recv()
            except (EOFError, OSError):
                yield worker, self._bury(worker, "died")
                continue
            self._note(worker, answer)
            yield worker, answer
        for worker in list(self._workers):
            if time.monotonic() >= worker.deadline and worker.pipe not in heard:
                yield worker, self._bury(worker, "hung")

    def _note(self, worker: _Worker, answer: Answer) -> None:
        match answer:
            case Ready():
                worker.ready = worker.loaded = True
                self._failed_loads = 0
            case Done():
                worker.served = True
            case Event(text):
                self.events.append(text)
            case Usage(device):
                self.usage[device] = answer
            case Fault(fault):
                self._kill(worker)
                raise fault
        if isinstance(answer, Done | Spoiled | GivenUp):
            worker.in_flight.pop(answer.clip_id, None)
        if not isinstance(answer, Usage):
            self._extend(worker)

    def _bury(self, worker: _Worker, how: str) -> "_Death":
        """Remove a worker that died or hung; its clips are still on it."""
        worker.process.join(timeout=1) if how == "died" else None
        code = worker.process.exitcode
        self._kill(worker)
        device = worker.start.device
        death = (
            f"the renderer on {device} hung and was killed"
            if how == "hung"
            else f"the renderer on {device} ended with {code}"
        )
        self.events.append(f"{death}; {len(worker.in_flight)} clips were under way")
        if not worker.loaded:
            self._failed_loads += 1
            if self._failed_loads >= _LOADS_THAT_MAY_FAIL:
                raise EnvironmentFault(
                    f"{death} {self._failed_loads} times before it could render.",
                    "Out of host memory? Choose `profile: low-memory`; raise `load_timeout_seconds` for a slow disk.",
                )
        return _Death("timeout" if how == "hung" else "renderer_died", death)

    def _kill(self, worker: _Worker) -> None:
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        if worker in self._workers:
            self._workers.remove(worker)


@dataclass(frozen=True)
class _Death:
    """The end of a renderer: ``timeout`` or ``renderer_died``, and in words."""

    reason: str
    detail: str


class _Book:
    """Which clips are still open, and in which order they are handed out."""

    def __init__(self, waiting: deque[ClipTask]) -> None:
        self.open = {task.clip_id: task for task in waiting}
        self._waiting = waiting
        self._alone: deque[ClipTask] = deque()
        self._strikes: dict[str, int] = {}

    def take(self, batch: int) -> list[ClipTask]:
        """The next clips to render together: up to ``batch`` fresh ones, or one that is tried again."""
        if self._waiting:
            return [self._waiting.popleft() for _ in range(min(batch, len(self._waiting)))]
        return [self._alone.popleft()] if self._alone else []

    def again(self, task: ClipTask) -> None:
        """Put ``task`` among those that are tried again, each alone, after all fresh ones."""
        self.open[task.clip_id] = task
        self._alone.append(task)

    def strike(self, task: ClipTask) -> int:
        """Count a death under ``task``; how many there were."""
        self._strikes[task.clip_id] = self._strikes.get(task.clip_id, 0) + 1
        return self._strikes[task.clip_id]

    def close(self, answer: Done | GivenUp) -> Done | GivenUp:
        """``answer``, whose clip is settled."""
        del self.open[answer.clip_id]
        return answer
