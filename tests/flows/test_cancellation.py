"""What a run does when somebody cancels it, with stand-ins for Prefect's client and for the ends of processes."""

import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace
from uuid import uuid4

import psutil
import pytest

from flows import cancellation

RUN = uuid4()


class Client:
    """Tells one state after the other, the last one for good; notes what is set."""

    def __init__(self, *kinds):
        self.kinds, self.set = list(kinds), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read_flow_run(self, _number):
        kind = self.kinds.pop(0) if len(self.kinds) > 1 else self.kinds[0]
        if isinstance(kind, Exception):
            raise kind
        state = SimpleNamespace(
            is_cancelling=lambda: kind == "cancelling",
            is_cancelled=lambda: kind == "cancelled",
            is_final=lambda: kind in ("cancelled", "completed", "crashed"),
        )
        return SimpleNamespace(state=state)

    def set_flow_run_state(self, number, state, force):
        assert force
        self.set.append((number, state.type.value))


@pytest.fixture
def ends(monkeypatch):
    """What is done to processes instead of being done."""
    done = []
    monkeypatch.setattr(cancellation, "POLL_SECONDS", 0)
    monkeypatch.setattr(cancellation, "ORDERLY_SECONDS", 0)
    monkeypatch.setattr(cancellation.os, "kill", lambda pid, number: done.append((pid, number)))
    monkeypatch.setattr(cancellation, "_end_family", lambda: done.append("family"))
    monkeypatch.setattr(cancellation, "_being_cancelled", set())
    return done


@pytest.fixture
def client(monkeypatch):
    """Makes Prefect's client tell the given states."""
    import prefect.client.orchestration

    def telling(*kinds):
        made = Client(*kinds)
        monkeypatch.setattr(prefect.client.orchestration, "get_client", lambda **_: made)
        return made

    return telling


@pytest.mark.parametrize("has_worker", [True, False])
def test_a_run_that_ends_in_another_way_is_left_alone(client, ends, has_worker):
    told = client("running", ConnectionError("away for a while"), "running", "completed")
    cancellation._watch(RUN, has_worker)
    assert ends == [] and told.set == []


def test_a_run_that_is_gone_from_the_server_is_left_alone(client, ends):
    from prefect.exceptions import ObjectNotFound

    client(ObjectNotFound(Exception("404")))
    cancellation._watch(RUN, False)
    assert ends == []


def test_a_process_that_only_called_the_flow_is_interrupted_twice(client, ends):
    client("running", "cancelling")
    cancellation._watch(RUN, has_worker=False)
    assert ends == [(os.getpid(), signal.SIGINT)] * 2


def test_a_process_of_a_worker_ends_whole_and_the_server_is_told_first(client, ends):
    told = client("running", "cancelling")
    cancellation._watch(RUN, has_worker=True)
    assert ends[-1] == "family" and told.set == [(RUN, "CANCELLED")]
    for timer in [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]:
        timer.cancel()


def test_only_a_crash_that_was_asked_for_is_called_cancelled(client, ends):
    told = client("crashed")
    run = SimpleNamespace(id=RUN)
    cancellation.settle_cancellation(None, run, None)
    assert told.set == []
    cancellation._being_cancelled.add(RUN)
    cancellation.settle_cancellation(None, run, None)
    assert told.set == [(RUN, "CANCELLED")]


FAMILY = """
import subprocess, sys
from flows.cancellation import _end_family
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
_end_family()
"""


def test_the_end_of_a_family_is_the_end_of_its_members_deaf_ones_too():
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert parent.wait(20) == cancellation.CANCELLED_EXIT_CODE
    for _ in range(200):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        threading.Event().wait(0.05)
    pytest.fail("the child lives")
