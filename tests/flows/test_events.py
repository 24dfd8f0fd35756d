from dataclasses import replace
from pathlib import Path

import pytest

from schemas.recipe_text import parse_recipe
from schemas.run_report import RunReport, StageTally
from trainers.retrain import RetrainReport

RECIPE = parse_recipe(
    """
name: street
classes: [car]
prompts: {template: "a car in {light}", axes: {light: [day, night]}}
split: {train: 0.7, val: 0.3, test: 0}
""",
    "street.yaml",
)
REPORT = RunReport(
    recipe="street",
    clips=10,
    render=StageTally(done=10),
    label=StageTally(done=10),
    boxes={"car": 5},
    boxes_by_split={"train": {"car": 4}, "val": {"car": 1}},
    clip_verdicts={"accepted": 9},
    dataset="street@abc",
    path="/data/street/abc",
)
PROMOTED = RetrainReport(
    model="street@m1", dataset="street@abc", verdict="promoted", reason="better", holdout="street@abc (truth)", clips=2,
    frames=20, candidate=None, incumbent=None, comparison=None, images=9, seconds=1.0, weights=Path("w.pt"),
)  # fmt: skip


@pytest.fixture
def emitted(monkeypatch):
    """What was emitted: event, resource id, payload."""
    from flows import events

    told: list[tuple[str, str, dict]] = []
    monkeypatch.setattr(
        events,
        "emit_event",
        lambda event, resource, payload: told.append((event, resource["prefect.resource.id"], payload)),
    )
    return told


def test_a_new_version_is_published_and_names_itself_for_the_retraining(emitted):
    from flows.events import tell_of_run

    tell_of_run(REPORT, RECIPE)
    ((event, resource, payload),) = emitted
    assert (event, resource) == ("dataset.published", "framefoundry.dataset.street")
    assert payload["dataset"] == "street@abc"
    assert (payload["version"], payload["clips"], payload["labels"]) == ("abc", 9, 5)


def test_a_version_that_was_there_already_is_no_news(emitted):
    from flows.events import tell_of_run

    tell_of_run(REPORT.model_copy(update={"new_version": False}), RECIPE)
    assert emitted == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clips": 7, "render": StageTally(done=7, failed={"black": 3})}, "render: 3 of 10 clips failed"),
        ({"label": StageTally(done=7, failed={"timeout": 2, "crash": 1})}, "label: 3 of 10 clips failed"),
        ({"boxes_by_split": {"train": {"car": 5}}}, "split val has no labels"),
    ],
)
def test_a_run_that_lost_too_much_is_degraded_and_says_why(emitted, changes, reason):
    from flows.events import tell_of_run

    tell_of_run(REPORT.model_copy(update={"new_version": False, **changes}), RECIPE)
    ((event, resource, payload),) = emitted
    assert (event, resource) == ("run.degraded", "framefoundry.dataset.street")
    assert payload == {"dataset": "street@abc", "reasons": [reason]}


def test_a_fifth_of_the_clips_may_fail_and_a_split_of_no_share_may_be_empty(emitted):
    from flows.events import find_degradations

    few = {"clips": 8, "render": StageTally(done=8, failed={"black": 2})}
    assert find_degradations(REPORT.model_copy(update=few), RECIPE) == []


def test_a_promotion_is_told_and_a_detector_that_was_kept_is_not(emitted):
    from flows.events import tell_of_retraining

    for verdict in ("kept", "no evidence"):
        tell_of_retraining(replace(PROMOTED, verdict=verdict))
    assert emitted == []
    tell_of_retraining(PROMOTED)
    ((event, resource, payload),) = emitted
    assert (event, resource) == ("detector.promoted", "framefoundry.detector.street")
    assert payload == {"detector": "street@m1", "dataset": "street@abc", "reason": "better"}
