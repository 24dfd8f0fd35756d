"""What a run depends on is killed in mid-run: `framefoundry serve` starts it again, and the run ends as undisturbed."""

import psutil
import pytest
from served import RUN_SECONDS, START_SECONDS

pytestmark = pytest.mark.usefixtures("nothing_else")


def kill_in_mid_run(serving, part):
    """Start a run on an empty store, kill the child of `serve` whose command has ``part``; the version it ends in."""
    store = serving.folder / f"killed-{part}"
    run = serving.start("long", store=str(store))
    serving.wait_for_clips(store)
    (victim,) = (
        child
        for child in psutil.Process(serving.process.pid).children()
        if any(part in word for word in child.cmdline())
    )
    victim.kill()
    serving.ended(run, "COMPLETED")
    return serving.version_in(store.name)


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + 3 * RUN_SECONDS)
@pytest.mark.parametrize("part", ["guarded_server", "worker"])
def test_a_run_outlives_it_and_the_next_one_is_taken_as_ever(serving, undisturbed, part):
    assert kill_in_mid_run(serving, part) == undisturbed
    serving.ended(serving.start("long", store=str(serving.folder / "undisturbed")), "COMPLETED")
    assert "it is started again" in (serving.folder / "serve.log").read_text()
