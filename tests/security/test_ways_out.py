"""Names that recipes, reviews and stored records bring along never lead out of the store."""

import json

import pytest

from schemas.errors import FramefoundryError, RecipeError, StoreError
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Origin, Scenario
from storage.clips import commit_clip, find_clip, find_clips, media_path
from storage.coco_reviews import read_coco_review
from storage.commits import commit_json, object_key
from storage.datasets import find_version, parse_reference, publish_version
from storage.images import IMAGE_STAGE, read_image_keys, store_frame_images
from storage.models import find_model, publish_model
from storage.store import Store

WAYS_OUT = [
    "..",
    "../x",
    "a/../../x",
    "/etc/passwd",
    "..\\x",
    "a/b",
    "~",
    "~root",
    ".",
    "",
    "a\x00b",
    "%2e%2e",
    "C:x",
    "é",
]


@pytest.fixture
def store(tmp_path):
    (tmp_path / "private").write_text("private")
    return Store.open(tmp_path / "store")


def record_of(**changes):
    known = {
        "clip_id": "c" * 64, "scenario": Scenario("s", "a street"), "media_id": "a" * 64, "frames": 2, "fps": 8,
        "width": 16, "height": 16, "size": 4, "origin": Origin("procedural", "1"), "render_seconds": 0.1,
    }  # fmt: skip
    return ClipRecord(**{**known, **changes})


@pytest.mark.parametrize("name", WAYS_OUT)
def test_no_dataset_is_named_by_a_way_out(store, name):
    footage = {"kind": "footage", "path": "."}
    with pytest.raises(RecipeError, match="name"):
        validate_recipe({"name": name, "generator": footage})
    for reference in (name, f"{name}@a", f"a@{name}"):
        with pytest.raises(FramefoundryError):
            find_version(store, *parse_reference(reference))

    def build(_folder):
        raise AssertionError("a folder was made for it")

    for names in ((name, "a"), ("a", name)):
        with pytest.raises(RecipeError):
            publish_version(store, *names, build)
        with pytest.raises(RecipeError):
            publish_model(store, *names, build, promote=True)
        with pytest.raises(FramefoundryError):
            find_model(store, *names)


@pytest.mark.parametrize("part", WAYS_OUT)
def test_no_object_is_named_by_a_way_out(part):
    for parts in ((part, "b", "c"), ("a", part, "c"), ("a", "b", part)):
        with pytest.raises(StoreError):
            object_key(*parts)


@pytest.mark.parametrize("media_id", ["../../private", "..", "/etc/passwd", "aa/../../../private"])
def test_a_record_that_names_media_elsewhere_is_refused(store, media_id, tmp_path):
    record = record_of(media_id=media_id, size=7)
    with pytest.raises(StoreError):
        media_path(store, record)
    with pytest.raises(StoreError):
        commit_clip(store, record, tmp_path / "private", None)


@pytest.mark.parametrize("clip_id", ["..", "../x", "/etc/passwd", ".hidden"])
def test_a_clip_id_that_leads_elsewhere_is_no_clip(store, clip_id):
    assert find_clips(store, [clip_id]) == []
    with pytest.raises(StoreError):
        find_clip(store, clip_id)


@pytest.mark.parametrize("key", ["../private", "/etc/passwd", "frames/../../private.jpg"])
def test_an_index_that_names_images_elsewhere_is_refused(store, key):
    record = record_of()
    commit_json(store, IMAGE_STAGE, "v1-stride2-quality95", record.media_id, {"0": key})
    with pytest.raises(StoreError):
        store_frame_images(store, record, stride=2, quality=95)
    index = object_key(IMAGE_STAGE, "v1-stride2-quality95", record.media_id)
    with pytest.raises(StoreError):
        store.exists(read_image_keys(store, index)[0])


@pytest.mark.parametrize("name", ["../../x_000001.jpg", "/etc/x_000001.png", "..\\..\\x_000001.jpg", ".._000001.jpg"])
def test_a_reviews_file_names_say_a_clip_and_nothing_else(store, tmp_path, name):
    coco = {"images": [{"id": 1, "file_name": name}], "categories": [], "annotations": []}
    (tmp_path / "review.json").write_text(json.dumps(coco))
    (clip,) = read_coco_review(tmp_path / "review.json", [])["clip_id"].to_pylist()
    assert "/" not in clip
    assert find_clips(store, [clip]) == []


def test_a_folder_of_the_store_that_a_link_takes_elsewhere_is_refused(store, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for area in ("media", "datasets", "objects"):
        (store.root / area).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="leads out of the store"):
        store.put("media/ab/x", b"x")
    with pytest.raises(StoreError, match="leads out of the store"):
        publish_version(store, "a", "b", lambda folder: (folder / "dataset.json").write_text("{}"))
    with pytest.raises(StoreError, match="leads out of the store"):
        commit_json(store, "render", "v1", "a", {})
    assert list((tmp_path / "elsewhere").iterdir()) == []
