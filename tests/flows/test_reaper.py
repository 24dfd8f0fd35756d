import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import psutil
import pytest

from flows.device_limits import LEASE
from flows.reaper import RunProcess, reap_lost_runs


class Server:
    """Stands in for Prefect's client: flow runs by id, and the states that were set."""

    def __init__(self, *runs):
        self.runs = {run.id: run for run in runs}
        self.set = {}
        self.tasks = []

    def read_task_runs(self, *, flow_run_filter, task_run_filter, limit, offset):
        return self.tasks[offset : offset + limit]

    def set_task_run_state(self, number, state, force):
        assert force
        self.set[number] = state

    def read_flow_runs(self, *, flow_run_filter, limit, offset):
        return list(self.runs.values())[offset : offset + limit]

    def read_flow_run(self, number):
        return self.runs[number]

    def set_flow_run_state(self, number, state, force):
        assert force
        self.set[number] = state


def state(kind, age=timedelta(hours=1)):
    return SimpleNamespace(
        timestamp=datetime.now(UTC) - age,
        is_running=lambda: kind == "running",
        is_cancelling=lambda: kind == "cancelling",
    )


def flow_run(process, kind="running", **about):
    labels = process.labels() if process else {}
    return SimpleNamespace(**{"id": 1, "name": "build tiny", "labels": labels, "state": state(kind)} | about)


@pytest.fixture
def dead():
    """A process of this machine that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = replace(RunProcess.here(), pid=child.pid, started=psutil.Process(child.pid).create_time())
    assert not process.is_gone()
    child.kill()
    child.wait()
    return process


@pytest.mark.parametrize("kind", ["running", "cancelling"])
def test_a_run_whose_process_is_gone_is_marked_crashed(dead, kind):
    server = Server(flow_run(dead, kind))
    assert reap_lost_runs(server) == ["build tiny"]
    assert server.set[1].is_crashed()
    assert str(dead.pid) in server.set[1].message


def test_a_run_whose_process_lives_is_left_alone():
    server = Server(flow_run(RunProcess.here()))
    assert reap_lost_runs(server) == []
    assert server.set == {}


def test_a_number_that_was_given_to_a_younger_process_does_not_hide_the_loss():
    here = RunProcess.here()
    assert reap_lost_runs(Server(flow_run(replace(here, started=here.started - 3600)))) == ["build tiny"]


def test_a_run_of_another_machine_is_left_alone(dead):
    assert reap_lost_runs(Server(flow_run(replace(dead, machine="elsewhere/pid:[1]")))) == []


def test_a_run_that_names_no_process_is_left_alone():
    assert reap_lost_runs(Server(flow_run(None), flow_run(None, id=2, labels={"framefoundry.pid": "many"}))) == []


def test_a_run_that_has_just_begun_is_left_alone(dead):
    server = Server(flow_run(dead, state=state("running", timedelta(seconds=1))))
    assert reap_lost_runs(server) == []
    assert reap_lost_runs(server, grace=0) == ["build tiny"]


def test_a_run_that_finished_while_it_was_looked_at_keeps_its_state(dead):
    server = Server(flow_run(dead))
    server.read_flow_run = lambda number: flow_run(dead, "completed")
    assert reap_lost_runs(server) == []
    assert server.set == {}


def test_unfinished_tasks_of_crashed_runs_are_marked_too_page_by_page(dead, monkeypatch):
    monkeypatch.setattr("flows.reaper.PAGE", 2)
    server = Server(flow_run(dead))
    server.tasks = [SimpleNamespace(id=f"task {number}") for number in range(3)]
    reap_lost_runs(server)
    assert all(server.set[f"task {number}"].is_crashed() for number in range(3))


def test_what_it_held_of_devices_is_free_at_once_even_of_a_run_that_has_just_begun(dead):
    lease = uuid4()
    freed = []
    run = flow_run(dead, labels=dead.labels() | {LEASE: str(lease)}, state=state("running", timedelta(seconds=1)))
    server = Server(run)
    server.release_concurrency_slots_with_lease = freed.append
    assert reap_lost_runs(server) == []
    assert freed == [lease]


def test_all_runs_are_looked_at(dead, monkeypatch):
    monkeypatch.setattr("flows.reaper.PAGE", 2)
    server = Server(*(flow_run(dead, id=number, name=str(number)) for number in range(5)))
    assert reap_lost_runs(server) == ["0", "1", "2", "3", "4"]


PROGRAM = """
import os, sys, time
from pathlib import Path
from flows.embedded_server import start_embedded_server
from flows.prefect_settings import configure_prefect
configure_prefect(Path(sys.argv[1]))
start_embedded_server()
from prefect import flow, task
from prefect.client.orchestration import get_client
from flows import reaper
reaper.GRACE_SECONDS = 0
reaper.reap_lost_runs.__defaults__ = (0.0,)

@task(persist_result=False)
def work():
    print("running", flush=True)
    time.sleep(600)

@flow(name="long", flow_run_name=sys.argv[2], on_running=[reaper.claim_run], persist_result=False)
def long():
    if sys.argv[2] == "first":
        work()
    with get_client(sync_client=True) as client:
        tasks = [(run.name.partition("-")[0], run.state.type.value) for run in client.read_task_runs()]
        print(sorted((run.name, run.state.type.value) for run in client.read_flow_runs()) + tasks)

long()
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_next_flow_marks_the_run_of_a_killed_process_crashed(tmp_path):
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    environment.pop("PREFECT_API_URL", None)

    def start(name):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "prefect"), name]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    first = start("first")
    assert first.stdout.readline() == "running\n"
    time.sleep(3)  # the server's recorder writes tasks down in batches
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    psutil.wait_procs(children, timeout=30)
    told, _ = start("second").communicate(timeout=200)
    assert told.splitlines()[-1] == "[('first', 'CRASHED'), ('second', 'RUNNING'), ('work', 'CRASHED')]"
