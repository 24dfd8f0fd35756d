"""The real Prefect, started as a run from the command line starts it."""

import base64
import http.client
import json
import os
import subprocess
import sys

import psutil
import pytest

pytestmark = pytest.mark.slow

HOLDER = """
import os, sys
from pathlib import Path
from flows.prefect_settings import configure_prefect
configure_prefect(Path(sys.argv[1]))
from flows.embedded_server import start_embedded_server
print(start_embedded_server(), os.environ["PREFECT_API_AUTH_STRING"], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """The process that holds an embedded server, the server's port, and the login made up for it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-c", HOLDER, str(tmp_path_factory.mktemp("prefect"))]
    holder = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )  # fmt: skip
    try:
        api, login = holder.stdout.readline().split()
        yield psutil.Process(holder.pid), int(api.split(":")[2].removesuffix("/api")), login
    finally:
        holder.communicate(timeout=60)


def ask(port, login=None, path="/api/flow_runs/filter", method="POST", **headers):
    """Status of a request for flow runs."""
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, json.dumps({}), {"Content-Type": "application/json", **lines})
    return connection.getresponse().status


def test_it_listens_on_loopback_alone(embedded):
    holder, port, _ = embedded
    family = [holder, *holder.children(recursive=True)]
    listening = {one.laddr[:2] for each in family for one in each.net_connections("inet") if one.status == "LISTEN"}
    assert listening == {("127.0.0.1", port)}


def test_it_answers_the_run_that_started_it_and_no_other_user_of_the_machine(embedded):
    _, port, login = embedded
    assert ask(port, login) == 200
    assert ask(port) == 401
    assert ask(port, "framefoundry:guessed") == 401


def test_pages_of_other_sites_reach_neither_its_api_nor_its_health(embedded):
    _, port, login = embedded
    assert ask(port, login, Origin="http://evil.example") == 403
    assert ask(port, login, Host=f"rebound.example:{port}") == 403
    assert ask(port, path="/api/health", method="GET", Origin="http://evil.example") == 403
    assert ask(port, path="/api/flow_runs/filter", method="OPTIONS", Origin="http://127.0.0.1:8000") == 403
