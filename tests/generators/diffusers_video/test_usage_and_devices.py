"""How busy a device was, which devices there are, and that a renderer does not outlive its run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from generators.diffusers_video.devices import choose_devices, count_cuda_devices
from generators.diffusers_video.messages import Usage, describe_usage
from generators.diffusers_video.usage_meter import UsageMeter, length_of_union
from schemas.diffusers_options import DiffusersOptions


def test_work_that_overlaps_counts_once():
    assert length_of_union([(0, 2), (1, 3), (5, 6), (5.2, 5.4)]) == 4
    assert length_of_union([]) == 0


def test_encoding_does_not_keep_the_device_busy_and_waiting_lowers_the_share():
    meter = UsageMeter("cpu", SimpleNamespace())
    meter.add("denoise", 10, 14)
    meter.add("decode", 13, 16)
    meter.add("encode", 16, 18)
    used = meter.usage()
    assert (used.busy_seconds, used.wall_seconds, used.busy_share) == (6, 8, 0.75)


@pytest.mark.parametrize(("share", "words"), [(None, "12 clips"), (0.4, "saved 40%"), (0.0, "it has no effect")])
def test_a_cache_without_effect_is_said_to_have_none(share, words):
    assert words in describe_usage(Usage("cuda:0", 9, 10, clips=12, cached_share=share))


@pytest.mark.parametrize(("visible", "count"), [("", 0), ("-1", 0), ("0", 1), ("2,5,7", 3)])
def test_only_visible_devices_are_taken(monkeypatch, visible, count):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert count_cuda_devices() == count
    expected = tuple(f"cuda:{index}" for index in range(count)) or ("cpu",)
    assert choose_devices(DiffusersOptions(model="m")) == expected


def test_devices_that_the_recipe_names_are_taken_as_they_are():
    assert choose_devices(DiffusersOptions(model="m", devices=["cuda:1", "cuda:3"])) == ("cuda:1", "cuda:3")


PARENT = """
import multiprocessing, sys, time

def child(path):
    import os
    from generators.diffusers_video.renderer_process import _end_with_parent
    _end_with_parent()
    open(path, "w").write(str(os.getpid()))
    time.sleep(300)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=child, args=(sys.argv[1],)).start()
    time.sleep(300)
"""


@pytest.mark.slow
def test_a_renderer_ends_when_its_run_is_killed(tmp_path):
    script, told = tmp_path / "parent.py", tmp_path / "pid"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(told)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    _wait(lambda: told.exists() and told.read_text())
    child = int(told.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _wait(lambda: not _is_running(child))


def _wait(condition, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
