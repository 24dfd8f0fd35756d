"""Work that is spread over threads and comes back in order, with a bound on what is under way."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def work_in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, waiting: int
) -> Iterator[tuple[Item, Result]]:
    """``(item, work(item))`` in the order of ``items``, which the calling thread draws while the workers work.

    Args:
        work: must be safe to call from several threads; releases the interpreter's lock where it is worth the threads.
        items: drawn no further ahead than ``workers + waiting`` items from the oldest that was not handed out.
        workers: threads; 0 does everything in the calling one.
        waiting: items that may wait, drawn or finished, beyond those at work.

    Raises:
        Whatever ``work`` or ``items`` raise, at its place in the order. Work under way is waited for, no more is begun.
    """
    if workers == 0:
        yield from ((item, work(item)) for item in items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="detect")
    under_way: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            under_way.append((item, pool.submit(work, item)))
            if len(under_way) >= workers + waiting:
                first, answer = under_way.popleft()
                yield first, answer.result()
        while under_way:
            first, answer = under_way.popleft()
            yield first, answer.result()
    finally:
        pool.shutdown(cancel_futures=True)
