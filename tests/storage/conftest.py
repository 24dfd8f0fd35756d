"""Shared by the storage tests: a store, small frames, and a process that is killed at a chosen step."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from schemas.records import ClipRecord, Origin, Scenario
from schemas.tables import TRUTH, table_from_columns
from storage.store import Store
from storage.video import write_clip

sys.path.insert(0, str(Path(__file__).parent))  # memory_bucket


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def leftovers(store):
    """Names in the store's tmp/, its guard apart."""
    return lambda: sorted(entry.name for entry in (store.root / "tmp").iterdir() if entry.name != ".guard")


def _moving_shapes(count=12, width=96, height=64):
    """RGB frames, uint8: a red and a blue block that move over a shaded ground."""
    ground = np.zeros((height, width, 3), np.uint8)
    ground[..., 1] = np.linspace(40, 200, width, dtype=np.uint8)
    frames = []
    for place in range(count):
        frame = ground.copy()
        frame[10:30, place * 4 : place * 4 + 20] = (220, 40, 30)
        frame[36:52, 70 - place * 4 : 90 - place * 4] = (20, 50, 200)
        frames.append(frame)
    return frames


@pytest.fixture
def shapes():
    return _moving_shapes


@pytest.fixture(scope="session")
def encoded(tmp_path_factory):
    """A clip of 12 frames at 12 frames/s, 96x64."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", _moving_shapes(), 12)


@pytest.fixture
def record(encoded):
    return ClipRecord(
        "c" * 32,
        Scenario("s1", "a red car", attributes={"weather": "fog"}, objects={"car": 1}, seed=5),
        encoded.media_id,
        encoded.frames,
        encoded.fps,
        encoded.width,
        encoded.height,
        encoded.size,
        Origin("procedural", "1"),
        has_truth=True,
    )


@pytest.fixture
def truth():
    rows = {name: [1.0, 2.0] for name in TRUTH.names} | {
        "frame": [0, 1],
        "track": [1, 1],
        "class_name": ["car", "car"],
        "difficult": [False, True],
    }
    return table_from_columns(TRUTH, rows)


class KilledRuns:
    """Runs an action in a child process that is killed (SIGKILL) when it reaches its n-th step."""

    def __init__(self, monkeypatch, modules):
        self._monkeypatch = monkeypatch
        self._modules = modules

    def steps(self, action) -> list[str]:
        """Names of the steps that the action passes when nobody kills it; run in this process."""
        passed = []
        with self._monkeypatch.context() as patch:
            for module in self._modules:
                patch.setattr(module, "_step", passed.append)
            action()
        return passed

    def kill_at(self, number: int, action) -> bool:
        """Whether the child died at step ``number``, from 0; False if it finished before."""
        child = os.fork()
        if not child:
            self._die_at(number, action)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        assert os.WEXITSTATUS(status) == 0, "the child failed for another reason"
        return False

    def _die_at(self, number, action):
        left = [number]

        def step(name):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

        status = 1
        try:
            for module in self._modules:
                module._step = step
            action()
            status = 0
        finally:
            os._exit(status)  # never back into pytest


@pytest.fixture
def killed_runs(monkeypatch):
    from storage import local_folders, local_objects

    return KilledRuns(monkeypatch, (local_objects, local_folders))


@pytest.fixture
def file_tree():
    """Files below a folder, relative, sorted."""
    return lambda folder: sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """An S3 server in a process of its own: environment variables that lead to it, and to its bucket ``bucket``."""
    file = Path(__file__).parents[2] / "benchmarks" / "faults_parts" / "s3_server.py"
    spec = importlib.util.spec_from_file_location("s3_server", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.serve_s3(tmp_path_factory.mktemp("s3") / "server.txt") as leading_there:
        yield leading_there


@pytest.fixture
def s3(s3_server, monkeypatch, tmp_path):
    """This process led to the server; an empty bucket's name."""
    import boto3

    from storage import s3_client

    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(s3_client, "_clients", {})
    bucket = f"b{os.getpid()}-{abs(hash(tmp_path)):x}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return bucket


@pytest.fixture
def remote(s3):
    return Store.open(f"s3://{s3}/some/prefix")
