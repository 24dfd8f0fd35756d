"""Runs that are cancelled in the UI: nothing of them is left within 15 s, and the next run ends as one undisturbed."""

import subprocess
import time

import psutil
import pytest
from served import COMMAND, PROJECT, RUN_SECONDS, START_SECONDS

from flows.reaper import RunProcess
from storage.datasets import current_version
from storage.store import Store

CANCEL_SECONDS = 15
FIRST_CLIPS = 4


def wait_for_clips(serving, store):
    """Wait until some clips are in ``store``, and so the run in the midst of its work."""
    serving.wait_for(lambda: len(list(store.glob("objects/render/*/*"))) >= FIRST_CLIPS, RUN_SECONDS)


def family_of(serving, run):
    """The process that carries out ``run``, and all below it, renderers among them."""
    process = psutil.Process(RunProcess.from_labels(serving.read(run)["labels"]).pid)
    family = [process, *process.children(recursive=True)]
    assert any("spawn_main" in " ".join(member.cmdline()) for member in family)
    return family


def cancel(serving, run):
    """Cancel ``run``; the exit code of its process. All below it are gone in time, and the server says Cancelled."""
    family = family_of(serving, run)
    serving.cancel(run)
    started = time.monotonic()
    _, left = psutil.wait_procs(family, timeout=CANCEL_SECONDS)
    print(f"cancelled: {len(family)} processes gone after {time.monotonic() - started:.1f} s")
    assert [member.cmdline() for member in left] == []
    serving.ended(run, "CANCELLED")
    return family[0].returncode


def version_of(serving, store):
    return current_version(Store.open(serving.folder / store, create=False), "long")


@pytest.fixture(scope="module", autouse=True)
def nothing_else(serving):
    """What is on schedule waits until these tests are over."""
    serving.pause("tick")
    yield
    serving.resume("tick")


@pytest.fixture(scope="module")
def undisturbed(serving):
    """The version of a run that nobody disturbed, on a store of its own."""
    serving.ended(serving.start("long", store=str(serving.folder / "undisturbed")), "COMPLETED")
    return version_of(serving, "undisturbed")


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 4 * RUN_SECONDS)
def test_a_run_of_the_worker_is_gone_in_15_s_and_the_next_ends_as_undisturbed(serving, undisturbed):
    run = serving.start("long")
    wait_for_clips(serving, serving.folder / "long")
    cancel(serving, run)
    assert version_of(serving, "long") is None
    serving.ended(serving.start("long"), "COMPLETED")
    assert version_of(serving, "long") == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 4 * RUN_SECONDS)
def test_a_run_of_the_command_line_is_gone_in_15_s_too(serving, undisturbed):
    store = serving.folder / "typed"
    words = ["--store", str(store), "run", str(serving.folder / "long.yaml")]

    def start():
        return subprocess.Popen([*COMMAND, *words], env=serving.environment, cwd=PROJECT, stderr=subprocess.PIPE)

    process = start()
    wait_for_clips(serving, store)
    (run,) = serving.runs(None, "RUNNING")
    assert cancel(serving, run["id"]) == 130
    process.wait(1)
    assert start().wait(RUN_SECONDS) == 0
    assert version_of(serving, "typed") == undisturbed
