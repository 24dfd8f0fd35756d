import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import StoreError
from storage import local_objects
from storage.store import Store


def test_an_object_reads_back_as_it_was_put(store):
    data = bytes(range(256)) * 100
    assert store.put("media/ab/x.mp4", data) is True
    assert store.read("media/ab/x.mp4") == data
    assert store.exists("media/ab/x.mp4")
    assert store.path("media/ab/x.mp4").read_bytes() == data


def test_an_empty_object_is_an_object(store):
    assert store.put("a/empty", b"")
    assert store.read("a/empty") == b""


def test_the_first_put_wins_for_good(store):
    assert store.put("a/b", b"first") is True
    assert store.put("a/b", b"second") is False
    assert store.read("a/b") == b"first"


def test_an_absent_object_is_not_read(store):
    with pytest.raises(StoreError, match="a/b is not in the store"):
        store.read("a/b")
    store.put("a/b/c", b"x")
    with pytest.raises(StoreError, match="not in the store"):
        store.read("a/b")
    assert not store.exists("a/b")


def test_an_object_below_an_object_is_refused(store):
    store.put("a/b", b"x")
    with pytest.raises(StoreError):
        store.put("a/b/c", b"y")


def test_a_file_is_copied_in_and_stays_where_it_was(store, tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(b"payload" * 1000)
    assert store.put_file("media/x", source) is True
    source.write_bytes(b"changed")
    assert store.read("media/x") == b"payload" * 1000
    assert store.put_file("media/x", source) is False


def test_a_file_from_another_filesystem_is_copied_in(store, tmp_path):
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == store.root.stat().st_dev:
        pytest.skip("no second filesystem here")
    source = other / f"framefoundry-{os.getpid()}"
    try:
        source.write_bytes(b"over there")
        assert store.put_file("media/y", source)
    finally:
        source.unlink(missing_ok=True)
    assert store.read("media/y") == b"over there"


def test_a_missing_source_file_is_named(store, tmp_path):
    with pytest.raises(StoreError, match=r"gone\.mp4"):
        store.put_file("media/x", tmp_path / "gone.mp4")


def test_keys_lists_a_folder_to_its_depth_sorted(store):
    for key in ("b/2", "b/1/x", "a/1", "bb/1"):
        store.put(key, b"")
    assert list(store.keys("b")) == ["b/1/x", "b/2"]
    assert list(store.keys("b/")) == ["b/1/x", "b/2"]
    assert list(store.keys("nothing")) == []


def test_nothing_is_left_in_tmp_after_a_put(store, leftovers):
    store.put("a/b", b"x")
    store.put("a/b", b"x")
    assert leftovers() == []


# Killed at every step ------------------------------------------------------------------------------------------------


def test_a_put_killed_at_any_step_leaves_the_whole_object_or_none(tmp_path, killed_runs):
    data = os.urandom(50_000)
    dry = Store.open(tmp_path / "dry")
    steps = killed_runs.steps(lambda: dry.put("a/b/c", data))
    assert {"before write", "before file sync", "before link", "before folder sync", "after"} <= set(steps)
    states = []
    for number, _ in enumerate(steps):
        root = tmp_path / str(number)
        store = Store.open(root)
        assert killed_runs.kill_at(number, lambda store=store: store.put("a/b/c", data))
        there = store.exists("a/b/c")
        states.append(there)
        assert not there or store.read("a/b/c") == data
        again = Store.open(root)
        assert [entry.name for entry in (root / "tmp").iterdir()] == [".guard"]
        assert again.put("a/b/c", data) is not there
        assert again.read("a/b/c") == data
    assert states[0] is False
    assert states[-1] is True
    assert states == sorted(states), "once committed, an object stays committed"


def test_a_pointer_killed_at_any_step_holds_the_old_text_or_the_new(tmp_path, killed_runs):
    def swap(store):
        return store.swap_pointer("datasets/x/LATEST", "old", "new")

    dry = Store.open(tmp_path / "dry")
    dry.swap_pointer("datasets/x/LATEST", None, "old")
    steps = killed_runs.steps(lambda: swap(dry))
    assert len(steps) >= 3
    seen = set()
    for number, _ in enumerate(steps):
        store = Store.open(tmp_path / str(number))
        store.swap_pointer("datasets/x/LATEST", None, "old")
        assert killed_runs.kill_at(number, lambda store=store: swap(store))
        held = store.read_pointer("datasets/x/LATEST")
        seen.add(held)
        Store.open(store.root)
        assert [entry.name for entry in (store.root / "tmp").iterdir()] == [".guard"]
        assert swap(store) is (held == "old")  # the dead process's lock is free
        assert store.read_pointer("datasets/x/LATEST") == "new"
    assert seen == {"old", "new"}


# Two at once ---------------------------------------------------------------------------------------------------------


def test_of_many_threads_exactly_one_put_wins(store):
    barrier = threading.Barrier(8)

    def put(number):
        barrier.wait()
        return [store.put(f"a/{round_}", f"{number}".encode() * 1000) for round_ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))
    for round_ in range(20):
        winners = [number for number in range(8) if won[number][round_]]
        assert len(winners) == 1
        assert store.read(f"a/{round_}") == f"{winners[0]}".encode() * 1000


# Fresh interpreters: a fork of a test process that runs threads may hold locks that nobody will free.
_RACER = """
import sys, time
from pathlib import Path
from storage.store import Store
store, number = Store.open(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
{race}
"""
_PUT_MANY = "print(*[int(store.put(f'a/{round_}', number.encode() * 1000)) for round_ in range(20)])"
_COUNT_UP = """
done = 0
while done < 15:
    current = store.read_pointer("n/LATEST")
    done += store.swap_pointer("n/LATEST", current, str(int(current or 0) + 1))
"""


def _race(root, what):
    """Run ``what`` in three processes that start at once; what each of them printed."""
    command = [sys.executable, "-c", _RACER.format(race=what), str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([*command, str(number)], **pipes) for number in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    printed = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    return printed


def test_of_several_processes_exactly_one_put_wins(store):
    won = [[int(word) for word in printed.split()] for printed in _race(store.root, _PUT_MANY)]
    for round_ in range(20):
        winners = [number for number in range(3) if won[number][round_]]
        assert len(winners) == 1
        assert store.read(f"a/{round_}") == f"{winners[0]}".encode() * 1000


def test_no_swap_is_lost_between_processes(store):
    _race(store.root, _COUNT_UP)
    assert store.read_pointer("n/LATEST") == "45"


# Pointers ------------------------------------------------------------------------------------------------------------


def test_a_pointer_moves_only_from_what_was_expected(store):
    assert store.read_pointer("datasets/x/LATEST") is None
    assert store.swap_pointer("datasets/x/LATEST", "a", "b") is False
    assert store.read_pointer("datasets/x/LATEST") is None
    assert store.swap_pointer("datasets/x/LATEST", None, "a") is True
    assert store.swap_pointer("datasets/x/LATEST", None, "b") is False
    assert store.swap_pointer("datasets/x/LATEST", "a", "b") is True
    assert store.read_pointer("datasets/x/LATEST") == "b"


def test_a_reader_of_a_moving_pointer_sees_one_whole_text(store):
    store.swap_pointer("datasets/x/LATEST", None, "old")
    with store.path("datasets/x/LATEST").open() as reader:
        store.swap_pointer("datasets/x/LATEST", "old", "new")
        assert reader.read() == "old\n"


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["p/A", "q/A"]), st.sampled_from([None, "1", "2"]), st.sampled_from("12")),
        max_size=12,
    )
)
def test_pointers_behave_like_a_mapping_with_compare_and_swap(tmp_path_factory, swaps):
    store = Store.open(tmp_path_factory.mktemp("pointers") / "store")
    model = {}
    for key, expected, new in swaps:
        agrees = model.get(key) == expected
        if agrees:
            model[key] = new
        assert store.swap_pointer(key, expected, new) is agrees
        assert store.read_pointer(key) == model.get(key)


# A disk that is full or broken ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fsync", "link", "mkdir"])
def test_a_full_disk_is_told_and_leaves_no_half_object(store, leftovers, monkeypatch, fault, call):
    def refuse(*args, **kwargs):
        raise OSError(fault, os.strerror(fault))

    with monkeypatch.context() as patch:
        patch.setattr(local_objects.os, call, refuse)
        with pytest.raises(StoreError, match=r"full \(\d+ MB free\).*--store") as caught:
            store.put("a/b", b"x" * 100)
    assert "a/b" in str(caught.value)
    assert not store.exists("a/b")
    assert leftovers() == []
    assert store.put("a/b", b"x" * 100)


def test_a_disk_that_fills_half_way_leaves_no_half_object(store, leftovers, monkeypatch):
    real, written = os.write, []

    def write_a_little(descriptor, data):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(1)
        return real(descriptor, bytes(data[:10]))

    with monkeypatch.context() as patch:
        patch.setattr(local_objects.os, "write", write_a_little)
        with pytest.raises(StoreError, match="full"):
            store.put("a/b", b"x" * 100)
    assert not store.exists("a/b")
    assert leftovers() == []


def test_short_writes_are_carried_on(store, monkeypatch):
    real = os.write
    monkeypatch.setattr(local_objects.os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    store.put("a/b", bytes(range(200)))
    assert store.read("a/b") == bytes(range(200))


_FILL = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from schemas.errors import StoreError
from storage.store import Store
store = Store.open(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    store.put("a/b", b"x" * 10000)
except StoreError as fault:
    print(fault)
"""


def test_a_real_write_that_the_system_cuts_off_leaves_no_half_object(store, leftovers):
    repository = Path(local_objects.__file__).parents[1]
    command = [sys.executable, "-c", _FILL, str(store.root), str(repository)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "larger than the system allows" in told
    assert not store.exists("a/b")
    assert leftovers() == []


def test_a_filesystem_without_hard_links_is_named(store, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(local_objects.os, "link", refuse)
    with pytest.raises(StoreError, match="hard links"):
        store.put("a/b", b"x")


def test_files_and_folders_are_synced_before_a_put_returns(store, monkeypatch):
    """The order that a power cut cannot break: bytes, then name, then the folder that holds the name."""
    events = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor):
        events.append("sync " + str(Path(f"/proc/self/fd/{descriptor}").readlink()).removeprefix(f"{store.root}/"))
        real_fsync(descriptor)

    def link(source, target, **kwargs):
        events.append("link")
        real_link(source, target, **kwargs)

    monkeypatch.setattr(local_objects.os, "fsync", fsync)
    monkeypatch.setattr(local_objects.os, "link", link)
    store.put("a/b/c", b"x")
    order = [event.split("put-")[0] for event in events]
    assert order == [f"sync {store.root}", "sync a", "sync tmp/", "link", "sync a/b"]
