"""A recipe built by threads, and by separate worker processes that share nothing with the flow but the store."""

import contextlib
import importlib.util
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from annotators.weights import STARTER_PATH
from storage.store import Store

RECIPE = """
name: tiny
classes: [person, car]
prompts:
  template: "{objects} on a {place}, {light}"
  axes:
    objects: [{text: a car, count: {car: 1}}, {text: two people, count: {person: 2}}]
    place: [city street, country road]
    light: [day, night]
  strategy: full
  repeats: 2
clip: {frames: 24, fps: 12, width: 256, height: 160}
annotator: {kind: yolo, weights: mine.pt}
curation: {accept: 0.1, ignore: 0.05, min_track_frames: 1, min_box_side: 0, max_background: 1, max_frozen: 1}
split: {train: 0.5, val: 0.5, test: 0.0}
seed: 11
"""
CLIPS = 16

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copy(STARTER_PATH, folder / "mine.pt")
    (folder / "tiny.yaml").write_text(RECIPE)
    return folder / "tiny.yaml"


@pytest.fixture(scope="module")
def build(prefect_server, recipe_file):
    from flows.build import build_dataset

    return lambda store, **choice: build_dataset(str(recipe_file), str(store), **choice)


@pytest.fixture(scope="module")
def by_threads(build, tmp_path_factory):
    return build(tmp_path_factory.mktemp("threads") / "store")


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """The name of an empty bucket of an S3 server in a process of its own, to which the environment leads."""
    import boto3

    file = Path(__file__).parents[2] / "benchmarks" / "faults_parts" / "s3_server.py"
    spec = importlib.util.spec_from_file_location("s3_server", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.serve_s3(tmp_path / "server.txt") as leading_there:
        for name, value in leading_there.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="clusters")
        yield "clusters"


@pytest.fixture
def workers_elsewhere(tmp_path, monkeypatch):
    """Workers whose folder for copies is not ours, as on another machine."""
    from flows import runners

    told = runners._worker_environment
    folder = {"FRAMEFOUNDRY_CACHE": str(tmp_path / "theirs")}
    monkeypatch.setattr(runners, "_worker_environment", lambda sharing: told(sharing) | folder)
    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path / "ours"))
    return tmp_path / "theirs"


def task_runs(state: str) -> list[str]:
    """Names of all task runs in a state, of every flow run so far."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return [run.name for run in client.read_task_runs() if run.state_name == state]


class Killer(threading.Thread):
    """Kills the first worker that is found at work on a batch of which a clip is in the store."""

    def __init__(self, store: Path) -> None:
        super().__init__(daemon=True)
        self.store, self.killed = store, None
        self.listening: set[str] = set()

    def run(self):
        while not any(self.store.glob("objects/render/*/*")):
            time.sleep(0.02)
        while self.killed is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                at_work = [child for child in below_us() if child.name() == "ray::render-batch"]
                if at_work:
                    at_work[0].kill()
                    self.killed = at_work[0].pid
        others = [process for process in below_us() if process.pid != self.killed]
        self.listening = {address for process in others for address in listening_addresses(process)}


def comes_true(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether ``condition`` holds before long: Prefect's server enters the states of tasks with a delay."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def below_us() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def listening_addresses(process: psutil.Process) -> set[str]:
    try:
        found = process.net_connections("tcp")
    except psutil.Error:  # it has ended
        return set()
    return {one.laddr.ip.removeprefix("::ffff:") for one in found if one.status == psutil.CONN_LISTEN}


def test_a_ray_worker_killed_in_mid_batch_leaves_the_version_as_threads_make_it(build, by_threads, tmp_path):
    killer = Killer(tmp_path / "store")
    killer.start()
    report = build(tmp_path / "store", runner="ray", workers=2)
    assert killer.killed
    assert report.dataset == by_threads.dataset
    assert (report.render.done, report.label.done, report.failures) == (CLIPS, CLIPS, [])
    assert len(list(Store.open(tmp_path / "store").keys("objects/render"))) == CLIPS
    # One that was killed before it had begun in earnest still has the name that Prefect gave it: render-batch-….
    assert comes_true(lambda: any(name.startswith("render") for name in task_runs("Crashed")))
    assert comes_true(lambda: task_runs("Running") == [])
    killer.join()
    assert killer.listening == {"127.0.0.1"}
    assert not psutil.pid_exists(killer.killed)
    assert [child for child in below_us() if "ray" in child.name()] == []


def test_ray_workers_that_share_a_bucket_and_nothing_else_make_the_same_version(
    build, by_threads, bucket, workers_elsewhere
):
    store = f"s3://{bucket}/store"
    report = build(store, runner="ray", workers=2)
    assert report.dataset == by_threads.dataset
    assert (report.render.done, report.label.done, report.failures) == (CLIPS, CLIPS, [])
    assert len(list(Store.open(store).keys("objects/render"))) == CLIPS
    assert list(workers_elsewhere.rglob("inputs/*/mine.pt"))


def test_dask_makes_the_same_version(build, by_threads, tmp_path):
    report = build(tmp_path / "store", runner="dask", workers=2)
    assert report.dataset == by_threads.dataset
    assert (report.render.done, report.label.done) == (CLIPS, CLIPS)
