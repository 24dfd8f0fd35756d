import os
import signal
import subprocess
import sys
import time

import psutil

from flows.child_processes import start_child, stop_child, wait_for_any_end

GRANDCHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "


def start(tmp_path, program: str, name: str = "child"):
    command = [sys.executable, "-c", program]
    return start_child(name, command, environment=os.environ, log=tmp_path / "logs" / f"{name}.log", folder=tmp_path)


def wait_until(condition) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_output_lands_in_the_log(tmp_path):
    child = start(tmp_path, "print('one'); print('two')")
    assert wait_for_any_end([child]) is child
    assert child.last_lines(1) == "two"


def test_stopping_ends_grandchildren_too(tmp_path):
    child = start(tmp_path, GRANDCHILD + "time.sleep(60)")
    assert wait_until(lambda: psutil.Process(child.process.pid).children())
    family = psutil.Process(child.process.pid).children()
    stop_child(child)
    assert not child.is_running
    assert not any(member.is_running() for member in family)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path):
    child = start(
        tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    assert wait_until(lambda: child.last_lines() == "on")
    stop_child(child, grace=0.3)
    assert child.process.returncode == -signal.SIGKILL


def test_stopping_what_has_ended_does_nothing(tmp_path):
    child = start(tmp_path, "")
    wait_for_any_end([child])
    stop_child(child)
    assert child.process.returncode == 0


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path):
    parent = (
        "import os, sys, time; from pathlib import Path\n"
        "from flows.child_processes import start_child\n"
        "child = start_child('c', [sys.executable, '-c', 'import time; time.sleep(60)'],\n"
        f"    environment=os.environ, log=Path({str(tmp_path / 'c.log')!r}), folder=Path({str(tmp_path)!r}))\n"
        "print(child.process.pid, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
