"""The FiftyOne App on our database: a server of its own, reachable from this machine only unless told otherwise."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from publishers.fiftyone_session import environment_for, hold_database, read_shown_versions
from schemas.errors import EnvironmentFault, RecipeError

LOOPBACK = "127.0.0.1"

_START_SECONDS = 180
_PROJECT = Path(__file__).parents[1]  # from where the server's module is found, wherever the user stands


def open_app(
    folder: Path,
    dataset: str,
    *,
    media_folders: Sequence[Path],
    port: int = 5151,
    address: str = LOOPBACK,
    wait_seconds: float | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the App with the database kept in ``folder`` until Ctrl-C, or for ``wait_seconds`` once it is up.

    Args:
        folder: see :func:`publishers.fiftyone_session.fiftyone_session`.
        dataset: name of a FiftyOne dataset.
        media_folders: the App shows files below these, and no others; see :mod:`publishers.browser_guard`.
        port, address: to listen on. The App asks nobody who they are: beyond loopback, whoever can reach it may read
            and change every dataset of the database.
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
        if _answers(port, address):
            raise EnvironmentFault(f"port {port} is taken.", "Name another one with --port.")
        # A process group of its own: Ctrl-C reaches us, and we end the server in order.
        server = subprocess.Popen(
            [sys.executable, "-m", _server_module(), str(port), address, *map(str, media_folders)],
            env={**os.environ, **environment_for(uri)},
            cwd=_PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with suppress(KeyboardInterrupt):
                _await_start(server, port, address)
                if on_ready:
                    on_ready(f"http://{_reached_at(address)}:{port}/datasets/{dataset}")
                _wait_while_running(server, wait_seconds)
        finally:
            server.terminate()
            server.wait()


def _server_module() -> str:
    if importlib.util.find_spec("fiftyone") is None:
        raise EnvironmentFault("FiftyOne is not installed.", "pip install fiftyone")
    return "publishers.fiftyone_server"


def _reached_at(address: str) -> str:
    """Where a program on this machine reaches a server on ``address``."""
    return LOOPBACK if address == "0.0.0.0" else address


def _answers(port: int, address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_reached_at(address), port)) == 0


def _await_start(server: "subprocess.Popen[bytes]", port: int, address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(port, address):
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
