"""Whole runs on a store in a bucket."""

import sys
from pathlib import Path

import pytest

from storage.clips import CLIP_STAGE, RECORD_FORM
from storage.datasets import find_version
from storage.store import Store

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.slow

_RECIPE = """
name: tiny
classes: [car, person]
prompts:
  template: "{objects} in {weather}"
  axes:
    objects: [{text: a car, count: {car: 1}}, {text: a person, count: {person: 1}}]
    weather: [clear, rain]
  strategy: full
clip: {frames: 8, fps: 8, width: 160, height: 96}
annotator: {kind: truth}
publish: {parquet: {}, yolo: {stride: 2}}
"""


def test_a_run_ends_in_the_version_that_a_local_store_gives_and_another_machine_reads_it(s3, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from flow_overhead import run_plainly

    recipe, address = tmp_path / "tiny.yaml", f"s3://{s3}/nightly"
    recipe.write_text(_RECIPE)
    run_plainly(recipe, tmp_path / "local")
    run_plainly(recipe, address)
    here, local = find_version(Store.open(address), "tiny"), find_version(Store.open(tmp_path / "local"), "tiny")
    assert here.version == local.version
    committed = _entries(address)
    assert sum(key.startswith(f"objects/{CLIP_STAGE}/{RECORD_FORM}/") for key in committed) == 4

    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path / "elsewhere"))
    run_plainly(recipe, address)
    assert _entries(address) == committed
    elsewhere = find_version(Store.open(address), "tiny")
    assert elsewhere.path.is_relative_to(tmp_path / "elsewhere")
    assert _tree(elsewhere.path / "yolo") == _tree(local.path / "yolo")
    assert len(_tree(elsewhere.path / "yolo")) > 20


def test_a_run_killed_around_any_kind_of_request_ends_as_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from faults_parts.commit_kills import SETTINGS, kill_every_request

    outcomes = list(kill_every_request(tmp_path / "kills", every=1000, settings=SETTINGS[1:]))
    assert [outcome for outcome in outcomes if not outcome.survived] == []
    steps = {outcome.fault for outcome in outcomes}
    assert {"before put_object", "after upload_part", "before complete_multipart_upload"} <= steps
    for name in [name for name in sys.modules if name.startswith("faults_parts")]:
        del sys.modules[name]


def _entries(address):
    store = Store.open(address)
    return {
        entry.key: entry.stamp for area in ("media", "frames", "objects", "datasets") for entry in store.entries(area)
    }


def _tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
