"""A table of outcomes in Prefect's pages that keeps up with its run."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

from flows.lanes import BatchOutcome
from flows.run_log import find_log

Row = Mapping[str, str | int]

UPDATE_SECONDS = 3.0
"""At most this often; an update costs the server tens of milliseconds."""


class OutcomeTable:
    """Counts outcomes by stage, and shows them as a table artifact; made and used in a flow's body."""

    def __init__(self, recipe: str) -> None:
        """Show an empty table for a run of ``recipe``."""
        from prefect.artifacts import create_table_artifact

        self._recipe = recipe
        self._waiting: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        key = f"{recipe.replace('_', '-')}-outcomes"  # keys of artifacts know no underscore
        created = create_table_artifact([], key=key, description=f"Outcomes of {recipe}")
        self._artifact = cast(UUID, created)  # a coroutine only where there is an event loop
        self._updated = time.monotonic()

    def expect(self, stage: str, clips: int, reused: int) -> None:
        """``clips`` are about to pass ``stage``; ``reused`` had passed it in an earlier run."""
        self._waiting[stage] += clips
        self._counts[stage, "reused"] += reused

    def count(self, stage: str, outcome: BatchOutcome) -> None:
        """Count a batch that has ended, and show the counts unless they have just been shown."""
        self._waiting[stage] -= outcome.clips
        self._counts[stage, "done"] += outcome.done
        log, about = find_log(), {"recipe": self._recipe, "stage": stage}
        log.info("%s: %d clips done, %d failed", stage, outcome.done, len(outcome.failures), extra=about)
        for failure in outcome.failures:
            self._counts[stage, f"failed: {failure.reason}"] += 1
            which = {"clip": failure.clip_id, "reason": failure.reason}
            log.warning("%s failed: %s: %s", failure.clip_id, failure.reason, failure.detail, extra=about | which)
        if time.monotonic() - self._updated >= UPDATE_SECONDS:
            self.show(self.rows())

    def rows(self) -> list[Row]:
        """One row for each outcome that has occurred, and one for what still waits, stage by stage."""
        counts = self._counts + Counter({(stage, "waiting"): clips for stage, clips in self._waiting.items()})
        return [
            {"stage": stage, "outcome": outcome, "count": counts[stage, outcome]}
            for stage in self._waiting
            for (of, outcome) in counts
            if of == stage
        ]

    def show(self, rows: Sequence[Row]) -> None:
        """Put ``rows`` in the place of what the table shows."""
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.actions import ArtifactUpdate

        with get_client(sync_client=True) as client:
            client.update_artifact(self._artifact, ArtifactUpdate(data=json.dumps(list(rows))))
        self._updated = time.monotonic()
