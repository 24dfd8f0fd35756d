import os
import time

import pytest

from generators.build import build_generator
from schemas.records import ClipRecord, Origin
from storage.clips import commit_clip
from storage.locks import hold
from storage.recipes import read_recipe
from storage.store import Store


@pytest.fixture
def store(store_folder, recipe_file, tmp_path):
    """A store with one old clip of the recipe, in no version."""
    store = Store.open(store_folder)
    job = build_generator(read_recipe(recipe_file), store).jobs()[0]
    media = tmp_path / "clip.mp4"
    media.write_bytes(b"x" * 5000)
    commit_clip(
        store,
        ClipRecord(job.clip_id, job.scenario, "c" * 64, 8, 8.0, 160, 96, 5000, Origin("procedural", "1")),
        media,
        None,
    )
    then = time.time() - 30 * 86400
    for path in [*store.root.glob("objects/*/*/*"), *store.root.glob("media/*/*")]:
        os.utime(path, (then, then))
    return store


def media_of(store):
    return list(store.root.glob("media/*/*"))


def test_without_delete_it_only_lists(framefoundry, store):
    answer = framefoundry("gc")
    assert answer.code == 0
    assert "1 clips, 2 files" in answer.stdout
    assert "framefoundry gc --delete" in answer.stdout
    assert media_of(store)


def test_delete_removes_and_counts(framefoundry, store):
    report = framefoundry("--json", "gc", "--delete").json
    assert report["deleted"] is True
    assert (report["clips"], report["files"], report["kept_clips"]) == (1, 2, 0)
    assert report["bytes"] > 5000
    assert not media_of(store)
    assert framefoundry("--json", "gc").json["files"] == 0


def test_what_is_new_and_the_clips_of_named_recipes_stay(framefoundry, store, recipe_file):
    assert framefoundry("--json", "gc", "--delete", "--days", "31").json["young_clips"] == 1
    assert framefoundry("--json", "gc", "--delete", "--keep", recipe_file).json["files"] == 0
    assert media_of(store)


def test_a_store_that_is_worked_on_is_left_alone(framefoundry, store):
    with hold(store, "recipe-tiny"):
        answer = framefoundry("gc", "--delete")
    assert answer.code != 0
    assert "recipe-tiny" in answer.stderr
    assert media_of(store)


def test_a_missing_store_is_an_error(framefoundry, store_folder):
    assert framefoundry("gc").code == 5
    assert not store_folder.exists()
