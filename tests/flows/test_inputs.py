"""What a recipe reads goes through the store: a worker has nothing but its address."""

import json
import shutil

import pytest

from annotators.weights import STARTER_PATH, resolve_weights
from flows.inputs import pack_inputs, unpack_inputs
from generators.footage_files import find_videos
from schemas.errors import StoreError
from schemas.recipe_text import validate_recipe
from storage.recipes import read_recipe
from storage.store import Store


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def footage_recipe(path, **annotator):
    annotator = {"kind": "yolo", **annotator}
    return validate_recipe(
        {"name": "inbox", "generator": {"kind": "footage", "path": str(path)}, "annotator": annotator}, where="test"
    )


def test_a_recipe_without_files_travels_as_it_is(store):
    recipe = validate_recipe(
        {"name": "street", "classes": ["car"], "prompts": {"template": "a car", "axes": {}}}, where="test"
    )
    assert pack_inputs(recipe, store) == recipe == unpack_inputs(recipe, store)


def test_weights_keep_their_identity_when_their_file_is_gone(store, tmp_path):
    mine = tmp_path / "mine.pt"
    shutil.copy(STARTER_PATH, mine)
    recipe = footage_recipe(tmp_path, weights=str(mine))
    before = resolve_weights(recipe.annotator.weights, store)
    packed = pack_inputs(recipe, store)
    mine.unlink()
    assert str(tmp_path) not in packed.annotator.weights
    after = resolve_weights(unpack_inputs(packed, store).annotator.weights, store)
    assert (after.sha256, after.path.name) == (before.sha256, "mine.pt")


def test_names_that_are_no_files_stay(store, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"a")
    assert pack_inputs(footage_recipe(tmp_path, weights="street@4"), store).annotator.weights == "street@4"


def test_a_folder_keeps_its_name_and_the_names_in_it(store, tmp_path):
    inbox = tmp_path / "in box"
    (inbox / "ä day").mkdir(parents=True)
    (inbox / "ä day" / "one clip.mp4").write_bytes(b"one")
    (inbox / "two.mov").write_bytes(b"two")
    packed = pack_inputs(footage_recipe(inbox), store)
    shutil.rmtree(inbox)
    found = unpack_inputs(packed, store).generator.path
    assert found.name == "in box"
    videos = find_videos(found)
    assert [video.relative_to(found).as_posix() for video in videos] == ["two.mov", "ä day/one clip.mp4"]
    assert [video.read_bytes() for video in videos] == [b"two", b"one"]


def test_prompts_travel_too(store, tmp_path):
    (tmp_path / "prompts.csv").write_text("prompt\na car\n")
    (tmp_path / "r.yaml").write_text("name: mine\nprompts: {file: prompts.csv}\n")
    packed = pack_inputs(read_recipe(tmp_path / "r.yaml"), store)
    (tmp_path / "prompts.csv").unlink()
    assert unpack_inputs(packed, store).prompts.file.read_text() == "prompt\na car\n"


def test_a_file_is_named_by_what_it_holds(store, tmp_path):
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"one")
    first, again = (pack_inputs(footage_recipe(clip), store) for _ in range(2))
    clip.write_bytes(b"two")
    changed = pack_inputs(footage_recipe(clip), store)
    assert first == again != changed
    assert unpack_inputs(first, store).generator.path.read_bytes() == b"one"
    assert unpack_inputs(changed, store).generator.path.read_bytes() == b"two"


def test_what_another_store_holds_is_refused(store, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"one")
    packed = pack_inputs(footage_recipe(tmp_path / "a.mp4"), store)
    with pytest.raises(StoreError, match="inputs"):
        unpack_inputs(packed, Store.open(tmp_path / "other"))


def test_of_a_folder_of_footage_nothing_travels_but_footage_of_its_own(store, tmp_path):
    home, private = tmp_path / "home", tmp_path / "private"
    (home / ".ssh").mkdir(parents=True)
    private.mkdir()
    for path in (home / "a.mp4", home / ".ssh" / "b.mp4", home / "id_rsa", private / "c.mp4"):
        path.write_bytes(path.name.encode())
    (home / "link.mp4").symlink_to(private / "c.mp4")
    (home / "folder").symlink_to(private)
    packed = pack_inputs(footage_recipe(home), store)
    found = unpack_inputs(packed, store).generator.path
    assert [path.name for path in found.rglob("*") if path.is_file()] == ["a.mp4"]
    assert sorted(store.read(key) for key in store.keys("files")) == [b"a.mp4"]


@pytest.mark.parametrize("relative", ["../../way/out.mp4", "/way/out.mp4", "home/../../../out.mp4"])
def test_a_list_that_names_places_outside_is_refused(store, relative):
    store.put("files/ab/" + "ab" * 32, b"x")
    store.put("objects/inputs/1/evil", json.dumps({relative: "ab" * 32}).encode())
    with pytest.raises(StoreError, match="names files outside"):
        unpack_inputs(footage_recipe("sent-input:evil/home"), store)
