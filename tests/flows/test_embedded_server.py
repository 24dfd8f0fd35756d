"""The server's life, with a few lines of Python in the place of Prefect."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from flows import embedded_server
from schemas.errors import EnvironmentFault

STAND_IN = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.end_headers()
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

CALLER = f"""
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without one
from flows import embedded_server
from flows.child_processes import start_child
from pathlib import Path
def start(port):
    command = [sys.executable, "-c", {STAND_IN.format(status=200)!r}, str(port)]
    return start_child("server", command, environment=os.environ, log=Path(sys.argv[1]) / "s.log", folder=Path("/"))
embedded_server._start = start
api = embedded_server.start_embedded_server()
assert os.environ["PREFECT_API_URL"] == api
try:
    print(embedded_server.answers(api), flush=True)
    time.sleep(float(sys.argv[2]))
except KeyboardInterrupt:
    print(embedded_server.answers(api), flush=True)
"""


@pytest.fixture
def call(tmp_path):
    """Runs the caller for some seconds; it is gone when the test is over."""
    started = []

    def run(seconds: float) -> subprocess.Popen:
        command = [sys.executable, "-c", CALLER, str(tmp_path), str(seconds)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_the_server_ends_with_the_process_that_started_it(call):
    process = call(0.5)
    assert process.stdout.readline() == "True\n"
    (server,) = psutil.Process(process.pid).children()
    assert process.wait(20) == 0
    assert not server.is_running()


def test_ctrl_c_at_the_terminal_leaves_the_server_to_hear_how_the_run_ended(call):
    process = call(30)
    assert process.stdout.readline() == "True\n"
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "True\n"
    assert process.wait(20) == 0


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Starts ``program`` in the place of Prefect's server."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def with_program(program: str):
        def start(port):
            command = [sys.executable, "-c", program, str(port)]
            return embedded_server.start_child(
                "server", command, environment=os.environ, log=tmp_path / "s.log", folder=tmp_path
            )

        monkeypatch.setattr(embedded_server, "_start", start)

    return with_program


def test_a_server_that_dies_is_reported_with_its_last_words(stand_in):
    stand_in("print('no such migration'); raise SystemExit(3)")
    with pytest.raises(EnvironmentFault, match="no such migration"):
        embedded_server.start_embedded_server()
    assert "PREFECT_API_URL" not in os.environ


@pytest.mark.parametrize(("status", "reachable"), [(200, True), (401, True), (500, False)])
def test_a_server_that_asks_for_a_login_is_there_and_a_broken_one_is_not(tmp_path, status, reachable):
    port = embedded_server.find_free_port()
    process = subprocess.Popen([sys.executable, "-c", STAND_IN.format(status=status), str(port)])
    try:
        api = f"http://127.0.0.1:{port}/api"
        deadline = time.monotonic() + 10
        while "refused" in (silence := embedded_server.why_unreachable(api)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (silence == "") is reachable
    finally:
        process.kill()
        process.wait()


def test_a_server_that_never_answers_is_given_up_and_stopped(stand_in, monkeypatch):
    monkeypatch.setattr(embedded_server, "START_SECONDS", 0.5)
    stand_in("import time; time.sleep(60)")
    with pytest.raises(EnvironmentFault, match="no answer"):
        embedded_server.start_embedded_server()
    assert not any("time.sleep(60)" in argument for child in living_children() for argument in child.cmdline())


def living_children() -> list[psutil.Process]:
    """Without those that have ended and wait to be asked for how."""
    return [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def test_nobody_at_home_is_unreachable():
    assert embedded_server.why_unreachable("http://127.0.0.1:9/api")
    assert embedded_server.why_unreachable("not an address")
