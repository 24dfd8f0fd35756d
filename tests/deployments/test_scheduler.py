"""The whole serving stack: what the schedule started starts what is to follow, and nothing is left behind."""

import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from served import RUN_SECONDS, START_SECONDS

from flows.prefect_api import ask
from storage.datasets import find_version
from storage.store import Store

STOP_SECONDS, PAGE_SECONDS = 60, 90
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


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
@pytest.mark.timeout(START_SECONDS + RUN_SECONDS + 4 * PAGE_SECONDS)
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_shows_the_form_the_run_and_what_came_of_it(serving, tmp_path):
    site = serving.api.removesuffix("/api")
    deployment = ask("POST", f"{serving.api}/deployments/filter", {"deployments": {"name": {"any_": ["retrain"]}}})[0]
    form = read_page(f"{site}/deployments/deployment/{deployment['id']}/run", tmp_path)
    assert "passes over the training images." in form

    run = serving.finished_run("tick")
    assert "build tick, round 1" in read_page(f"{site}/runs/flow-run/{run['id']}", tmp_path)

    of_the_run = {"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    artifacts = {one["key"]: one["id"] for one in ask("POST", f"{serving.api}/artifacts/filter", of_the_run)}
    outcomes = read_page(f"{site}/artifacts/artifact/{artifacts['tick-outcomes']}", tmp_path)
    assert "accepted" in outcomes and "waiting" not in outcomes
    summary = read_page(f"{site}/artifacts/artifact/{artifacts['tick-summary']}", tmp_path)
    assert "framefoundry view tick" in summary and "data:image/jpeg" in summary


def read_page(url: str, profile: Path) -> str:
    """The page at ``url`` as Chromium has built it: its text and tags."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    patience = ["--virtual-time-budget=20000", "--timeout=60000"]
    command = [CHROMIUM, *options, *patience, f"--user-data-dir={profile}", "--dump-dom", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=PAGE_SECONDS, check=True).stdout


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
