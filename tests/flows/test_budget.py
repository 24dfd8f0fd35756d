"""A run whose budget is spent: what is done is published as a partial version, and the next run goes on."""

import json
from pathlib import Path

import pytest

from flows import device_limits
from schemas.recipe_text import parse_recipe

RECIPE = """
name: thrifty
classes: [person, car]
prompts:
  template: "{objects} on a {place}"
  axes:
    objects: [{text: a car, count: {car: 1}}, {text: two people, count: {person: 2}}]
    place: [city street, country road]
  strategy: full
  repeats: 5
clip: {frames: 4, fps: 4, width: 160, height: 96}
annotator: {kind: truth}
curation: {min_track_frames: 1}
split: {train: 1, val: 0, test: 0}
publish: {}
budget: {device_hours: HOURS, price_per_device_hour: 3.6}
"""
CLIPS = 20


@pytest.fixture
def slow_device(monkeypatch):
    """A device on which a second passes whenever somebody looks at the clock."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(device_limits, "monotonic", lambda: float(next(ticks)))


def run(tmp_path: Path, hours: float):
    from flows.build import build_dataset

    path = tmp_path / "thrifty.yaml"
    path.write_text(RECIPE.replace("HOURS", f"{hours:.9f}"))
    return build_dataset(str(path), str(tmp_path / "store"))


def test_it_publishes_what_is_done_and_the_next_ends_in_the_version_of_one_that_had_enough(
    prefect_server, tmp_path, slow_device
):
    partial = run(tmp_path, 1 / 3600)
    done = partial.label.done
    assert 0 < done < CLIPS and partial.device.clips_left == CLIPS - done
    assert any("partial" in warning for warning in partial.warnings)
    stated = json.loads((Path(partial.path) / "dataset.json").read_text())
    assert stated["device_account"]["clips_left"] == CLIPS - done
    for document in ("CARD.md", "report.html"):
        assert f"{CLIPS - done} clips of the recipe left" in (Path(partial.path) / document).read_text()

    whole = run(tmp_path, 100)
    assert whole.device.clips_left == 0 and whole.label.reused == done
    assert not any("partial" in warning for warning in whole.warnings)
    assert whole.device.seconds_per_accepted_frame > 0
    assert whole.device.money == pytest.approx(whole.device.seconds / 1000)
    assert "at the recipe's price" in (Path(whole.path) / "CARD.md").read_text()

    (tmp_path / "other").mkdir()
    undisturbed = run(tmp_path / "other", 100)
    assert undisturbed.dataset == whole.dataset != partial.dataset


def test_a_run_that_finds_all_done_spends_nothing_and_waits_for_no_device(prefect_server, tmp_path, monkeypatch):
    run(tmp_path, 100)
    monkeypatch.setattr(device_limits, "hold_devices", lambda _: pytest.fail("a device was asked for"))
    again = run(tmp_path, 1e-7)
    assert again.device is None and not again.new_version


def test_a_partial_run_is_a_degraded_one():
    from flows.events import find_degradations
    from schemas.budget import DeviceAccount
    from schemas.run_report import RunReport

    account = DeviceAccount(devices=("cpu",), seconds=1, frames=1, clips_left=3)
    recipe = parse_recipe(RECIPE.replace("HOURS", "1"))
    report = RunReport(recipe="thrifty", clips=9, boxes_by_split={"train": {"car": 1}}, device=account)
    assert find_degradations(report, recipe) == [account.partial]


def test_no_clip_depends_on_the_budget():
    from generators.build import build_generator

    with_budget = parse_recipe(RECIPE.replace("HOURS", "1"))
    clips = [
        [job.clip_id for job in build_generator(recipe).jobs()]
        for recipe in (with_budget, with_budget.model_copy(update={"budget": None}))
    ]
    assert clips[0] == clips[1] and len(clips[0]) == CLIPS
