"""Prefect on this machine for good: a server with its UI, a work pool, a worker, and our deployments.

Server, worker and `prefect deploy` are processes of their own, and the server is asked over its HTTP interface.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import yaml

from flows.automations import apply_automations, read_automations
from flows.child_processes import ChildProcess, start_child, stop_child
from flows.device_limits import devices_here, limit_name
from flows.embedded_server import answers, find_free_port
from flows.guarded_server import server_command
from flows.prefect_api import ask, create_unless_there
from flows.prefect_settings import SERVE_FILE, configure_prefect, served_api
from flows.reaper import reap_lost_runs_at
from flows.supervision import Supervised, keep_running
from schemas.errors import BusyError, EnvironmentFault
from storage.locks import hold
from storage.store import STORE_VARIABLE, Store

HOME_VARIABLE = "FRAMEFOUNDRY_HOME"
INBOX_VARIABLE = "FRAMEFOUNDRY_INBOX"
VERSION_VARIABLE = "FRAMEFOUNDRY_VERSION"
WORK_POOL = "framefoundry"
WORK_QUEUES = {"gpu": 1, "cpu": 1}
"""Queue -> runs at a time. A run with models takes the whole machine; one over stored tables fits beside it."""
USUAL_PORT = 4200
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
START_SECONDS = 300.0
DEPLOY_SECONDS = 300.0
GIT_SECONDS = 10.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Premises:
    """Where a serving takes place.

    Attributes:
        project: the clone: working directory of every run.
        home: Prefect's own data, logs, and ``serve.json``.
        port: of the server.
        environment: of every child.
        host: address that the server listens on.
    """

    project: Path
    home: Path
    port: int
    environment: Mapping[str, str]
    host: str = LOOPBACK

    @property
    def site(self) -> str:
        """Address of the UI."""
        return site_of(self.host, self.port)

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"{self.site}/api"


def serve_here(
    store: Store,
    home: Path,
    tell: Tell,
    port: int | None = None,
    deployments: Path | None = None,
    host: str = LOOPBACK,
) -> None:
    """Serve until SIGINT or SIGTERM, then stop everything that was started; what dies meanwhile is started again.

    Args:
        store: the store that every deployment works on.
        home: Prefect's data, unless ``PREFECT_HOME`` is set.
        tell: takes messages for the user.
        port: of the server; default: 4200, or a free one where that is taken.
        deployments: a ``prefect.yaml``; default: the project's own. An ``automations.yaml`` beside it is applied too.
        host: address to listen on. The server has any command run that it is asked to run, and asks for a login only
            where ``PREFECT_SERVER_API_AUTH_STRING`` is set.

    Raises:
        BusyError: a server is up already for this store, or the port is taken.
        EnvironmentFault: ``PREFECT_API_URL`` names another server; a child failed to start or died.
    """
    with hold(store, "serve", uses_objects=False), _signals_as_interrupts(), ExitStack() as stack:
        try:
            premises = find_premises(store, home, port, host)
            file = deployments or premises.project / "deployments" / "prefect.yaml"
            names = deployment_names(file)
            automations = read_automations(file.with_name("automations.yaml"))
            tell(f"Starting Prefect's server on {premises.site} (the first start takes some seconds) …")
            server = _keep(stack, partial(_start_server, premises))
            _wait_until(lambda: answers(premises.api), server.child, "answers")
            for name in reap_lost_runs_at(premises.api):
                tell(f"The run {name} was still Running, but its process is gone: it is marked Crashed now.")
            create_work_pool(premises.api)
            create_device_limits(premises.api)
            worker = _keep(stack, partial(_start_worker, premises))
            _wait_until(lambda: has_worker_online(premises.api), worker.child, "is online")
            tell(f"Deploying {', '.join(names)} …")
            deploy(premises.project, premises.environment, file)
            apply_automations(premises.api, automations)
            stack.enter_context(_published_address(premises))
            for line in welcome(premises, names):
                tell(line)
            _refuse_death(keep_running([server, worker], tell))
        except KeyboardInterrupt:
            tell("Stopping the worker and the server …")
    tell("Stopped.")


def find_premises(store: Store, home: Path, port: int | None, host: str = LOOPBACK) -> Premises:
    """Settle where to serve, and the environment of the children.

    Raises:
        BusyError: a server answers already on this home, or ``port`` is taken.
        EnvironmentFault: ``PREFECT_API_URL`` is set: somebody else's server.
    """
    if os.environ.get("PREFECT_API_URL"):
        raise EnvironmentFault(
            f"PREFECT_API_URL is set to {os.environ['PREFECT_API_URL']}: there is a server already.",
            "Unset it to start one here; or deploy to that server as deployments/prefect.yaml says in its head.",
        )
    home = Path(os.environ.get("PREFECT_HOME") or home).absolute()
    running = served_api(home)
    if running:
        raise BusyError(f"Prefect is being served already at {running}.", "Use that one, or stop it first.")
    configure_prefect(home)
    project = project_folder()
    chosen = choose_port(port)
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{site_of(host, chosen)}/api",
        "PREFECT__SERVER_FINAL": "1",  # as `prefect server start` has it
        "PREFECT_LOGGING_LEVEL": "INFO",
        HOME_VARIABLE: str(project),
        INBOX_VARIABLE: os.environ.get(INBOX_VARIABLE) or str(project / "inbox"),
        VERSION_VARIABLE: os.environ.get(VERSION_VARIABLE) or describe_version(project),
        STORE_VARIABLE: store.location,
    }
    return Premises(project, home, chosen, environment, host)


def site_of(host: str, port: int) -> str:
    """Address of a server that listens on ``host``, for those on this machine."""
    return f"http://{LOOPBACK if host == EVERYWHERE else host}:{port}"


def project_folder() -> Path:
    """The clone that holds ``recipes/`` and ``deployments/``: ``$FRAMEFOUNDRY_HOME``, else where this file lies."""
    return Path(os.environ.get(HOME_VARIABLE) or Path(__file__).parents[1]).absolute()


def describe_version(project: Path) -> str:
    """The package's version and, in a clone, its commit: ``0.1.0+4b27340``, with ``.dirty`` if files were changed."""
    package = version("framefoundry")
    command = ["git", "-C", str(project), "describe", "--always", "--dirty=.dirty", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return package
    return f"{package}+{said.stdout.strip()}" if said.returncode == 0 else package


def deployment_names(file: Path) -> list[str]:
    """Names of the deployments in a ``prefect.yaml``.

    Raises:
        EnvironmentFault: no such file, or nothing to deploy in it.
    """
    try:
        document = yaml.safe_load(file.read_text())
        names = [str(deployment["name"]) for deployment in document["deployments"]]
    except OSError as fault:
        raise EnvironmentFault(f"{file}: {fault.strerror}.", f"Set {HOME_VARIABLE} to a clone.") from None
    except (yaml.YAMLError, KeyError, TypeError) as fault:
        raise EnvironmentFault(f"{file}: no list of deployments: {fault}", "See deployments/prefect.yaml.") from None
    if not names:
        raise EnvironmentFault(f"{file}: holds no deployment.", "See deployments/prefect.yaml.")
    return names


def choose_port(wanted: int | None) -> int:
    """``wanted``; without one 4200, or any free port where that is taken.

    Raises:
        BusyError: ``wanted`` is taken.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise BusyError(f"port {wanted} is taken.", "Name another one with --port.")
        return wanted
    if _is_free(USUAL_PORT):
        return USUAL_PORT
    return find_free_port()


def create_work_pool(api: str) -> None:
    """Create the work pool and its queues; what exists is left as it is."""
    create_unless_there(f"{api}/work_pools/", {"name": WORK_POOL, "type": "process"})
    for name, limit in WORK_QUEUES.items():
        queue = {"name": name, "concurrency_limit": limit}
        create_unless_there(f"{api}/work_pools/{WORK_POOL}/queues", queue)


def deploy(project: Path, environment: Mapping[str, str], file: Path) -> None:
    """Create or update every deployment in ``file``, for the clone ``project``; ``environment`` names the server.

    Raises:
        EnvironmentFault: Prefect refused; its message is passed on.
    """
    command = _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(file))
    answer = subprocess.run(
        command, cwd=project, env=dict(environment), capture_output=True, text=True,
        timeout=DEPLOY_SECONDS, check=False,
    )  # fmt: skip
    if answer.returncode:
        said = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-20:])
        raise EnvironmentFault(f"{file} could not be deployed:\n{said}", "Mend the deployment that it names.")


def create_device_limits(api: str) -> None:
    """Create a limit for each device of this machine, so that it can be seen before a run takes it; see there."""
    for device in devices_here():
        create_unless_there(f"{api}/v2/concurrency_limits/", {"name": limit_name(device), "limit": 1})


def has_worker_online(api: str) -> bool:
    """Whether a worker polls our pool."""
    workers = ask("POST", f"{api}/work_pools/{WORK_POOL}/workers/filter", {})
    return any(worker.get("status") == "ONLINE" for worker in workers)


def welcome(premises: Premises, names: list[str]) -> Iterator[str]:
    """What to open, and what happens now."""
    yield f"Serving. Deployed: {', '.join(names)}."
    yield f"  runs         {premises.site}/runs"
    yield f"  deployments  {premises.site}/deployments   (Quick run starts one at once)"
    yield f"  artifacts    {premises.site}/artifacts"
    yield f"  automations  {premises.site}/automations"
    yield f"  events       {premises.site}/events"
    yield f"  inbox        {premises.environment[INBOX_VARIABLE]}   (videos that are moved here are labelled)"
    yield f"  logs         {premises.home / 'logs'}"
    yield "`framefoundry run` on this store reports here while this runs. Ctrl-C stops everything."


@contextmanager
def _published_address(premises: Premises) -> Iterator[None]:
    """Tell runs from the command line where the server is, for as long as it is there."""
    file = premises.home / SERVE_FILE
    temporary = file.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"api_url": premises.api, "pid": os.getpid()}))
    temporary.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """SIGTERM ends this block as Ctrl-C does; while it is being left, neither interrupts the tidying up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep(stack: ExitStack, start: Callable[[], ChildProcess]) -> Supervised:
    """Start a child that is to stay; whichever runs in its place in the end is stopped with ``stack``."""
    supervised = Supervised(start(), start)
    stack.callback(lambda: stop_child(supervised.child))
    return supervised


def _start_server(premises: Premises) -> ChildProcess:
    return _start("server", premises, server_command(premises.host, premises.port, log_level="warning"))


def _start_worker(premises: Premises) -> ChildProcess:
    return _start("worker", premises, _prefect("worker", "start", "--pool", WORK_POOL, "--type", "process"))


def _start(name: str, premises: Premises, command: list[str]) -> ChildProcess:
    log = premises.home / "logs" / f"{name}.log"
    return start_child(name, command, environment=premises.environment, log=log, folder=premises.project)


def _prefect(*words: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *words]


def _wait_until(ready: Callable[[], bool], child: ChildProcess, what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if not child.is_running:
            _refuse_death(child)
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"after {START_SECONDS:.0f} s there is no sign that the {child.name} {what}.", f"Look at {child.log}."
            )
        time.sleep(0.5)


def _refuse_death(child: ChildProcess) -> None:
    raise EnvironmentFault(
        f"the {child.name} ended with exit code {child.process.returncode}; its last words:\n{child.last_lines()}",
        f"All of it is in {child.log}. `framefoundry doctor` knows the versions that break Prefect.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
