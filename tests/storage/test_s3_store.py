"""A store on a real S3 server, in a process of its own on loopback."""

import logging
import pickle
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from schemas.errors import BusyError, StoreError
from schemas.tables import TRUTH
from storage import s3_commits
from storage.clips import commit_clip, find_clip, find_clips, media_path, read_truth
from storage.commits import commit_table
from storage.compacted import read_commits
from storage.datasets import current_version, find_version, list_datasets, publish_version
from storage.garbage import find_garbage, remove_garbage
from storage.images import store_frame_images
from storage.leftovers import Leftovers, find_leftovers, remove_leftovers
from storage.locks import hold, list_holders
from storage.remote import remote_objects
from storage.s3_client import Bucket
from storage.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def elsewhere(remote, monkeypatch, tmp_path):
    """The same store on another machine."""
    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path / "elsewhere"))
    return Store.open(remote.location)


def test_a_store_is_made_once_and_opens_by_its_address(s3):
    made = Store.open(f"s3://{s3}/some/prefix/")
    assert Store.open(f"s3://{s3}/some/prefix", create=False) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.location == f"s3://{s3}/some/prefix"
    assert Store.open(f"s3://{s3}/another").root != made.root


def test_what_lies_on_this_machine_is_its_users_alone(remote):
    assert stat.S_IMODE(remote.root.stat().st_mode) == 0o700


def test_what_is_no_store_is_refused(s3, remote):
    with pytest.raises(StoreError, match="not a Framefoundry store"):
        Store.open(f"s3://{s3}/absent", create=False)
    with pytest.raises(StoreError, match=r"it holds 'prefix/'"):
        Store.open(f"s3://{s3}/some")
    with pytest.raises(StoreError, match="there is no bucket nowhere"):
        Store.open("s3://nowhere/store")


def test_what_a_killed_maker_of_a_store_left_is_no_hindrance(s3):
    bucket = Bucket(s3)
    bucket.call("put_object", Key="half/locks/probe", Body=b"1")
    bucket.call("put_object", Key="half/", Body=b"")  # what a console makes of an empty folder
    assert Store.open(f"s3://{s3}/half").put("a", b"1")


def test_the_first_writer_wins_and_what_it_wrote_stays(remote):
    assert remote.put("a/b", b"first")
    assert not remote.put("a/b", b"second")
    assert remote.read("a/b") == b"first"
    assert remote.exists("a/b")
    assert remote.missing(["a/c", "a/b", "b"]) == ["a/c", "b"]
    with pytest.raises(StoreError, match=r"a/c is not in the store s3://"):
        remote.read("a/c")


def test_keys_and_entries_of_a_folder(remote):
    for key in ("a/2", "a/1/x", "b/1"):
        remote.put(key, key.encode())
    remote_objects(remote.address, remote.root).bucket.call("put_object", Key="some/prefix/a/", Body=b"")
    assert list(remote.keys("a")) == ["a/1/x", "a/2"]
    assert list(remote.keys("absent")) == []
    stamps = {entry.key: (entry.size, entry.stamp) for entry in remote.entries("a")}
    remote.remove("a/2")
    remote.put("a/2", b"xyz")
    after = {entry.key: (entry.size, entry.stamp) for entry in remote.entries("a")}
    assert after["a/1/x"] == stamps["a/1/x"]
    assert after["a/2"][0] == stamps["a/2"][0]
    assert after["a/2"][1] != stamps["a/2"][1]


def test_large_files_go_up_in_parts_and_come_back_whole(remote, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_commits, "PART_BYTES", 1000)
    source = tmp_path / "large"
    source.write_bytes(bytes(range(250)) * 41)
    assert remote.put_file("media/large", source)
    assert not remote.put_file("media/large", source)
    assert elsewhere.path("media/large").read_bytes() == source.read_bytes()


def test_copies_are_fetched_once_and_again_when_they_were_removed(remote, elsewhere):
    remote.put("media/ab/x.mp4", b"frames")
    copy = elsewhere.path("media/ab/x.mp4")
    assert copy.read_bytes() == b"frames"
    assert elsewhere.path("media/ab/x.mp4").stat().st_ino == copy.stat().st_ino
    shutil.rmtree(elsewhere.root / "cache")
    assert elsewhere.path("media/ab/x.mp4").read_bytes() == b"frames"
    assert elsewhere.find_file("media/ab/absent.mp4") is None
    with pytest.raises(StoreError, match=r"media/ab/absent.mp4 is missing"):
        elsewhere.path("media/ab/absent.mp4")


def test_of_many_threads_exactly_one_put_wins(remote):
    def put(number):
        return [remote.put(f"a/{round_}", b"%d" % number) for round_ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))
    for round_ in range(10):
        (winner,) = [number for number in range(8) if won[number][round_]]
        assert remote.read(f"a/{round_}") == b"%d" % winner


_RACER = """
import sys
from storage.s3_client import Bucket
from storage.store import Store
store, number = Store.open(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
won = [int(store.put(f"a/{round_}", number.encode())) for round_ in range(10)]
done = 0
while done < 8:
    current = store.read_pointer("n/LATEST")
    done += store.swap_pointer("n/LATEST", current, str(int(current or 0) + 1))
print(*won)
"""


def test_between_processes_one_put_wins_and_no_swap_is_lost(remote):
    command = [sys.executable, "-c", _RACER, remote.location]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([*command, str(number)], **pipes) for number in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [racer.communicate(timeout=120)[0].split() for racer in racers]
    assert remote.read_pointer("n/LATEST") == "24"
    for round_ in range(10):
        (winner,) = [number for number in range(3) if won[number][round_] == "1"]
        assert remote.read(f"a/{round_}") == b"%d" % winner


def test_a_clip_is_committed_here_and_read_on_another_machine(remote, elsewhere, encoded, record, truth):
    assert commit_clip(remote, record, encoded.path, truth) == record
    assert find_clip(elsewhere, record.clip_id) == record
    assert find_clips(elsewhere, [record.clip_id, "absent"]) == [record]
    assert read_truth(elsewhere, record.clip_id).equals(truth)
    assert media_path(elsewhere, record).read_bytes() == encoded.path.read_bytes()
    keys = store_frame_images(elsewhere, record, stride=4, quality=90)
    assert store_frame_images(remote, record, stride=4, quality=90) == keys
    assert [path.stat().st_size > 0 for path in remote.paths(list(keys.values()))] == [True] * 3


def test_a_clip_whose_video_was_removed_is_named_by_its_address(remote, encoded, record, truth):
    commit_clip(remote, record, encoded.path, truth)
    remote.remove(record.media_key)
    with pytest.raises(StoreError, match=rf"s3://.*{record.media_id}.*is missing"):
        media_path(remote, record)


def test_many_commits_are_read_as_few_large_files(remote, elsewhere, truth):
    keys = [f"k{number}" for number in range(70)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: commit_table(remote, "stage", "f", key, truth), keys))
    table, rows = read_commits(remote, "stage", "f", keys, TRUTH)
    assert table.equals(pa.concat_tables([truth] * 70).combine_chunks())
    assert len(list(remote.keys("tables/stage/f"))) == 2
    again, _ = read_commits(elsewhere, "stage", "f", keys, TRUTH)
    assert again.equals(table)
    assert rows.tolist() == [2] * 70


def test_versions_of_a_dataset(remote, elsewhere):
    def build(folder):
        (folder / "dataset.json").write_text('{"clips": 1}')
        (folder / "report.html").write_text("report")

    published = publish_version(remote, "street", "aaa", build)
    publish_version(remote, "street", "abb", build)
    assert current_version(elsewhere, "street") == "abb"
    assert [found.version for found in list_datasets(elsewhere)] == ["abb", "aaa"]
    found = find_version(elsewhere, "street", "aa")
    assert found.summary == {"clips": 1}
    assert found.location == published.location == f"{remote.location}/datasets/street/aaa"
    assert (found.path / "report.html").read_text() == "report"
    assert found.path.name == "aaa"


def test_what_no_version_refers_to_is_removed_everywhere(remote, encoded, record, truth):
    commit_clip(remote, record, encoded.path, truth)
    assert find_garbage(remote).young_clips == 1
    removed = remove_garbage(remote, grace_days=0)
    assert removed.clips == 1
    assert list(remote.keys("media")) == list(remote.keys("objects")) == []
    assert not list(remote.root.glob("cache/media/*/*"))


def test_copies_that_nobody_reads_and_unfinished_uploads_go(remote, s3):
    remote.put("media/ab/x.mp4", b"frames")
    publish_version(remote, "street", "aaa", lambda folder: (folder / "dataset.json").write_text("{}"))
    folder = find_version(remote, "street").path
    remote_objects(remote.address, remote.root).bucket.call(
        "create_multipart_upload", Key="some/prefix/media/ab/y.mp4", Metadata={}
    )
    assert find_leftovers(remote, days=1).copies == ()  # moto dates every upload 2010
    assert find_leftovers(remote, days=10_000).uploads == ()
    assert len(find_leftovers(remote, days=0).uploads) == 1
    with hold(remote, "recipe-a"), pytest.raises(BusyError):
        remove_leftovers(remote, days=0)
    removed = remove_leftovers(remote, days=0)
    assert {path.name for path in removed.copies} >= {"x.mp4", folder.parent.name}
    assert find_leftovers(remote, days=0) == Leftovers()
    assert remote.path("media/ab/x.mp4").read_bytes() == b"frames"
    assert (find_version(remote, "street").path / "dataset.json").read_text() == "{}"


def test_a_local_store_has_no_leftovers(store):
    assert remove_leftovers(store, days=0) == Leftovers()


def test_work_on_one_machine_is_seen_on_another(remote, elsewhere):
    with hold(remote, "recipe-a"):
        assert [holder.work for holder in list_holders(elsewhere)] == ["recipe-a"]
        assert [holder.work for holder in list_holders(remote)] == ["recipe-a"]
    assert list_holders(elsewhere) == []


def test_credentials_are_in_no_message_no_log_and_no_object(s3, monkeypatch, caplog, capfd):
    planted = "PLANTEDSECRETPLANTEDSECRET"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", planted)
    with caplog.at_level(logging.DEBUG):
        store = Store.open(f"s3://{s3}/secrets")
        publish_version(store, "street", "aaa", lambda folder: (folder / "dataset.json").write_text("{}"))
        with pytest.raises(StoreError) as refused:
            store.read("absent")
        said = [*(record.getMessage() for record in caplog.records if not record.name.startswith("botocore"))]
    stored = b"".join(store.read(entry.key) for area in ("datasets",) for entry in store.entries(area))
    kept = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert planted not in f"{said} {refused.value} {capfd.readouterr()} {store!r}"
    assert planted.encode() not in stored + kept
