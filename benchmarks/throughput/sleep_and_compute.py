"""The two stages of the benchmark of Ray workers, and the flow that sends them; imported once Prefect is settled."""

import time
from typing import NamedTuple

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.lanes import BatchOutcome, Lane, run_lanes
from flows.production import Launcher
from flows.runners import open_launcher
from storage.store import Store

STAGES = ("sleep", "cpu")


class Measured(NamedTuple):
    """What one cluster did: seconds until it was warm, and items a second of each stage."""

    start: float
    rates: dict[str, float]


@flow(name="ray-throughput", persist_result=False)
def measure(workers: int, store: str, items: int, seconds: float, steps: int) -> Measured:
    """Start ``workers``, and pass ``items`` through each stage."""
    started = time.perf_counter()
    with open_launcher("ray", workers) as launcher:
        warm_up(launcher, store, workers)
        start = time.perf_counter() - started
        costs = zip(STAGES, (seconds, steps), strict=True)
        rates = {stage: items / run_stage(launcher, store, stage, cost, items) for stage, cost in costs}
    return Measured(start, rates)


def warm_up(launcher: Launcher, store: str, workers: int) -> None:
    """Give every worker something to do at the same time, so that each is up and has loaded what it needs."""
    batches = [
        launcher.submit(measured_batch, None, store, "sleep", 2.0, [f"warm{number}"], "warm-up")
        for number in range(workers)
    ]
    for batch in batches:
        batch.result()


def run_stage(launcher: Launcher, store: str, stage: str, cost: float, items: int) -> float:
    """Seconds of a lane of batches, as many at once as there are workers: as ``flows.production`` does it."""
    lane: Lane[str] = Lane(
        stage,
        lambda batch, label: launcher.submit(measured_batch, None, store, stage, cost, batch, label),
        items=items,
        width=launcher.width,
    )
    lane.add(f"{number:06d}" for number in range(items))
    started = time.perf_counter()
    run_lanes([lane], may_start=lambda _: True, nothing_more_for=lambda _: True, on_batch=lambda *_: None)
    assert lane.done == items
    return time.perf_counter() - started


@task(name="measured-batch", task_run_name="{stage} {label}", cache_policy=NO_CACHE, persist_result=False)
def measured_batch(recipe: None, store: str, stage: str, cost: float, items: list[str], label: str) -> BatchOutcome:
    """Do what is missing of ``items``, at ``cost`` each: seconds, or steps."""
    opened = Store.open(store)
    for item in items:
        if not opened.exists(f"objects/{stage}/1/{item}"):
            time.sleep(cost) if stage == "sleep" else compute(round(cost))
            opened.put(f"objects/{stage}/1/{item}", b"done")
    return BatchOutcome(len(items), [])


def steps_for(seconds: float) -> int:
    """How many steps of :func:`compute` take ``seconds`` of this machine, undisturbed."""
    steps = 1000
    while True:
        started = time.process_time()
        compute(steps)
        taken = time.process_time() - started
        if taken > 0.05:
            return max(1, round(steps * seconds / taken))
        steps *= 4


def compute(steps: int) -> int:
    """Arithmetic that neither memory nor other threads touch."""
    state = 1
    for _ in range(steps):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return state
