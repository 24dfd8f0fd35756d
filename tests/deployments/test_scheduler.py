"""The whole serving stack: what the schedule started starts what is to follow, and nothing is left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.prefect_api import ask
from storage.datasets import find_version
from storage.store import Store

PROJECT = Path(__file__).parents[2]
START_SECONDS, RUN_SECONDS, STOP_SECONDS, PAGE_SECONDS = 320, 300, 60, 90

RECIPE = """
name: tick
classes: [car]
prompts:
  template: "a car in {weather}"
  axes:
    weather: [{text: clear, count: {car: 1}}, {text: rain, count: {car: 1}}]
  strategy: full
clip: {frames: 8, fps: 8, width: 160, height: 96}
annotator: {kind: truth}
curation: {min_track_frames: 1}
split: {train: 1, val: 0, test: 0}
publish: {yolo: {stride: 4}}
"""

DEPLOYMENTS = """
name: framefoundry
pull:
  - prefect.deployments.steps.set_working_directory: {directory: "{{ $FRAMEFOUNDRY_HOME }}"}
deployments:
  - name: tick
    entrypoint: flows.build.build_dataset
    parameters: {recipe: "%s", store: "{{ $FRAMEFOUNDRY_STORE }}"}
    schedules: [{slug: often, interval: 30}]
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: framefoundry, work_queue_name: cpu}
  - name: retrain
    entrypoint: flows.retrain.retrain_detector
    parameters: {dataset: nothing, epochs: 1, store: "{{ $FRAMEFOUNDRY_STORE }}"}
    triggers:
      - type: event
        expect: [dataset.published]
        match: {prefect.resource.id: framefoundry.dataset.tick}
        parameters:
          dataset: {__prefect_kind: jinja, template: "{{ event.payload.dataset }}"}
    work_pool: {name: framefoundry, work_queue_name: gpu}
"""
AUTOMATIONS = PROJECT / "deployments" / "automations.yaml"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Serving:
    """`framefoundry serve` at work on a folder that holds its store and its Prefect."""

    process: subprocess.Popen
    folder: Path
    api: str

    def wait_for(self, found, seconds: float):
        """The first answer of ``found`` that is one."""
        return wait_for(found, seconds, self.process, self.folder / "serve.log")

    def finished_run(self, deployment: str) -> dict[str, Any]:
        """The first run of ``deployment``, when it has ended; a run that did not complete shows the worker's log."""
        wanted = {
            "deployments": {"name": {"any_": [deployment]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
            "sort": "START_TIME_ASC",
        }
        run = self.wait_for(lambda: ask("POST", f"{self.api}/flow_runs/filter", wanted), RUN_SECONDS)[0]
        assert run["state"]["type"] == "COMPLETED", (self.folder / "prefect" / "logs" / "worker.log").read_text()
        return run


def wait_for(found, seconds: float, process: subprocess.Popen, log: Path):
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(1)
    return answer


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """`framefoundry serve` on a store and a Prefect of its own."""
    folder = tmp_path_factory.mktemp("serving")
    recipe, deployments = folder / "tick.yaml", folder / "prefect.yaml"
    recipe.write_text(RECIPE)
    deployments.write_text(DEPLOYMENTS % recipe)
    (folder / "automations.yaml").write_text(AUTOMATIONS.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(folder / "prefect"), "FRAMEFOUNDRY_HOME": str(PROJECT)}
    for name in ("PREFECT_API_URL", "PREFECT_PROFILES_PATH"):
        environment.pop(name, None)
    words = ["--store", folder / "store", "serve", "--port", port, "--deployments", deployments]
    log, address = folder / "serve.log", folder / "prefect" / "serve.json"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from cli.main import run; run()", *map(str, words)],
            env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=PROJECT,
        )  # fmt: skip
    try:
        wait_for(address.exists, START_SECONDS, process, log)
        yield Serving(process, folder, json.loads(address.read_text())["api_url"])
    finally:
        family = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        for member in family:
            member.kill()


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
