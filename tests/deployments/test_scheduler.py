"""The whole serving stack: a run that nobody but the scheduler asked for completes, and nothing is left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

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
"""

DEPLOYMENTS = """
name: framefoundry
pull:
  - prefect.deployments.steps.set_working_directory: {directory: "{{ $FRAMEFOUNDRY_HOME }}"}
deployments:
  - name: tick
    entrypoint: flows.build.build_dataset
    parameters: {recipe: "%s", store: "{{ $FRAMEFOUNDRY_STORE }}"}
    schedules: [{slug: often, interval: 15}]
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: framefoundry, work_queue_name: local}
"""


@pytest.fixture
def serving(tmp_path):
    """`framefoundry serve` on a store and a Prefect of its own; its process and the API's address."""
    recipe, deployments = tmp_path / "tick.yaml", tmp_path / "prefect.yaml"
    recipe.write_text(RECIPE)
    deployments.write_text(DEPLOYMENTS % recipe)
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


def finished_runs(api: str) -> list[dict]:
    wanted = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    request = Request(f"{api}/flow_runs/filter", json.dumps(wanted).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + RUN_SECONDS + STOP_SECONDS)
def test_a_run_that_the_scheduler_made_completes_and_everything_stops(serving, tmp_path):
    log, address = tmp_path / "serve.log", tmp_path / "prefect" / "serve.json"
    wait_for(address.exists, START_SECONDS, serving, log)
    api = json.loads(address.read_text())["api_url"]

    runs = wait_for(lambda: finished_runs(api), RUN_SECONDS, serving, log)
    worker_log = (tmp_path / "prefect" / "logs" / "worker.log").read_text()
    assert runs[0]["created_by"]["type"] == "SCHEDULE"
    assert runs[0]["state"]["type"] == "COMPLETED", worker_log
    assert find_version(Store.open(tmp_path / "store", create=False), "tick").path.is_dir()

    family = psutil.Process(serving.pid).children(recursive=True)
    assert len(family) >= 2  # the server and the worker
    serving.send_signal(signal.SIGINT)
    assert serving.wait(STOP_SECONDS) == 0
    assert not address.exists()
    assert [member for member in family if member.is_running()] == []
    assert "Stopped." in log.read_text()
