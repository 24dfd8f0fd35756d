import json

import pytest

from storage.datasets import publish_version
from storage.store import Store


@pytest.fixture
def opened(monkeypatch, store_folder):
    """A store with two datasets, one of them in FiftyOne; what the App was opened with."""
    store = Store.open(store_folder)
    calls = []
    for name, projections in (("shown", {"fiftyone": {"dataset": "shown-in-fiftyone"}}), ("hidden", {"parquet": {}})):

        def build(folder, projections=projections):
            summary = {"schema_version": 1, "projections": projections}
            (folder / "dataset.json").write_text(json.dumps(summary))

        publish_version(store, name, "aaaa1111", build)

    def open_app(folder, dataset, *, media_folders, port, address, wait_seconds, on_ready):
        calls.append((folder, dataset, media_folders, port, address, wait_seconds))
        on_ready(f"http://127.0.0.1:{port}/datasets/{dataset}")

    monkeypatch.setattr("publishers.fiftyone_app.open_app", open_app)
    return calls


def test_view_opens_the_app_on_our_database_and_prints_the_address(framefoundry, opened, store_folder):
    answer = framefoundry("view", "shown", "--port", 6161)
    assert answer.code == 0, answer.stderr
    assert opened == [(store_folder / "fiftyone", "shown-in-fiftyone", [store_folder], 6161, "127.0.0.1", None)]
    assert "http://127.0.0.1:6161/datasets/shown-in-fiftyone" in answer.stdout


def test_json_is_the_address_alone(framefoundry, opened):
    assert framefoundry("view", "shown", "--json").json["dataset"] == "shown-in-fiftyone"


def test_a_dataset_that_fiftyone_does_not_name_otherwise_has_its_own_name(framefoundry, opened):
    framefoundry("view", "hidden")
    assert opened[0][1] == "hidden"


def test_an_unknown_dataset_is_refused_with_those_that_exist(framefoundry, opened):
    answer = framefoundry("view", "shwon")
    assert answer.code == 2
    assert "shown" in answer.stderr


def test_folders_beside_the_store_are_shown_where_they_are_named(framefoundry, opened, store_folder, tmp_path):
    framefoundry("view", "shown", "--media", tmp_path / "a", "--media", tmp_path / "b")
    assert opened[0][2] == [store_folder, tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "::"])
def test_beyond_loopback_is_refused_without_the_words(framefoundry, opened, host):
    answer = framefoundry("view", "shown", "--host", host)
    assert answer.code == 2
    assert not opened


def test_beyond_loopback_with_the_words_is_done_with_a_warning(framefoundry, opened):
    answer = framefoundry("view", "shown", "--host", "0.0.0.0", "--anyone-who-can-reach-it")
    assert answer.code == 0
    assert opened[0][4] == "0.0.0.0"
    assert "without a password" in " ".join(answer.stderr.split())


def test_ctrl_c_is_the_ordinary_end(framefoundry, opened, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("publishers.fiftyone_app.open_app", interrupted)
    assert framefoundry("view", "shown").code == 0
