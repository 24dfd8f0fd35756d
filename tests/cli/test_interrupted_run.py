"""A real run, stopped by Ctrl-C at the terminal, and taken up again by the same command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

COMMAND = [sys.executable, "-c", "from cli.main import run; run()"]


@pytest.fixture
def command(tmp_path, recipe_file):
    text = recipe_file.read_text().replace("strategy: full", "strategy: full\n  repeats: 5")
    recipe_file.write_text(text)
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    environment.pop("PREFECT_API_URL", None)
    words = ["--store", str(tmp_path / "store"), "--json", "run", str(recipe_file)]

    def start() -> subprocess.Popen:
        return subprocess.Popen(
            [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            start_new_session=True,
        )  # fmt: skip

    return start


def wait_for_clips(process: subprocess.Popen, store: Path, count: int) -> int:
    """Wait until the run has finished so many clips; how many it has then."""
    deadline = time.monotonic() + 400
    while (found := len(list(store.glob("objects/render/*/*")))) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ctrl_c_keeps_finished_clips_and_the_same_command_resumes(command, tmp_path):
    stopped = command()
    kept = wait_for_clips(stopped, tmp_path / "store", 3)
    family = psutil.Process(stopped.pid).children(recursive=True)
    os.killpg(stopped.pid, signal.SIGINT)
    out, said = stopped.communicate(timeout=300)
    assert stopped.returncode == 130, said
    assert json.loads(out)["error"]["kind"] == "Interrupted"
    assert "Traceback" not in said
    assert not list((tmp_path / "store").glob("datasets/*/*"))
    _, left = psutil.wait_procs(family, timeout=20)
    assert [member.cmdline() for member in left] == []

    resumed = command()
    out, said = resumed.communicate(timeout=500)
    assert resumed.returncode == 0, said
    report = json.loads(out)
    assert report["render"]["reused"] >= kept
    assert report["render"]["done"] + report["render"]["reused"] == 40
    assert report["clip_verdicts"]["accepted"] > 0
