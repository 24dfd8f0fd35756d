import os
import signal
import subprocess
import sys
import time

import psutil

from flows.child_processes import bound_log, start_child, stop_child

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
    assert child.process.wait(20) == 0
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
    child.process.wait(20)
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


def test_a_log_that_is_too_long_is_emptied_and_its_writer_goes_on(tmp_path):
    child = start(tmp_path, "import sys\nfor line in sys.stdin: print(line)\nprint('x' * 99)")
    child.process.wait(20)
    child = start(tmp_path, "import time; print('y' * 99, flush=True); time.sleep(1); print('later', flush=True)")
    assert wait_until(lambda: "y" in child.last_lines())
    assert child.last_lines().startswith("x")  # a second start adds to what the first has said
    bound_log(child.log, limit=100)
    assert child.process.wait(20) == 0
    assert child.last_lines() == "later"
    assert "xxx" in child.log.with_name("child.log.1").read_text()


def test_a_short_log_is_left_alone(tmp_path):
    (tmp_path / "a.log").write_text("short")
    bound_log(tmp_path / "a.log")
    assert [file.name for file in tmp_path.iterdir()] == ["a.log"]
