"""How work is cut into tasks, and which failures of a task are worth a second try."""

import math
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

SMALLEST, LARGEST = 8, 50
RETRIES = 3
RETRY_SECONDS = [2.0, 4.0, 8.0]
"""Before each retry of a batch, and up to half as long again by chance: who ran out of memory together parts ways."""
RETRY_JITTER = 0.5


def batch_size(items: int, workers: int = 1) -> int:
    """How many of ``items`` make a task: about a tenth, 8 to 50; less where several workers take a share each.

    A task costs Prefect's server tens of milliseconds, so clips do not get one each; ten batches still show progress.
    """
    share = math.ceil(items / 10) if workers == 1 else math.ceil(items / (4 * workers))
    return min(max(share, SMALLEST), LARGEST)


def one_batch_a_stage() -> Any:
    """The runner of our flows: rendering, labelling and preparing images may each have one batch at work.

    A batch spreads over all cores by itself, and models are not shared between threads. Typed loosely: Prefect
    declares its runners invariant in the kind of their futures.
    """
    return ThreadPoolTaskRunner(max_workers=3)


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """True for memory that ran out and for workers that were lost; a wrong recipe stays wrong, and so does a bug."""
    try:
        state.result()
    except BaseException as fault:
        return _passes(fault)
    return False


def _passes(fault: BaseException) -> bool:
    """Whether ``fault`` may be gone next time; torch's is known by its name, as torch need not be imported."""
    if isinstance(fault, BrokenProcessPool | ConnectionError | MemoryError):
        return True
    return any(kind.__name__ == "OutOfMemoryError" for kind in type(fault).__mro__)


batch_task = partial(
    task,
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_jitter_factor=RETRY_JITTER,
    retry_condition_fn=worth_retrying,
)
"""Decorates a stage's task: the store remembers what is done, Prefect need not; lost batches are sent again."""
