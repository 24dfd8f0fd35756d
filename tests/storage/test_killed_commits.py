"""A run without models, killed by the system call, as `benchmarks/faults.py` does it at full length."""

import os
import sys
from pathlib import Path

import pytest

from storage import local_objects

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def kill_every_commit(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from faults_parts.commit_kills import SETTINGS, kill_every_commit

    yield lambda folder: kill_every_commit(folder, every=1000, settings=SETTINGS[1:])
    for name in [name for name in sys.modules if name.startswith("faults_parts")]:
        del sys.modules[name]


def test_a_run_killed_at_any_kind_of_step_ends_as_an_undisturbed_one(kill_every_commit, tmp_path):
    outcomes = list(kill_every_commit(tmp_path / "kills"))
    assert [outcome for outcome in outcomes if not outcome.survived] == []
    steps = {outcome.fault for outcome in outcomes}
    assert {"before link", "after link", "half way through write", "before fsync", "after rename"} <= steps


def test_a_store_that_writes_in_place_is_caught(kill_every_commit, tmp_path, monkeypatch):
    """Without the temporary file and the link, half an object is seen, and kept."""

    def write_in_place(root, key, write):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return False
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        write(descriptor)
        os.close(descriptor)
        return True

    monkeypatch.setattr(local_objects, "_commit", write_in_place)
    kills = kill_every_commit(tmp_path / "kills")
    outcome = next(outcome for outcome in kills if outcome.fault == "half way through write")
    assert outcome.half_visible
    assert not outcome.survived
