import json

import pytest

from schemas.errors import StoreError
from schemas.version import SCHEMA_VERSION
from storage.store import Store


def test_open_makes_a_store_and_marks_it(tmp_path):
    store = Store.open(tmp_path / "deep" / "store")
    assert json.loads((store.root / "store.json").read_text())["schema_version"] == SCHEMA_VERSION
    assert store.root.is_absolute()


def test_open_takes_the_argument_then_the_variable_then_foundry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRAMEFOUNDRY_STORE", raising=False)
    assert Store.open().root == tmp_path / "foundry"
    monkeypatch.setenv("FRAMEFOUNDRY_STORE", str(tmp_path / "named"))
    assert Store.open().root == tmp_path / "named"
    assert Store.open(tmp_path / "given").root == tmp_path / "given"


def test_open_again_keeps_what_is_there(store):
    store.put("a/b", b"x")
    assert Store.open(store.root).read("a/b") == b"x"


def test_open_without_create_makes_nothing(tmp_path):
    with pytest.raises(StoreError, match="not a Framefoundry store"):
        Store.open(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


def test_a_folder_with_other_things_in_it_is_no_store(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match=r"thesis\.tex"):
        Store.open(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_store_whose_making_was_cut_off_is_made_again(tmp_path):
    (tmp_path / "store" / "tmp").mkdir(parents=True)
    assert Store.open(tmp_path / "store").put("a/b", b"x")


def test_a_newer_store_is_refused(store):
    (store.root / "store.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1}))
    with pytest.raises(StoreError, match=f"schema version {SCHEMA_VERSION + 1}.*Upgrade"):
        Store.open(store.root)


@pytest.mark.parametrize("mark", ["", "{", "[]", "{}", '{"schema_version": "new"}'])
def test_a_damaged_mark_is_refused(store, mark):
    (store.root / "store.json").write_text(mark)
    with pytest.raises(StoreError, match=r"store\.json"):
        Store.open(store.root)


def test_a_place_that_cannot_hold_a_store_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file" / "store")
    with pytest.raises(StoreError, match="file"):
        Store.open(tmp_path / "file")


@pytest.mark.parametrize("address", ["gs://bucket/x", "s3://", "s3://Bucket/x", "s3://key:hidden@bucket/x"])
def test_an_address_that_cannot_be_a_store_is_refused_before_anything_is_asked(address):
    with pytest.raises(StoreError) as refused:
        Store.open(address)
    assert "hidden" not in str(refused.value)
