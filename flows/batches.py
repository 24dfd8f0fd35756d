"""How work is cut into tasks, and which failures of a task are worth a second try."""

import math
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from prefect.task_runners import ThreadPoolTaskRunner

SMALLEST, LARGEST = 8, 50


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


def worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """True for faults that pass: a process that was killed, a connection that broke. A wrong recipe stays wrong."""
    try:
        state.result()
    except (BrokenProcessPool, ConnectionError, TimeoutError):
        return True
    except BaseException:
        return False
    return False
