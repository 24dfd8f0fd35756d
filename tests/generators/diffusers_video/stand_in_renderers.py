"""Main functions of renderer processes that load no model: one behaviour each, to see what the pool makes of it."""

import os
import signal
import time
from pathlib import Path

from generators.diffusers_video.messages import Done, Event, Fault, Ready, Spoiled, Usage
from schemas.errors import EnvironmentFault
from storage.video import EncodedClip


def done(task) -> Done:
    return Done(task.clip_id, task.job.attempt, EncodedClip(task.path, "0" * 64, 5, 8.0, 32, 32, 1), 0.1)


def _serve(pipe, start, behave):
    pipe.send(Ready())
    while (batch := pipe.recv()) is not None:
        pipe.send(Usage(start.device, clips=len(batch.tasks)))
        pipe.send(Event(f"{start.device} pid {os.getpid()} renders {len(batch.tasks)}"))
        for task in batch.tasks:
            behave(pipe, task)
        pipe.send(Ready())


def sound(pipe, plan, start):
    _serve(pipe, start, lambda pipe, task: pipe.send(done(task)))


def waits_for_the_other(pipe, plan, start):
    """``cuda:0`` is busy with its first clip until ``cuda:1`` has taken one. ``plan`` is a file that says so."""

    def behave(pipe, task):
        if start.device == "cuda:1":
            Path(plan).touch()
        while not Path(plan).exists():
            time.sleep(0.02)
        pipe.send(done(task))

    _serve(pipe, start, behave)


def dies_on_one(pipe, plan, start):
    """Killed, as by the kernel, whenever it is given the clip whose prompt is `poison`."""

    def behave(pipe, task):
        if task.job.scenario.prompt == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(done(task))

    _serve(pipe, start, behave)


def hangs_once(pipe, plan, start):
    """Hangs at the clip whose prompt is `hang`; the next process does not. ``plan`` is a file that remembers."""

    def behave(pipe, task):
        marker = Path(plan)
        if task.job.scenario.prompt == "hang" and not marker.exists():
            marker.touch()
            time.sleep(600)
        pipe.send(done(task))

    _serve(pipe, start, behave)


def spoils_first_attempts(pipe, plan, start):
    """A first attempt is black; so is every attempt at `poison`."""

    def behave(pipe, task):
        if task.job.attempt == 0 or task.job.scenario.prompt == "poison":
            pipe.send(Spoiled(task.clip_id, "black_frames", f"seed {task.seed}"))
        else:
            pipe.send(done(task))

    _serve(pipe, start, behave)


def cannot_load(pipe, plan, start):
    pipe.send(Fault(EnvironmentFault("the weights are damaged.", "Fetch them again.")))


def dies_while_loading(pipe, plan, start):
    os._exit(9)
