"""A whole run whose renderer is killed in mid-clip finishes, with the version of a run that nobody disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from cli.main import run; run()"]


@pytest.fixture
def start(tmp_path):
    """Start a run of the tiny diffusion recipe, cut down to 12 clips, on a store of its own."""
    recipe = yaml.safe_load((ROOT / "recipes" / "tiny-diffusion.yaml").read_text())
    recipe["prompts"]["axes"]["colour"] = ["red"]
    recipe["generator"] |= {"model": str(ROOT / "generators" / "tiny_video"), "steps": 60, "batch": 1}
    recipe["annotator"]["weights"] = str(ROOT / "annotators" / "starter" / "yolo26n-shapes.pt")
    recipe["publish"] = {"parquet": {}}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    environment.pop("PREFECT_API_URL", None)

    def run(store: Path) -> subprocess.Popen:
        words = ["--store", str(store), "--json", "run", str(path)]
        return subprocess.Popen(
            [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            start_new_session=True,
        )  # fmt: skip

    return run


def report_of(process: subprocess.Popen) -> dict:
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    return json.loads(out)


def kill_renderer_in_mid_clip(process: subprocess.Popen, store: Path) -> None:
    """Kill the renderer once a first clip is in the store and others are under way."""
    deadline = time.monotonic() + 300
    while not list(store.glob("objects/render/*/*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    spawned = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    (renderer,) = (child for child in spawned if "torch" in " ".join(m.path for m in child.memory_maps()))
    os.kill(renderer.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_renderer_killed_in_mid_clip_leaves_the_version_as_it_would_have_been(start, tmp_path):
    undisturbed = report_of(start(tmp_path / "one"))
    disturbed = start(tmp_path / "two")
    kill_renderer_in_mid_clip(disturbed, tmp_path / "two")
    report = report_of(disturbed)
    assert any("ended with -9" in remark for remark in report["remarks"]), report["remarks"]
    assert report["render"]["done"] == 12
    assert report["dataset"] == undisturbed["dataset"]
