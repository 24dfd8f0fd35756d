"""Sending batches to workers that may be lost, with threads in place of a cluster."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from uuid import uuid4

import pytest

from flows import distant_batches
from flows.distant_batches import Cluster, DistantBatches
from schemas.errors import EnvironmentFault


class WorkerLost(Exception):
    pass


class Runner:
    """As Prefect's runners, as far as batches are concerned."""

    def __init__(self, pool):
        self.pool, self.sent = pool, []

    def submit(self, work, parameters):
        self.sent.append(parameters)
        future = self.pool.submit(work.fn, **parameters)
        future.task_run_id = uuid4()
        return future


@pytest.fixture
def crashed(monkeypatch):
    told = []
    monkeypatch.setattr(distant_batches, "_tell_crashed", lambda work, run, said: told.append(said))
    return told


@pytest.fixture
def runner():
    with ThreadPoolExecutor(8) as pool:
        yield Runner(pool)


def batches_on(runner, retry_seconds=(0.0, 0.0), workers=2):
    return DistantBatches(Cluster("test", runner, workers, (WorkerLost,)), retry_seconds)


def task(work):
    return SimpleNamespace(name="render-batch", fn=work)


def test_a_batch_comes_back_with_its_result(runner):
    with batches_on(runner) as batches:
        assert batches.submit(task(lambda recipe, jobs: (recipe, jobs)), "recipe", [1, 2]).result() == (
            "recipe",
            [1, 2],
        )
    assert runner.sent == [{"recipe": "recipe", "jobs": [1, 2]}]


def test_a_batch_whose_worker_was_lost_is_sent_again_as_it_was(runner, crashed):
    falls = iter([True, True, False])

    def work(recipe):
        if next(falls):
            raise WorkerLost("killed by signal 9")
        return "done"

    with batches_on(runner) as batches:
        assert batches.submit(task(work), "recipe").result() == "done"
    assert runner.sent == [{"recipe": "recipe"}] * 3
    assert crashed == ["killed by signal 9"] * 2


def test_a_batch_that_loses_every_worker_is_given_up_with_what_to_do(runner, crashed):
    def work(recipe):
        raise WorkerLost("out of memory\nand much more")

    with batches_on(runner) as batches, pytest.raises(EnvironmentFault, match="lost 3 times: out of memory Look at"):
        batches.submit(task(work), "recipe").result()
    assert len(runner.sent) == len(crashed) == 3


def test_a_fault_of_the_work_itself_is_not_tried_again(runner, crashed):
    def work(recipe):
        raise EnvironmentFault("no weights")

    with batches_on(runner) as batches, pytest.raises(EnvironmentFault, match="no weights"):
        batches.submit(task(work), "recipe").result()
    assert (len(runner.sent), crashed) == (1, [])


def test_the_next_try_waits(runner, crashed):
    times = []

    def work(recipe):
        times.append(time.monotonic())
        if len(times) == 1:
            raise WorkerLost("killed")

    with batches_on(runner, retry_seconds=(0.3,)) as batches:
        batches.submit(task(work), "recipe").result()
    assert times[1] - times[0] >= 0.3


@pytest.mark.parametrize("wait_for", ["a batch at work", "the next try"])
def test_leaving_waits_for_nobody(runner, crashed, wait_for):
    release = threading.Event()

    def work(recipe):
        if wait_for == "the next try":
            raise WorkerLost("killed")
        release.wait(20)

    started = time.monotonic()
    with batches_on(runner, retry_seconds=(60.0,)) as batches:
        batches.submit(task(work), "recipe")
        time.sleep(0.1)
    assert time.monotonic() - started < 5
    release.set()


def test_what_a_task_needs_of_its_worker_is_in_force_while_it_is_submitted(runner):
    asked = []

    class Demands:
        def __enter__(self):
            asked.append("entered")

        def __exit__(self, *fault):
            asked.append(f"left after {len(runner.sent)}")

    cluster = Cluster(
        "test", runner, 1, (WorkerLost,), lambda work, recipe: asked.append((work.name, recipe)) or Demands()
    )
    with DistantBatches(cluster) as batches:
        batches.submit(task(lambda recipe: None), "recipe").result()
    assert asked == [("render-batch", "recipe"), "entered", "left after 1"]


@pytest.mark.slow
def test_a_run_that_the_server_never_heard_of_is_told_crashed_and_late_news_does_not_revive_it(prefect_server):
    from prefect import flow
    from prefect import task as prefect_task
    from prefect.client.orchestration import get_client
    from prefect.states import Running
    from prefect.task_engine import emit_task_run_state_change_event

    @prefect_task(name="render-batch")
    def work(): ...

    def begin(task_run_id):
        """What a worker knows of a run that it has begun; nobody has told the server."""
        run = asyncio.run(work.create_local_run(id=task_run_id))
        return run, Running()

    def report(run, state):
        emit_task_run_state_change_event(task_run=run, initial_state=None, validated_state=run.state)
        emit_task_run_state_change_event(task_run=run, initial_state=run.state, validated_state=state)

    lost, other = uuid4(), uuid4()

    @flow
    def lose_a_worker():
        news = [begin(lost), begin(other)]
        distant_batches._tell_crashed(work, lost, "killed by signal 9")
        for run, state in news:
            report(run, state)

    lose_a_worker()
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 30
        while not any(run.id == other and run.state_name == "Running" for run in client.read_task_runs()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        run = client.read_task_run(lost)
    assert (run.state_name, run.name) == ("Crashed", "render-batch (lost)")
    assert "killed by signal 9" in run.state.message
