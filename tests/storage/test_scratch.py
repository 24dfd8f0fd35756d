import errno
import os
import signal
import time
from pathlib import Path

from storage.scratch import sweep
from storage.store import Store


def test_a_scratch_directory_is_empty_named_and_removed(store, leftovers):
    with store.scratch("render") as folder:
        assert folder.is_dir()
        assert list(folder.iterdir()) == []
        assert folder.is_relative_to(store.root)
        assert leftovers()[0].startswith("render-")
        (folder / "sub").mkdir()
        (folder / "sub" / "x").write_text("x")
    assert leftovers() == []


def test_a_scratch_directory_goes_when_its_block_fails(store, leftovers):
    try:
        with store.scratch("render") as folder:
            (folder / "x").write_text("x")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert leftovers() == []


def test_opening_the_store_leaves_scratch_of_the_living_alone(store):
    with store.scratch("render") as folder:
        (folder / "x").write_text("x")
        Store.open(store.root)
        assert (folder / "x").read_text() == "x"


def test_opening_the_store_sweeps_scratch_of_the_killed(store, leftovers):
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        with store.scratch("publish") as folder:
            (folder / "half.parquet").write_text("half")
            os.write(tell, b"1")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    Store.open(store.root)
    assert len(leftovers()) == 1  # alive: kept
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    Store.open(store.root)
    assert leftovers() == []


def test_sweep_removes_strays_of_any_form_and_counts_them(store, leftovers):
    tmp = store.root / "tmp"
    (tmp / "put-0").write_text("x")
    (tmp / "render-1" / "render").mkdir(parents=True)
    (tmp / "link").symlink_to(store.root)
    assert sweep(tmp) == 3
    assert leftovers() == []
    assert (store.root / "store.json").is_file()


def test_scratch_lies_on_the_filesystem_of_the_store(store):
    with store.scratch("x") as folder:
        assert folder.stat().st_dev == store.root.stat().st_dev


def test_what_cannot_be_looked_into_is_left(store, monkeypatch):
    """Whoever has too many files open cannot tell whether a thing is leased."""
    real = os.open

    def refuse_leases(path, flags, *arguments, **options):
        if Path(path).name == ".lease":
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, *arguments, **options)

    with store.scratch("render") as folder:
        (folder / "clip.mp4").write_bytes(b"work")
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse_leases)
            assert sweep(store.root / "tmp") == 0
        assert (folder / "clip.mp4").read_bytes() == b"work"
