"""`framefoundry serve` at work, once for all tests of this folder."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode leaves it out; served.py lies here

from served import AUTOMATIONS, COMMAND, DEPLOYMENTS, LONG, PROJECT, START_SECONDS, TICK, Serving, wait_for


@pytest.fixture(scope="session")
def serving(tmp_path_factory):
    """`framefoundry serve` on a store and a Prefect of its own."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "tick.yaml").write_text(TICK)
    (folder / "long.yaml").write_text(LONG)
    deployments = folder / "prefect.yaml"
    deployments.write_text(DEPLOYMENTS.replace("FOLDER", str(folder)))
    (folder / "automations.yaml").write_text(AUTOMATIONS.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(folder / "prefect"), "FRAMEFOUNDRY_HOME": str(PROJECT)}
    for name in ("PREFECT_API_URL", "PREFECT_PROFILES_PATH"):
        environment.pop(name, None)
    words = ["--store", folder / "store", "serve", "--port", port, "--deployments", deployments]
    log, address = folder / "serve.log", folder / "prefect" / "serve.json"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, *map(str, words)], env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=PROJECT
        )
    try:
        wait_for(address.exists, START_SECONDS, process, log)
        yield Serving(process, folder, json.loads(address.read_text())["api_url"])
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        _, stubborn = psutil.wait_procs(family, timeout=20)
        for member in stubborn:
            member.kill()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def nothing_else(serving):
    """What is on schedule waits until these tests are over."""
    serving.pause("tick")
    yield
    serving.resume("tick")


@pytest.fixture(scope="session")
def undisturbed(serving):
    """The version that a run of the long recipe ends in when nobody disturbs it."""
    serving.ended(serving.start("long", store=str(serving.folder / "undisturbed")), "COMPLETED")
    return serving.version_in("undisturbed")
