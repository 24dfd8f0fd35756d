import json
from uuid import uuid4

import pytest

from flows import outcome_table
from flows.lanes import BatchOutcome
from schemas.records import Failure


@pytest.fixture
def shown(monkeypatch):
    """What the artifact has shown so far, one table an update."""
    import prefect.artifacts
    import prefect.client.orchestration

    tables: list[list[dict]] = []

    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update_artifact(self, _identity, artifact):
            tables.append(json.loads(artifact.data))

    monkeypatch.setattr(prefect.artifacts, "create_table_artifact", lambda *_, **__: uuid4())
    monkeypatch.setattr(prefect.client.orchestration, "get_client", lambda **_: Client())
    return tables


def batch(done: int, *reasons: str) -> BatchOutcome:
    return BatchOutcome(done, [Failure(f"clip{i}", "render", reason, "") for i, reason in enumerate(reasons)])


def test_the_table_follows_the_run_batch_by_batch(shown, monkeypatch):
    monkeypatch.setattr(outcome_table, "UPDATE_SECONDS", 0.0)
    table = outcome_table.OutcomeTable("my_street")
    table.expect("render", 4, 6)
    table.expect("label", 4, 0)
    table.count("render", batch(1, "black"))
    table.count("render", batch(2))
    assert shown[0] == [
        {"stage": "render", "outcome": "reused", "count": 6},
        {"stage": "render", "outcome": "done", "count": 1},
        {"stage": "render", "outcome": "failed: black", "count": 1},
        {"stage": "render", "outcome": "waiting", "count": 2},
        {"stage": "label", "outcome": "waiting", "count": 4},
    ]
    assert {"stage": "render", "outcome": "done", "count": 3} in shown[1]
    assert ("render", "waiting") not in {(row["stage"], row["outcome"]) for row in shown[1]}


def test_batches_that_end_in_quick_succession_are_shown_together(shown):
    table = outcome_table.OutcomeTable("street")
    table.expect("render", 100, 0)
    for _ in range(100):
        table.count("render", batch(1))
    assert shown == []
    table.show(table.rows())
    assert shown == [[{"stage": "render", "outcome": "done", "count": 100}]]


def test_the_log_says_what_failed_with_its_stage_and_clip(shown, caplog):
    table = outcome_table.OutcomeTable("street")
    table.expect("render", 2, 0)
    table.count("render", batch(1, "black"))
    (failed,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert (failed.recipe, failed.stage, failed.clip, failed.reason) == ("street", "render", "clip0", "black")
