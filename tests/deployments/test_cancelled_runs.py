"""Runs that are cancelled in the UI: nothing of them is left within 15 s, and the next run ends as one undisturbed."""

import subprocess
import time

import psutil
import pytest
from served import COMMAND, PROJECT, RUN_SECONDS, START_SECONDS

from flows.reaper import RunProcess

CANCEL_SECONDS = 15

pytestmark = pytest.mark.usefixtures("nothing_else")


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


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 4 * RUN_SECONDS)
def test_a_run_of_the_worker_is_gone_in_15_s_and_the_next_ends_as_undisturbed(serving, undisturbed):
    run = serving.start("long")
    serving.wait_for_clips(serving.folder / "long")
    cancel(serving, run)
    assert serving.version_in("long") is None
    serving.ended(serving.start("long"), "COMPLETED")
    assert serving.version_in("long") == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 4 * RUN_SECONDS)
def test_a_run_of_the_command_line_is_gone_in_15_s_too(serving, undisturbed):
    store = serving.folder / "typed"
    words = ["--store", str(store), "run", str(serving.folder / "long.yaml")]

    def start():
        return subprocess.Popen([*COMMAND, *words], env=serving.environment, cwd=PROJECT, stderr=subprocess.DEVNULL)

    process = start()
    serving.wait_for_clips(store)
    (run,) = serving.runs(None, "RUNNING")
    assert cancel(serving, run["id"]) == 130
    process.wait(1)
    assert start().wait(RUN_SECONDS) == 0
    assert serving.version_in("typed") == undisturbed
