"""What the tests of this folder know of a `framefoundry serve` at work: its recipes, its deployments, its answers."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.prefect_api import ask
from storage.datasets import current_version
from storage.store import Store

PROJECT = Path(__file__).parents[2]
START_SECONDS, RUN_SECONDS = 320, 300
COMMAND = [sys.executable, "-c", "from cli.main import run; run()"]
ENDED = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]

TICK = """
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

LONG = """
name: long
classes: [car]
prompts:
  template: "a car in {weather} by {light}"
  axes:
    weather: [{text: clear, count: {car: 1}}, {text: rain, count: {car: 1}}]
    light: [day, night]
  strategy: full
  repeats: 5
clip: {frames: 24, fps: 12, width: 320, height: 192}
annotator: {kind: yolo, weights: starter}
curation: {accept: 0.3, ignore: 0.1}
split: {train: 1, val: 0, test: 0}
publish: {}
"""

DEPLOYMENTS = """
name: framefoundry
pull:
  - prefect.deployments.steps.set_working_directory: {directory: "{{ $FRAMEFOUNDRY_HOME }}"}
deployments:
  - name: tick
    entrypoint: flows.build.build_dataset
    parameters: {recipe: "FOLDER/tick.yaml", store: "{{ $FRAMEFOUNDRY_STORE }}"}
    schedules: [{slug: often, interval: 30}]
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: framefoundry, work_queue_name: cpu}
  - name: long
    entrypoint: flows.build.build_dataset
    parameters: {recipe: "FOLDER/long.yaml", store: "FOLDER/long"}
    work_pool: {name: framefoundry, work_queue_name: gpu}
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


@dataclass(frozen=True)
class Serving:
    """`framefoundry serve` at work on a folder that holds its store and its Prefect."""

    process: subprocess.Popen
    folder: Path
    api: str

    @property
    def environment(self) -> dict[str, str]:
        """Of a command that is to report to this server."""
        environment = {**os.environ, "PREFECT_HOME": str(self.folder / "prefect"), "PREFECT_API_URL": self.api}
        environment.pop("PREFECT_PROFILES_PATH", None)
        return environment

    def wait_for(self, found, seconds: float):
        """The first answer of ``found`` that is one."""
        return wait_for(found, seconds, self.process, self.folder / "serve.log")

    def runs(self, deployment: str | None, *states: str) -> list[dict[str, Any]]:
        """Runs of ``deployment`` (None: of none) in one of ``states``, the first that started first."""
        which = {"name": {"any_": [deployment]}} if deployment else None
        wanted = {"flow_runs": {"state": {"type": {"any_": list(states)}}}, "sort": "START_TIME_ASC"}
        if which is not None:
            return ask("POST", f"{self.api}/flow_runs/filter", wanted | {"deployments": which})
        found = ask("POST", f"{self.api}/flow_runs/filter", wanted)
        return [run for run in found if run["deployment_id"] is None]

    def read(self, run: str) -> dict[str, Any]:
        """The flow run with the id ``run``."""
        return ask("POST", f"{self.api}/flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})[0]

    def deployment(self, name: str) -> dict[str, Any]:
        """The deployment ``name``."""
        return ask("POST", f"{self.api}/deployments/filter", {"deployments": {"name": {"any_": [name]}}})[0]

    def pause(self, deployment: str) -> None:
        """Keep the schedule of ``deployment`` from starting runs."""
        ask("POST", f"{self.api}/deployments/{self.deployment(deployment)['id']}/pause_deployment", {})

    def resume(self, deployment: str) -> None:
        """Undo :meth:`pause`."""
        ask("POST", f"{self.api}/deployments/{self.deployment(deployment)['id']}/resume_deployment", {})

    def start(self, deployment: str, **parameters: Any) -> str:
        """Start a run as the Quick run of the UI does; its id."""
        where = f"{self.api}/deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return ask("POST", where, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"]

    def cancel(self, run: str) -> None:
        """Cancel a run as the UI does."""
        state = {"type": "CANCELLING", "name": "Cancelling"}
        assert ask("POST", f"{self.api}/flow_runs/{run}/set_state", {"state": state})["status"] == "ACCEPT"

    def wait_for_clips(self, store: Path, clips: int = 4) -> None:
        """Wait until some clips are in ``store``, and so the run that makes them in the midst of its work."""
        self.wait_for(lambda: len(list(store.glob("objects/render/*/*"))) >= clips, RUN_SECONDS)

    def version_in(self, store: str) -> str | None:
        """The version of the long recipe in a store below the folder."""
        return current_version(Store.open(self.folder / store, create=False), "long")

    def ended(self, run: str, state: str) -> dict[str, Any]:
        """The run when it has ended; one that did not end in ``state`` shows the worker's log."""
        found = self.wait_for(lambda: (one := self.read(run))["state"]["type"] in ENDED and one, RUN_SECONDS)
        assert found["state"]["type"] == state, f"{found['state']}\n{self.said_by_worker()}"
        return found

    def finished_run(self, deployment: str) -> dict[str, Any]:
        """The first run of ``deployment``, when it has completed; a run that did not shows the worker's log."""
        run = self.wait_for(lambda: self.runs(deployment, "COMPLETED", "FAILED", "CRASHED"), RUN_SECONDS)[0]
        assert run["state"]["type"] == "COMPLETED", self.said_by_worker()
        return run

    def said_by_worker(self) -> str:
        """The worker's log: what its runs printed."""
        return (self.folder / "prefect" / "logs" / "worker.log").read_text()


def wait_for(found, seconds: float, process: subprocess.Popen, log: Path):
    deadline = time.monotonic() + seconds
    while not (answer := _found_now(found)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
    return answer


def _found_now(found):
    """What ``found`` answers; nothing while the server that it asks is away."""
    try:
        return found()
    except OSError:
        return None
