"""How work is cut into tasks, and which failures of a task are worth a second try."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from prefect.task_runners import ThreadPoolTaskRunner

Item = TypeVar("Item")

SMALLEST, LARGEST = 8, 50


def batched(items: Sequence[Item]) -> Iterator[tuple[str, list[Item]]]:
    """Cut ``items`` into about ten batches of 8 to 50, each with a label such as ``"9-16 of 40"``.

    A task costs Prefect's server tens of milliseconds, so clips do not get one each; ten batches still show progress.
    """
    size = min(max(math.ceil(len(items) / 10), SMALLEST), LARGEST)
    for start in range(0, len(items), size):
        batch = list(items[start : start + size])
        yield f"{start + 1}-{start + len(batch)} of {len(items)}", batch


def one_batch_at_a_time() -> Any:
    """The runner of our flows: a batch spreads over all cores by itself, and models are not shared between threads.

    Typed loosely: Prefect declares its runners invariant in the kind of their futures.
    """
    return ThreadPoolTaskRunner(max_workers=1)


def worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """True for faults that pass: a process that was killed, a connection that broke. A wrong recipe stays wrong."""
    try:
        state.result()
    except (BrokenProcessPool, ConnectionError, TimeoutError):
        return True
    except BaseException:
        return False
    return False
