"""What a run depends on is killed in mid-run: `framefoundry serve` starts it again, and all ends as undisturbed."""

import psutil
import pytest
from served import ENDED, RUN_SECONDS, START_SECONDS

pytestmark = [
    pytest.mark.usefixtures("nothing_else"),
    pytest.mark.slow,
    pytest.mark.timeout(START_SECONDS + 3 * RUN_SECONDS),
]


def kill_in_mid_run(serving, part, store):
    """Start a run on an empty store, and kill the child of `serve` whose command has ``part``; the run."""
    run = serving.start("long", store=str(store))
    serving.wait_for_clips(store)
    (victim,) = (
        child
        for child in psutil.Process(serving.process.pid).children()
        if any(part in word for word in child.cmdline())
    )
    victim.kill()
    return run


def was_started_again(serving, name):
    return f"The {name} ended with exit code -9; it is started again." in (serving.folder / "serve.log").read_text()


def test_a_run_outlives_the_server(serving, undisturbed):
    store = serving.folder / "without-server"
    serving.ended(kill_in_mid_run(serving, "guarded_server", store), "COMPLETED")
    assert was_started_again(serving, "server")
    assert serving.version_in(store.name) == undisturbed


def test_a_run_that_is_lost_with_its_worker_is_taken_up_by_the_next(serving, undisturbed):
    store = serving.folder / "without-worker"
    lost = kill_in_mid_run(serving, "worker", store)
    serving.wait_for(lambda: serving.read(lost)["state"]["type"] in ENDED, RUN_SECONDS)
    assert was_started_again(serving, "worker")
    serving.ended(serving.start("long", store=str(store)), "COMPLETED")
    assert serving.version_in(store.name) == undisturbed
