"""The Prefect server that a run from the command line brings along, ends with it, and keeps its history on disk.

Prefect can start such a server by itself, but in our process group: Ctrl-C would take it away while the flow still
reports to it, and a killed run would leave it behind.
"""

import atexit
import os
import secrets
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from flows.child_processes import ChildProcess, start_child, stop_child
from flows.guarded_server import server_command
from flows.prefect_settings import CLIENT_LOGIN, SERVER_LOGIN
from schemas.errors import EnvironmentFault

START_SECONDS = 300.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 5.0
# No UI, and only the services that a single run needs: nothing is scheduled here, and nobody waits for a worker.
# Prefect's own way of starting such a server leaves out the service that frees the devices of runs that were killed.
_IDLE_SERVICES = ("SCHEDULER", "LATE_RUNS", "FOREMAN", "PAUSE_EXPIRATIONS")
_SERVER_SETTINGS = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_FINAL": "1",
    **{f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in _IDLE_SERVICES},
}


def start_embedded_server() -> str:
    """Start a server for this process and name it in ``PREFECT_API_URL``; it is stopped when the process ends.

    Call after :func:`flows.prefect_settings.configure_prefect` and before Prefect is imported, so that Prefect's own
    last messages still find it. It serves this process and its children alone: they inherit a login that is made up
    for it, unless the user has set one.

    Returns:
        The API's URL, on the loopback interface.

    Raises:
        EnvironmentFault: it does not start; the message holds its last words.
    """
    os.environ.setdefault(CLIENT_LOGIN, f"framefoundry:{secrets.token_urlsafe(24)}")
    port = find_free_port()
    api = f"http://127.0.0.1:{port}/api"
    server = _start(port)
    atexit.register(stop_child, server, STOP_SECONDS)
    _await_answer(api, server)
    os.environ["PREFECT_API_URL"] = api
    return api


def answers(api: str) -> bool:
    """Whether a Prefect server answers at ``api`` and is healthy."""
    return why_unreachable(api) == ""


def why_unreachable(api: str) -> str:
    """Why ``api`` gives no answer; empty where it does, be it to ask for a login, as Prefect Cloud may."""
    try:
        with urlopen(f"{api.rstrip('/')}/health", timeout=ANSWER_SECONDS):
            return ""
    except HTTPError as refused:
        return "" if refused.code in {401, 403} else str(refused)
    except (URLError, OSError, ValueError) as fault:
        return str(fault)


def find_free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(port: int) -> ChildProcess:
    if find_spec("prefect") is None:
        raise EnvironmentFault("Prefect is not installed.", "`framefoundry doctor` lists what is missing.")
    command = server_command("127.0.0.1", port, log_level="error")
    logs = Path(os.environ["PREFECT_HOME"]) / "logs"
    environment = {**os.environ, **_SERVER_SETTINGS, SERVER_LOGIN: os.environ[CLIENT_LOGIN]}
    return start_child("server", command, environment=environment, log=logs / "embedded.log", folder=Path.cwd())


def _await_answer(api: str, server: ChildProcess) -> None:
    """Wait until ``server`` answers. The first start on a store builds its database: 12 s on two free cores."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(api):
        if not server.is_running:
            raise EnvironmentFault(
                f"Prefect's embedded server ended at its start; its last words:\n{server.last_lines()}",
                f"The whole log is {server.log}. `framefoundry doctor` knows the versions that break Prefect.",
            )
        if time.monotonic() > deadline:
            stop_child(server, STOP_SECONDS)
            raise EnvironmentFault(
                f"Prefect's embedded server gave no answer in {START_SECONDS:.0f} s.",
                f"The machine may be too busy: try again. Its log is {server.log}.",
            )
        time.sleep(0.1)
