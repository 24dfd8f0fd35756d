"""Children that are to stay: started again when they die, with logs that stay small."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flows.child_processes import ChildProcess, bound_log

RESTARTS, WITHIN_SECONDS = 5, 600.0
LOG_SECONDS = 30.0
POLL_SECONDS = 0.5
PAUSE_SECONDS = 1.0
"""Before the first restart; as long again before each further one."""


@dataclass
class Supervised:
    """A child that is to stay.

    Attributes:
        child: the one that runs now, or ran last.
        start: starts another.
        deaths: when earlier ones died, by ``time.monotonic``.
    """

    child: ChildProcess
    start: Callable[[], ChildProcess]
    deaths: list[float] = field(default_factory=list)


def keep_running(children: Sequence[Supervised], tell: Callable[[str], None]) -> ChildProcess:
    """Start ``children`` again as they die; return one that died too often, which is no accident any more."""
    looked_at_logs = time.monotonic()
    while True:
        for supervised in children:
            if not supervised.child.is_running:
                if _dies_too_often(supervised):
                    return supervised.child
                code = supervised.child.process.returncode
                tell(f"The {supervised.child.name} ended with exit code {code}; it is started again.")
                time.sleep(PAUSE_SECONDS * len(supervised.deaths))
                supervised.child = supervised.start()
        if time.monotonic() - looked_at_logs > LOG_SECONDS:
            looked_at_logs = time.monotonic()
            for supervised in children:
                bound_log(supervised.child.log)
        time.sleep(POLL_SECONDS)


def _dies_too_often(supervised: Supervised) -> bool:
    now = time.monotonic()
    supervised.deaths = [death for death in supervised.deaths if now - death < WITHIN_SECONDS] + [now]
    return len(supervised.deaths) > RESTARTS
