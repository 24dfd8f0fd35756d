import json
from dataclasses import replace
from pathlib import Path

import pytest

from annotators.weights import resolve_weights
from cli.estimates import IMAGE_BYTES_PER_PIXEL, RENDER_SECONDS, estimate_jobs
from cli.plan import list_jobs
from cli.plan_tables import estimate_lines
from generators.protocol import RenderCost
from schemas.records import ClipRecord, Origin, clip_to_json
from storage.clips import CLIP_STAGE, RECORD_FORM
from storage.commits import commit_json
from storage.recipes import read_recipe
from storage.store import Store

EXAMPLES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


@pytest.fixture
def store(store_folder):
    return Store.open(store_folder)


def keep_record(store, job, **changes):
    """Commit a record as if the clip had been rendered in half a second."""
    record = ClipRecord(
        **{
            "clip_id": job.clip_id, "scenario": job.scenario, "media_id": "a" * 64, "frames": 8, "fps": 8, "width": 160,
            "height": 96, "size": 4000, "origin": Origin("procedural", "1"), "render_seconds": 0.5, **changes,
        }
    )  # fmt: skip
    commit_json(store, CLIP_STAGE, RECORD_FORM, record.clip_id, clip_to_json(record))


def test_plan_lists_scenarios_coverage_and_cost_and_renders_nothing(framefoundry, recipe_file, store_folder):
    answer = framefoundry("plan", recipe_file)
    assert answer.code == 0, answer.stderr
    for part in ("8 clips", "a car in rain by night", "1 car", "clear 4, rain 4", "12 of 12", "0 of 8 clips"):
        assert part in answer.stdout
    assert not store_folder.exists()


def test_the_first_scenarios_or_all(framefoundry, recipe_file):
    few = framefoundry("plan", recipe_file, "--first", 2).stdout
    assert few.count(" in clear by ") + few.count(" in rain by ") == 2
    assert "--all lists them" in few
    everything = framefoundry("plan", recipe_file, "--first", 2, "--all").stdout
    assert everything.count(" in clear by ") + everything.count(" in rain by ") == 8


def test_json_holds_every_clip_with_its_identity(framefoundry, recipe_file):
    told = framefoundry("plan", recipe_file, "--json").json
    assert len({clip["clip_id"] for clip in told["clips"]}) == 8
    assert told["coverage"]["pairs_covered"] == told["coverage"]["pairs_possible"] == 12
    assert told["estimate"]["frames"] == 64
    json.dumps(told)


def test_pairs_that_never_meet_are_named(framefoundry, recipe_file):
    text = recipe_file.read_text().replace("strategy: full", "strategy: random\n  variations: 2")
    recipe_file.write_text(text)
    assert "never together:" in framefoundry("plan", recipe_file).stdout


def test_an_impossible_recipe_is_refused_with_the_number_needed(framefoundry, recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("strategy: full", "strategy: full\n  variations: 100"))
    answer = framefoundry("plan", recipe_file)
    assert answer.code == 2
    assert "8" in answer.stderr


def test_without_stored_clips_the_constant_is_named(recipe_file, store):
    recipe = read_recipe(recipe_file)
    estimate = estimate_jobs(recipe, list_jobs(recipe), store)
    assert (estimate.clips, estimate.stored, estimate.frames) == (8, 0, 64)
    assert f"{RENDER_SECONDS['procedural'] * 1000:.0f} ms" in estimate.basis


def test_stored_clips_are_the_evidence_and_are_not_counted_again(recipe_file, store, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    recipe = read_recipe(recipe_file)
    jobs = list_jobs(recipe)
    for job in jobs[:2]:
        keep_record(store, job)
    estimate = estimate_jobs(recipe, jobs, store)
    assert estimate.stored == 2
    assert estimate.basis == "2 clips in the store"
    assert estimate.render_seconds == pytest.approx(6 * 0.5 / 2)  # six clips are missing, on two cores
    assert estimate.bytes_needed == 6 * 4000  # no images are published


def test_clips_of_other_recipes_are_evidence_if_they_have_the_same_generator(recipe_file, store):
    recipe = read_recipe(recipe_file)
    jobs = list_jobs(recipe)
    keep_record(store, jobs[0], clip_id="0" * 32, origin=Origin("footage", "1"))
    assert "ms a frame" in estimate_jobs(recipe, jobs, store).basis
    keep_record(store, jobs[0], clip_id="1" * 32)
    assert estimate_jobs(recipe, jobs, store).basis == "1 clips in the store"


def test_images_cost_disk_by_their_stride(recipe_file, store):
    recipe_file.write_text(recipe_file.read_text() + "publish: {yolo: {stride: 2}, coco: {stride: 2}}\n")
    recipe = read_recipe(recipe_file)
    jobs = list_jobs(recipe)
    for job in jobs:
        keep_record(store, job)
    estimate = estimate_jobs(recipe, jobs, store)
    assert estimate.render_seconds == 0
    assert estimate.bytes_needed == pytest.approx(8 * 8 * 160 * 96 * IMAGE_BYTES_PER_PIXEL / 2, abs=1)


@pytest.mark.parametrize("recipe", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_recipe_is_valid(framefoundry, recipe):
    answer = framefoundry("recipe", "validate", recipe)
    assert answer.code == 0, answer.stderr


def test_a_generators_own_knowledge_goes_before_other_recipes_clips_and_after_its_own(recipe_file, store):
    recipe = read_recipe(recipe_file)
    jobs = list_jobs(recipe)
    clip = recipe.clip.model_copy(update={"frames": 81})
    cost = RenderCost(clip, seconds=95.0, devices=2, memory_gb=16, basis="a published figure")
    keep_record(store, replace(jobs[0], clip_id="of-another-recipe"))
    told = estimate_jobs(recipe, jobs, store, cost)
    assert (told.render_seconds, told.memory_gb, told.frames) == (8 * 95.0 / 2, 16, 8 * 81)
    assert told.basis == "a published figure"
    keep_record(store, jobs[0])
    assert estimate_jobs(recipe, jobs, store, cost).basis == "1 clips in the store"


def test_an_unknown_rendering_time_is_called_unknown(recipe_file, store):
    recipe = read_recipe(recipe_file)
    cost = RenderCost(recipe.clip, seconds=None, devices=1, memory_gb=None, basis="no published figure for m")
    lines = " ".join(estimate_lines(estimate_jobs(recipe, list_jobs(recipe), store, cost)))
    assert "an unknown time to render" in lines
    assert "no published figure for m" in lines


@pytest.fixture
def detecting_recipe(recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("kind: truth", "kind: yolo"))
    return recipe_file


def test_the_plan_shows_the_hash_of_the_weights_in_full(framefoundry, detecting_recipe, store):
    known = resolve_weights("starter", store).sha256
    assert known in framefoundry("plan", detecting_recipe).stdout
    assert framefoundry("plan", detecting_recipe, "--json").json["weights"]["sha256"] == known


def test_weights_that_are_not_the_pinned_ones_are_refused_by_plan_and_doctor(framefoundry, detecting_recipe):
    pinned = detecting_recipe.read_text().replace("kind: yolo", f"kind: yolo, weights_sha256: {'a' * 64}")
    detecting_recipe.write_text(pinned)
    answer = framefoundry("plan", detecting_recipe)
    assert answer.code == 4
    assert "was not loaded" in " ".join(answer.stderr.split())
    assert "was not loaded" in " ".join(framefoundry("doctor", detecting_recipe).stdout.split())
