"""The whole serving stack: what the schedule started starts what is to follow, and nothing is left behind."""

import signal

import psutil
import pytest
from served import RUN_SECONDS, START_SECONDS

from flows.device_limits import devices_here, limit_name
from flows.prefect_api import ask
from storage.datasets import find_version
from storage.store import Store

STOP_SECONDS = 120


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 2 * RUN_SECONDS)
def test_a_scheduled_run_publishes_and_its_event_starts_the_retraining(serving):
    built = serving.finished_run("tick")
    assert built["created_by"]["type"] == "SCHEDULE"
    assert built["name"] == "build tick, round 1"
    version = find_version(Store.open(serving.folder / "store", create=False), "tick")

    retrained = serving.finished_run("retrain")
    assert retrained["created_by"]["type"] == "AUTOMATION"
    assert retrained["name"] == f"retrain on tick@{version.version[:12]}"


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + STOP_SECONDS)
def test_the_automations_are_there(serving):
    names = {automation["name"] for automation in ask("POST", f"{serving.api}/automations/filter", {})}
    assert names == {
        "framefoundry-degraded-quality", "framefoundry-late-runs", "framefoundry-zombies", "retrain__automation_1",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + STOP_SECONDS)
def test_the_devices_of_this_machine_have_limits_that_are_all_free_again(serving):
    assert set(map(limit_name, devices_here())) <= {limit["name"] for limit in read_limits(serving)}
    serving.wait_for(lambda: not any(limit["active_slots"] for limit in read_limits(serving)), STOP_SECONDS)


def read_limits(serving):
    return ask("POST", f"{serving.api}/v2/concurrency_limits/filter", {})


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + STOP_SECONDS)
def test_an_interrupt_stops_everything(serving):
    family = psutil.Process(serving.process.pid).children(recursive=True)
    assert len(family) >= 2  # the server and the worker
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(STOP_SECONDS) == 0
    assert not (serving.folder / "prefect" / "serve.json").exists()
    assert [member for member in family if member.is_running()] == []
    assert "Stopped." in (serving.folder / "serve.log").read_text()
