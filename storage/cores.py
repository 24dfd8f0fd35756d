"""How much of this machine is ours."""

import os

CORES_VARIABLE = "FRAMEFOUNDRY_CORES"
"""What a process may use at most: the share of each worker where several are at work."""


def usable_cores() -> int:
    """Cores that this process may use: those it may run on, no more than ``$FRAMEFOUNDRY_CORES`` where that is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return limit_cores(cores, CORES_VARIABLE)


def limit_cores(cores: int, variable: str) -> int:
    """``cores``, no more than the environment's ``variable`` says where it holds a number; at least 1."""
    limit = os.environ.get(variable, "")
    return max(1, min(cores, int(limit))) if limit.isdecimal() else cores
