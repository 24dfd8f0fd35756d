"""Disks that fill up for real, and disks that take their time."""

import json
import os
import subprocess
import threading
import time

import pytest

from schemas.errors import StoreError
from storage import local_objects, scratch
from storage.datasets import current_version, list_datasets, publish_version
from storage.store import Store

DISK_BYTES = 4 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 4 MB, of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "framefoundry-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=30)


def build(size):
    def write(folder):
        (folder / "rows.bin").write_bytes(os.urandom(size))
        (folder / "dataset.json").write_text(json.dumps({"size": size}))

    return write


def leftovers(store):
    return [entry.name for entry in (store.root / "tmp").iterdir() if entry.name != ".guard"]


def fill(store):
    """Commit objects until the disk is full; what was committed."""
    committed = {}
    for number in range(1000):
        data = os.urandom(100_000)
        try:
            store.put(f"media/{number}", data)
        except StoreError as fault:
            assert "is full" in str(fault)
            assert "--store" in str(fault)
            return committed
        committed[f"media/{number}"] = data
    raise AssertionError("the disk never filled up")


def test_on_a_full_disk_what_is_committed_stays_whole_and_work_goes_on_when_there_is_room(small_disk):
    store = Store.open(small_disk / "store")
    committed = fill(store)
    assert len(committed) > 20
    assert set(store.keys("media")) == committed.keys()
    assert leftovers(store) == []
    store.path("media/0").unlink()
    again = Store.open(store.root)
    assert again.put("media/next", committed["media/0"])
    assert all(again.read(key) == data for key, data in committed.items() if key != "media/0")


def test_a_version_that_does_not_fit_is_not_published_and_the_current_one_stays(small_disk):
    store = Store.open(small_disk / "store")
    publish_version(store, "street", "v1", build(1000))
    with pytest.raises(StoreError, match="is full"):
        publish_version(store, "street", "v2", build(2 * DISK_BYTES))
    assert current_version(store, "street") == "v1"
    assert [version.version for version in list_datasets(store)] == ["v1"]
    assert leftovers(store) == []
    publish_version(store, "street", "v3", build(1000))
    assert current_version(store, "street") == "v3"


@pytest.fixture
def slow_disk(monkeypatch):
    """Every write, sync and link takes 30 ms longer."""

    def slowed(call):
        def wait(*arguments, **options):
            time.sleep(0.03)
            return call(*arguments, **options)

        return wait

    for module, name in ((local_objects.os, "write"), (local_objects.os, "fsync"), (local_objects.os, "link")):
        monkeypatch.setattr(module, name, slowed(getattr(module, name)))


def test_on_a_slow_disk_the_sweep_of_others_takes_nothing_that_is_being_written(store, slow_disk):
    sweeps = []
    done = threading.Event()

    def sweep_all_the_time():
        while not done.is_set():
            sweeps.append(scratch.sweep(store.root / "tmp"))

    sweeper = threading.Thread(target=sweep_all_the_time)
    sweeper.start()
    try:
        for number in range(5):
            assert store.put(f"a/{number}", b"x" * 1000)
        publish_version(store, "street", "v1", build(1000))
    finally:
        done.set()
        sweeper.join()
    assert len(sweeps) > 10
    assert [store.read(f"a/{number}") for number in range(5)] == [b"x" * 1000] * 5
    assert current_version(store, "street") == "v1"


def test_on_a_slow_disk_a_reader_sees_an_object_whole_or_not_at_all(store, slow_disk):
    data, seen = b"y" * 50_000, set()
    writer = threading.Thread(target=store.put, args=("a/b", data))
    writer.start()
    while writer.is_alive():
        seen.add(store.read("a/b") if store.exists("a/b") else None)
    writer.join()
    assert seen <= {None, data}
    assert None in seen
    assert store.read("a/b") == data
