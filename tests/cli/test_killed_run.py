"""A real run, killed (SIGKILL) once inside each stage, as `benchmarks/faults.py` does it at full length."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_inside_each_stage_ends_in_the_version_of_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from faults_parts.run_kills import kill_every_stage

    outcomes = list(kill_every_stage(tmp_path / "run", full=False))
    assert [outcome.where.rpartition(" ")[2] for outcome in outcomes] == ["render", "label", "images", "publish"]
    assert [outcome for outcome in outcomes if not outcome.survived] == []
    for name in [name for name in sys.modules if name.startswith("faults_parts")]:
        del sys.modules[name]
