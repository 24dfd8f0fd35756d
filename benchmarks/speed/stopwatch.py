"""Seconds by the clock and of the processor; the best of several rounds, so that other work counts least."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass
class Stopwatch:
    """Seconds of the best round of one side."""

    wall: float = float("inf")
    processor: float = float("inf")

    def measure(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` and keep its seconds where they are the fewest so far."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.processor = min(self.processor, time.process_time() - processor)
        return result
