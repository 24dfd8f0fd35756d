"""The FiftyOne App on our database: a server of its own, reachable from this machine only."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from publishers.fiftyone_session import environment_for, hold_database, read_shown_versions
from schemas.errors import EnvironmentFault, RecipeError

ADDRESS = "127.0.0.1"
"""The App serves any file that this user can read, so it must not be reached from another machine."""

_START_SECONDS = 180


def open_app(
    folder: Path,
    dataset: str,
    *,
    port: int = 5151,
    wait_seconds: float | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the App with the database kept in ``folder`` until Ctrl-C, or for ``wait_seconds`` once it is up.

    Args:
        folder: see :func:`publishers.fiftyone_session.fiftyone_session`.
        dataset: name of a FiftyOne dataset.
        port: of the loopback interface.
        wait_seconds: None: until Ctrl-C.
        on_ready: called with the address of the dataset when the App answers.

    Raises:
        RecipeError: FiftyOne has no such dataset; the message lists those that it has.
        EnvironmentFault: FiftyOne or mongod is missing, the port is taken, or the App does not start.
    """
    with hold_database(folder) as uri:
        known = read_shown_versions(uri)
        if dataset not in known:
            raise RecipeError(
                f"FiftyOne has no dataset {dataset!r}; it has: {', '.join(sorted(known)) or 'none'}.",
                "Publish it with `fiftyone: {}` under `publish`.",
            )
        if _answers(port):
            raise EnvironmentFault(f"port {port} is taken.", "Name another one with --port.")
        # A process group of its own: Ctrl-C reaches us, and we end the server in order.
        server = subprocess.Popen(
            [sys.executable, str(_server_script()), "--address", ADDRESS, "--port", str(port)],
            env={**os.environ, **environment_for(uri), "FIFTYONE_DISABLE_SERVICES": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with suppress(KeyboardInterrupt):
                _await_start(server, port)
                if on_ready:
                    on_ready(f"http://{ADDRESS}:{port}/datasets/{dataset}")
                _wait_while_running(server, wait_seconds)
        finally:
            server.terminate()
            server.wait()


def _server_script() -> Path:
    spec = importlib.util.find_spec("fiftyone")
    if spec is None or spec.origin is None:
        raise EnvironmentFault("FiftyOne is not installed.", "pip install fiftyone")
    return Path(spec.origin).parent / "server" / "main.py"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


def _await_start(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port):
        if server.poll() is not None:
            raise EnvironmentFault(
                f"the FiftyOne App ended with exit code {server.returncode}.", "Run `fiftyone app launch` to see why."
            )
        if time.monotonic() > deadline:
            raise EnvironmentFault(f"the FiftyOne App is not up after {_START_SECONDS} s.", "Is the machine busy?")
        time.sleep(0.2)


def _wait_while_running(server: "subprocess.Popen[bytes]", seconds: float | None) -> None:
    with suppress(subprocess.TimeoutExpired):
        server.wait(seconds)
