import json
import socket

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

    def open_app(folder, dataset, **options):
        print("chatter of FiftyOne")
        calls.append((folder, dataset, options))

    monkeypatch.setattr("publishers.fiftyone_session.open_app", open_app)
    return calls


def test_view_opens_the_app_on_our_database_and_prints_the_address(framefoundry, opened, store_folder):
    answer = framefoundry("view", "shown", "--port", 6161)
    assert answer.code == 0, answer.stderr
    assert opened == [(store_folder / "fiftyone", "shown-in-fiftyone", {"port": 6161, "wait_seconds": None})]
    assert "http://localhost:6161/datasets/shown-in-fiftyone" in answer.stdout


def test_json_is_the_address_alone(framefoundry, opened):
    assert framefoundry("view", "shown", "--json").json["dataset"] == "shown-in-fiftyone"


def test_a_dataset_without_fiftyone_says_how_to_get_there(framefoundry, opened):
    answer = framefoundry("view", "hidden")
    assert answer.code == 2
    assert "fiftyone: {}" in answer.stderr
    assert opened == []


def test_an_unknown_dataset_is_refused_with_those_that_exist(framefoundry, opened):
    answer = framefoundry("view", "shwon")
    assert answer.code == 2
    assert "shown" in answer.stderr


def test_a_port_that_is_taken_is_refused(framefoundry, opened):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        answer = framefoundry("view", "shown", "--port", listener.getsockname()[1])
    assert answer.code == 6
    assert opened == []


def test_ctrl_c_is_the_ordinary_end(framefoundry, opened, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("publishers.fiftyone_session.open_app", interrupted)
    assert framefoundry("view", "shown").code == 0
