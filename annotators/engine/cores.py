"""How much of this machine is for labelling."""

from storage import cores


def usable_cores() -> int:
    """Cores that this process may use, no more than OMP_NUM_THREADS where that is set."""
    return cores.limit_cores(cores.usable_cores(), "OMP_NUM_THREADS")
