"""Versions in a bucket: whole or not there, and copies of them on a machine."""

import hashlib
import json

import pytest
from memory_bucket import MemoryBucket

from schemas.errors import StoreError
from storage.s3_folders import S3Folders
from storage.s3_objects import S3Objects

KEY = "datasets/street/v1"


@pytest.fixture
def bucket():
    return MemoryBucket()


@pytest.fixture
def folders(bucket, tmp_path):
    return _machine(bucket, tmp_path / "one")


@pytest.fixture
def elsewhere(bucket, tmp_path):
    return _machine(bucket, tmp_path / "two")


def _machine(bucket, home):
    for folder in ("tmp", "locks", "cache"):
        (home / folder).mkdir(parents=True)
    return S3Folders(S3Objects(bucket, "store/", home))


def writing(**files):
    def build(folder):
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return build


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_reads_the_same_on_another_machine(folders, elsewhere):
    folders.publish(KEY, writing(data_yaml="a", manifest__rows_parquet="rows"), ["data.yaml"])
    assert elsewhere.exists(KEY, ["data.yaml"])
    assert elsewhere.names_in("datasets") == ["street"]
    assert elsewhere.names_in("datasets/street") == ["v1"]
    assert elsewhere.open(KEY).name == "v1"
    assert tree(elsewhere.open(KEY)) == {"data.yaml": "a", "manifest/rows.parquet": "rows"}
    assert elsewhere.find_file(KEY, "manifest/rows.parquet").read_text() == "rows"
    assert elsewhere.find_file(KEY, "absent") is None


def test_files_lie_under_their_own_names(folders, bucket):
    folders.publish(KEY, writing(manifest__rows_parquet="rows"), [])
    assert bucket.objects[f"store/{KEY}/manifest/rows.parquet"]["Body"] == b"rows"


def test_a_folder_without_a_required_file_is_not_published(folders, bucket):
    with pytest.raises(StoreError, match=r"data\.yaml was not written"):
        folders.publish(KEY, writing(other="a"), ["data.yaml"])
    assert bucket.objects == {}
    assert not folders.exists(KEY, [])


def test_a_folder_that_is_there_is_kept(folders):
    folders.publish(KEY, writing(data_yaml="first"), ["data.yaml"])
    folders.publish(KEY, writing(data_yaml="second"), ["data.yaml"])
    assert tree(folders.open(KEY)) == {"data.yaml": "first"}


def test_what_a_killed_publication_left_is_neither_seen_nor_mixed_in(folders, elsewhere, bucket):
    bucket.before = _dying_at("index.json")
    with pytest.raises(KeyboardInterrupt):
        folders.publish(KEY, writing(data_yaml="first", report_html="of the first"), ["data.yaml"])
    bucket.before = lambda *_: None
    assert not elsewhere.exists(KEY, [])
    elsewhere.publish(KEY, writing(data_yaml="second", report_html="of the second"), ["data.yaml"])
    assert tree(folders.open(KEY)) == {"data.yaml": "second", "report.html": "of the second"}


def test_replaced_files_change_together_and_others_stay(folders, elsewhere, tmp_path):
    folders.publish(KEY, writing(data_yaml="1", yolo__a="old", yolo__b="old", manifest__rows="rows"), ["data.yaml"])
    before = elsewhere.open(KEY)
    staging = tmp_path / "staging"
    staging.mkdir()
    writing(data_yaml="2", yolo__a="new")(staging)
    folders.replace_in(KEY, staging, last="data.yaml")
    assert tree(elsewhere.open(KEY)) == {"data.yaml": "2", "yolo/a": "new", "manifest/rows": "rows"}
    assert tree(before) == {"data.yaml": "1", "yolo/a": "old", "yolo/b": "old", "manifest/rows": "rows"}


def test_two_that_replace_at_once_lose_nothing(folders, elsewhere, bucket, tmp_path):
    folders.publish(KEY, writing(data_yaml="1"), ["data.yaml"])
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    raced = []

    def race(method, arguments):
        if method == "put_object" and arguments["Key"].endswith("index.json") and not raced:
            raced.append(method)
            elsewhere.replace_in(KEY, tmp_path / "b", last="data.yaml")

    bucket.before = race
    folders.replace_in(KEY, tmp_path / "a", last="data.yaml")
    assert tree(folders.open(KEY)) == {"data.yaml": "1", "a": "a", "b": "b"}


def test_an_image_that_the_store_has_is_not_stored_again(folders, elsewhere, bucket):
    image = b"jpeg"
    name = hashlib.sha256(image).hexdigest()
    key = f"frames/{name[:2]}/{name}.jpg"
    folders.objects.put(key, image)

    def build(folder):
        (folder / "images").mkdir()
        (folder / "images" / "clip_000000.jpg").hardlink_to(folders.objects.find_files([key])[0])

    folders.publish(KEY, build, [])
    assert sorted(bucket.objects) == [f"store/{KEY}/index.json", f"store/{key}"]
    assert (elsewhere.open(KEY) / "images" / "clip_000000.jpg").read_bytes() == image


def test_a_copy_of_which_files_were_removed_is_made_again(folders):
    folders.publish(KEY, writing(data_yaml="a", yolo__a="b"), [])
    (folders.open(KEY) / "data.yaml").unlink()
    assert tree(folders.open(KEY)) == {"data.yaml": "a", "yolo/a": "b"}
    assert [entry.name for entry in (folders.objects.home / "tmp").iterdir()] == [".guard"]


def test_a_file_that_arrives_otherwise_than_it_was_published_is_refused(folders, elsewhere, bucket):
    folders.publish(KEY, writing(data_yaml="whole"), ["data.yaml"])
    bucket.objects[f"store/{KEY}/data.yaml"]["Body"] = b"other"
    with pytest.raises(StoreError, match="arrives otherwise"):
        elsewhere.open(KEY)


_FILE = b'{"key": "files/aa/aa", "size": 1, "sha256": "aa"}'


@pytest.mark.parametrize("path", [b"../a", b"a/../../b", b"/etc/a", b"a//b", b"."])
def test_a_list_that_leads_out_of_its_folder_is_refused(folders, bucket, path):
    folders.publish(KEY, writing(data_yaml="a"), ["data.yaml"])
    bucket.objects[f"store/{KEY}/index.json"]["Body"] = b'{"files": {"%s": %s}}' % (path, _FILE)
    with pytest.raises(StoreError, match="is damaged"):
        folders.open(KEY)


def test_a_file_of_an_odd_name_is_published_too(folders, elsewhere):
    folders.publish(KEY, lambda folder: (folder / "a name, odd.txt").write_text("a"), [])
    assert tree(elsewhere.open(KEY)) == {"a name, odd.txt": "a"}


@pytest.mark.parametrize("index", [b"{", b"[]", b'{"files": {"a": {}}}'])
def test_a_damaged_list_is_named(folders, bucket, index):
    folders.publish(KEY, writing(data_yaml="a"), ["data.yaml"])
    bucket.objects[f"store/{KEY}/index.json"]["Body"] = index
    with pytest.raises(StoreError, match=r"index\.json is damaged"):
        folders.open(KEY)


def test_the_list_holds_nothing_but_keys_sizes_and_hashes(folders, bucket):
    folders.publish(KEY, writing(data_yaml="a"), ["data.yaml"])
    told = json.loads(bucket.objects[f"store/{KEY}/index.json"]["Body"])
    assert told["files"].keys() == {"data.yaml"}
    assert told["files"]["data.yaml"].keys() == {"key", "size", "sha256"}


def _dying_at(name):
    def die(method, arguments):
        if method == "put_object" and arguments["Key"].endswith(name):
            raise KeyboardInterrupt

    return die
