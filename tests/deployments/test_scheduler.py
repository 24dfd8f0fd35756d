"""The whole serving stack: what the schedule started starts what is to follow, and nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.prefect_api import ask
from storage.datasets import find_version
from storage.store import Store

PROJECT = Path(__file__).parents[2]
START_SECONDS, RUN_SECONDS, STOP_SECONDS = 320, 300, 60

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


@pytest.fixture
def serving(tmp_path):
    """`framefoundry serve` on a store and a Prefect of its own; its process and the API's address."""
    recipe, deployments = tmp_path / "tick.yaml", tmp_path / "prefect.yaml"
    recipe.write_text(RECIPE)
    deployments.write_text(DEPLOYMENTS % recipe)
    (tmp_path / "automations.yaml").write_text(AUTOMATIONS.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), "FRAMEFOUNDRY_HOME": str(PROJECT)}
    for name in ("PREFECT_API_URL", "PREFECT_PROFILES_PATH"):
        environment.pop(name, None)
    words = ["--store", tmp_path / "store", "serve", "--port", port, "--deployments", deployments]
    with (tmp_path / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from cli.main import run; run()", *map(str, words)],
            env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=PROJECT,
        )  # fmt: skip
    try:
        yield process
    finally:
        family = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        for member in family:
            member.kill()


def wait_for(found, seconds: float, process: subprocess.Popen, log: Path):
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(1)
    return answer


def finished_run(api: str, deployment: str) -> dict | None:
    """The first run of ``deployment`` that has ended, if one has."""
    wanted = {
        "deployments": {"name": {"any_": [deployment]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
    }
    runs = ask("POST", f"{api}/flow_runs/filter", wanted | {"sort": "START_TIME_ASC"})
    return runs[0] if runs else None


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 2 * RUN_SECONDS + STOP_SECONDS)
def test_a_scheduled_run_publishes_its_event_starts_the_retraining_and_everything_stops(serving, tmp_path):
    log, address = tmp_path / "serve.log", tmp_path / "prefect" / "serve.json"
    wait_for(address.exists, START_SECONDS, serving, log)
    api = json.loads(address.read_text())["api_url"]

    built = wait_for(lambda: finished_run(api, "tick"), RUN_SECONDS, serving, log)
    worker_log = (tmp_path / "prefect" / "logs" / "worker.log").read_text()
    assert built["created_by"]["type"] == "SCHEDULE"
    assert built["state"]["type"] == "COMPLETED", worker_log
    assert built["name"] == "build tick, round 1"
    version = find_version(Store.open(tmp_path / "store", create=False), "tick")

    retrained = wait_for(lambda: finished_run(api, "retrain"), RUN_SECONDS, serving, log)
    worker_log = (tmp_path / "prefect" / "logs" / "worker.log").read_text()
    assert retrained["created_by"]["type"] == "AUTOMATION"
    assert retrained["state"]["type"] == "COMPLETED", worker_log
    assert retrained["name"] == f"retrain on tick@{version.version[:12]}"

    automations = [automation["name"] for automation in ask("POST", f"{api}/automations/filter", {})]
    assert sorted(automations) == [
        "framefoundry-degraded-quality", "framefoundry-late-runs", "framefoundry-zombies", "retrain__automation_1",
    ]  # fmt: skip

    family = psutil.Process(serving.pid).children(recursive=True)
    assert len(family) >= 2  # the server and the worker
    serving.send_signal(signal.SIGINT)
    assert serving.wait(STOP_SECONDS) == 0
    assert not address.exists()
    assert [member for member in family if member.is_running()] == []
    assert "Stopped." in log.read_text()
