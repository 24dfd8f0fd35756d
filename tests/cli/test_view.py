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

    def open_app(folder, dataset, *, port, wait_seconds, on_ready):
        calls.append((folder, dataset, port, wait_seconds))
        on_ready(f"http://127.0.0.1:{port}/datasets/{dataset}")

    monkeypatch.setattr("publishers.fiftyone_app.open_app", open_app)
    return calls


def test_view_opens_the_app_on_our_database_and_prints_the_address(framefoundry, opened, store_folder):
    answer = framefoundry("view", "shown", "--port", 6161)
    assert answer.code == 0, answer.stderr
    assert opened == [(store_folder / "fiftyone", "shown-in-fiftyone", 6161, None)]
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


def test_ctrl_c_is_the_ordinary_end(framefoundry, opened, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("publishers.fiftyone_app.open_app", interrupted)
    assert framefoundry("view", "shown").code == 0
