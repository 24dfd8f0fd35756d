import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import RecipeError, StoreError
from storage import local_folders
from storage.datasets import current_version, find_version, list_datasets, parse_reference, publish_version
from storage.store import Store


def _writing(**summary):
    def build(folder):
        (folder / "manifest").mkdir()
        (folder / "manifest" / "clips.parquet").write_bytes(b"rows" * 1000)
        (folder / "dataset.json").write_text(json.dumps(summary))

    return build


def _names(store, name="street"):
    return sorted(entry.name for entry in (store.root / "datasets" / name).iterdir())


def test_a_published_version_is_found_by_name_version_and_beginning(store):
    published = publish_version(store, "street", "abc123", _writing(frames=7))
    assert (published.name, published.version, published.summary) == ("street", "abc123", {"frames": 7})
    assert published.path == store.root / "datasets" / "street" / "abc123"
    assert (published.path / "manifest" / "clips.parquet").stat().st_size == 4000
    for version in (None, "abc123", "abc", "a"):
        assert find_version(store, "street", version) == published
    assert (store.root / "datasets" / "street" / "LATEST").read_text() == "abc123\n"


def test_a_new_version_becomes_the_current_one_and_the_old_one_stays(store):
    publish_version(store, "street", "aaa", _writing(n=1))
    publish_version(store, "street", "bbb", _writing(n=2))
    assert find_version(store, "street").version == "bbb"
    assert find_version(store, "street", "aaa").summary == {"n": 1}


def test_publishing_an_existing_version_builds_nothing_and_makes_it_current(store):
    publish_version(store, "street", "aaa", _writing(n=1))
    publish_version(store, "street", "bbb", _writing(n=2))

    def refuse(folder):
        raise AssertionError("built again")

    again = publish_version(store, "street", "aaa", refuse)
    assert again.summary == {"n": 1}
    assert current_version(store, "street") == "aaa"


def test_a_build_that_fails_leaves_nothing(store, leftovers):
    def fail(folder):
        _writing()(folder)
        raise RuntimeError("no more frames")

    with pytest.raises(RuntimeError, match="no more frames"):
        publish_version(store, "street", "aaa", fail)
    assert not (store.root / "datasets").exists()
    assert leftovers() == []


def test_a_build_without_a_summary_is_not_published(store):
    with pytest.raises(StoreError, match=r"dataset\.json was not written"):
        publish_version(store, "street", "aaa", lambda folder: (folder / "x").write_text("x"))
    with pytest.raises(RecipeError, match="no dataset 'street'"):
        find_version(store, "street")


@pytest.mark.parametrize("name", ["../x", "", "a/b", "A", "x y", "a\x00", "x" * 64, "-a", "."])
def test_odd_names_are_refused_before_anything_is_built(store, file_tree, name):
    before = file_tree(store.root)
    for use in (
        lambda: publish_version(store, name, "aaa", _writing()),
        lambda: find_version(store, name),
        lambda: parse_reference(name),
    ):
        with pytest.raises(RecipeError, match="name"):
            use()
    assert file_tree(store.root) == before


@pytest.mark.parametrize("version", ["../x", "", "a/b", "LATEST", "x y", "x" * 65, ".."])
def test_odd_versions_are_refused_before_anything_is_built(store, file_tree, version):
    before = file_tree(store.root)
    with pytest.raises(RecipeError, match="version"):
        publish_version(store, "street", version, _writing())
    with pytest.raises(RecipeError, match="version"):
        parse_reference(f"street@{version}")
    assert file_tree(store.root) == before


def test_a_reference_is_a_name_with_or_without_a_version():
    assert parse_reference("street") == ("street", None)
    assert parse_reference("street@abc") == ("street", "abc")


def test_unknown_names_and_versions_are_answered_with_what_exists(store):
    with pytest.raises(RecipeError, match="no dataset 'street'"):
        find_version(store, "street")
    publish_version(store, "street", "abc1", _writing())
    publish_version(store, "street", "abc2", _writing())
    with pytest.raises(RecipeError, match="did you mean 'street'"):
        find_version(store, "stret")
    with pytest.raises(RecipeError, match=r"'zzz' is not a version.*abc1, abc2"):
        find_version(store, "street", "zzz")
    with pytest.raises(RecipeError, match=r"several versions.*abc1, abc2"):
        find_version(store, "street", "abc")


def test_a_whole_version_wins_over_longer_ones_that_begin_so(store):
    publish_version(store, "street", "abc1", _writing(n=1))
    publish_version(store, "street", "abc", _writing(n=2))
    assert find_version(store, "street", "abc").summary == {"n": 2}


def test_a_damaged_summary_is_named(store):
    published = publish_version(store, "street", "abc", _writing())
    (published.path / "dataset.json").write_text("{")
    with pytest.raises(StoreError, match=r"dataset\.json"):
        find_version(store, "street")


def test_a_current_version_removed_by_hand_is_told(store):
    import shutil

    shutil.rmtree(publish_version(store, "street", "bbb", _writing()).path)
    publish_version(store, "street", "aaa", _writing())
    store.swap_pointer("datasets/street/LATEST", "aaa", "bbb")
    with pytest.raises(StoreError, match="LATEST names bbb"):
        find_version(store, "street")


def test_datasets_are_listed_by_name_current_version_first(store):
    assert list_datasets(store) == []
    for name, version in (("b", "v2"), ("b", "v3"), ("b", "v1"), ("a", "v9")):
        publish_version(store, name, version, _writing())
    assert [(found.name, found.version) for found in list_datasets(store)] == [
        ("a", "v9"),
        ("b", "v1"),
        ("b", "v2"),
        ("b", "v3"),
    ]
    publish_version(store, "b", "v3", _writing())
    assert [found.version for found in list_datasets(store)] == ["v9", "v3", "v1", "v2"]


def test_links_and_empty_folders_in_a_build_are_kept(store, tmp_path):
    store.put("frames/ab/x.jpg", b"jpeg")

    def build(folder):
        _writing()(folder)
        (folder / "images").mkdir()
        os.link(store.path("frames/ab/x.jpg"), folder / "images" / "0.jpg")
        (folder / "images" / "1.jpg").symlink_to(tmp_path / "nowhere")
        (folder / "empty").mkdir()

    path = publish_version(store, "street", "aaa", build).path
    assert (path / "images" / "0.jpg").read_bytes() == b"jpeg"
    assert (path / "images" / "1.jpg").is_symlink()
    assert (path / "empty").is_dir()


def test_of_two_publishers_of_one_version_one_wins_and_both_succeed(store):
    barrier = threading.Barrier(2)

    def build(folder):
        _writing(n=1)(folder)
        barrier.wait(20)  # both have built before either is in place

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: publish_version(store, "street", "aaa", build), range(2)))
    assert both[0] == both[1]
    assert _names(store) == ["LATEST", "aaa"]


def test_a_full_disk_publishes_nothing(store, leftovers):
    def fill(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"publishing datasets/street/aaa.*full"):
        publish_version(store, "street", "aaa", fill)
    assert not (store.root / "datasets").exists()
    assert leftovers() == []


def test_every_file_and_folder_is_synced_before_the_version_appears(store, monkeypatch):
    events = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor):
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real_fsync(descriptor)

    def rename(path, target):
        events.append("renamed")
        return real_rename(path, target)

    monkeypatch.setattr(local_folders.os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    publish_version(store, "street", "aaa", _writing())
    before, after = events[: events.index("renamed")], events[events.index("renamed") + 1 :]
    assert {"clips.parquet", "dataset.json", "manifest", "publish", "datasets"} <= set(before)
    assert after[0] == "street"


def test_killed_in_the_middle_of_building_nothing_is_visible_and_the_rest_is_swept(store, leftovers):
    ready, tell = os.pipe()
    child = os.fork()
    if not child:

        def build(folder):
            _writing()(folder)
            os.write(tell, b"1")
            time.sleep(60)

        try:
            publish_version(store, "street", "aaa", build)
        finally:
            os._exit(0)
    os.read(ready, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert list_datasets(store) == []
    assert len(leftovers()) == 1
    Store.open(store.root)
    assert leftovers() == []
    assert publish_version(store, "street", "aaa", _writing()).version == "aaa"


def test_killed_at_any_step_a_version_is_whole_or_absent(tmp_path, killed_runs):
    def publish(store):
        return publish_version(store, "street", "bbb", _writing(n=2))

    def prepared(folder):
        store = Store.open(folder)
        publish_version(store, "street", "aaa", _writing(n=1))
        return store

    dry = prepared(tmp_path / "dry")
    steps = killed_runs.steps(lambda: publish(dry))
    assert {"before rename", "after rename", "pointer: before rename"} <= set(steps)
    currents = []
    for number, _ in enumerate(steps):
        store = prepared(tmp_path / str(number))
        assert killed_runs.kill_at(number, lambda store=store: publish(store))
        versions = {found.version: found for found in list_datasets(store)}
        currents.append(find_version(store, "street").version)
        for found in versions.values():
            assert (found.path / "manifest" / "clips.parquet").stat().st_size == 4000
        assert "aaa" in versions
        Store.open(store.root)
        assert [entry.name for entry in (store.root / "tmp").iterdir()] == [".guard"]
        publish(store)
        assert find_version(store, "street").summary == {"n": 2}
        assert _names(store) == ["LATEST", "aaa", "bbb"]
    assert currents[0] == "aaa"
    assert currents[-1] == "bbb"
    assert currents == sorted(currents)
