"""The Prefect server that a run from the command line brings along, ends with it, and keeps its history on disk.

Prefect can start such a server by itself, but in our process group: Ctrl-C would take it away while the flow still
reports to it, and a killed run would leave it behind.
"""

import atexit
import os
import socket
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.child_processes import ChildProcess, start_child, stop_child
from schemas.errors import EnvironmentFault

STOP_SECONDS = 5.0
_ATTEMPTS = 3
# As Prefect starts its own: no UI, and only the services that a single run needs.
_SERVER_SETTINGS = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def start_embedded_server() -> str:
    """Start a server for this process and name it in ``PREFECT_API_URL``; it is stopped when the process ends.

    Call after :func:`flows.prefect_settings.configure_prefect` and before Prefect is imported, so that Prefect's own
    last messages still find it.

    Returns:
        The API's URL, on the loopback interface.

    Raises:
        EnvironmentFault: it does not start; the message holds its last words.
    """
    for _ in range(_ATTEMPTS):
        port = find_free_port()
        server = _start(port)
        if wait_for_server(f"http://127.0.0.1:{port}/api", server, _startup_seconds()):
            os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
            atexit.register(stop_child, server, STOP_SECONDS)
            return os.environ["PREFECT_API_URL"]
        stop_child(server, STOP_SECONDS)
    raise EnvironmentFault(
        f"Prefect's embedded server does not start; its last words:\n{server.last_lines()}",
        "`framefoundry doctor` knows the versions that break Prefect.",
    )


def wait_for_server(api: str, server: ChildProcess, seconds: float) -> bool:
    """Wait until ``api`` answers; False when the server ends first, or after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.is_running:
        if answers(api):
            return True
        time.sleep(0.1)
    return False


def answers(api: str) -> bool:
    """Whether a Prefect server answers at ``api`` and is healthy."""
    try:
        with urlopen(f"{api}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def find_free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(port: int) -> ChildProcess:
    package = find_spec("prefect")
    if package is None or package.origin is None:
        raise EnvironmentFault("Prefect is not installed.", "`framefoundry doctor` lists what is missing.")
    command = [
        *(sys.executable, "-m", "uvicorn", "--app-dir", str(Path(package.origin).parents[1])),
        *("--factory", "prefect.server.api.server:create_app"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"),
    ]
    logs = Path(os.environ["PREFECT_HOME"]) / "logs"
    environment = {**os.environ, **_SERVER_SETTINGS}
    return start_child("server", command, environment=environment, log=logs / "embedded.log", folder=Path.cwd())


def _startup_seconds() -> float:
    return float(os.environ.get("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120"))
