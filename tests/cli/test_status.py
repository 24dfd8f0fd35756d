import json
import subprocess
import sys

import pytest

from storage.datasets import publish_version
from storage.locks import hold, list_holders
from storage.models import publish_model
from storage.store import Store


@pytest.fixture
def store(store_folder):
    return Store.open(store_folder)


def build_dataset(folder):
    (folder / "dataset.json").write_text(json.dumps({"schema_version": 1, "clips": 12, "boxes": 3456}))


def build_model(folder):
    (folder / "weights.pt").write_bytes(b"weights")
    (folder / "report.json").write_text(json.dumps({"schema_version": 1, "verdict": "no evidence"}))


def test_an_empty_store_says_what_to_do_next(framefoundry, store):
    answer = framefoundry("status")
    assert answer.code == 0
    assert "framefoundry run RECIPE" in answer.stdout
    assert "running  nothing" in answer.stdout


def test_a_missing_store_is_an_error_and_is_not_created(framefoundry, store_folder):
    assert framefoundry("status").code == 5
    assert not store_folder.exists()


def test_versions_models_and_sizes_are_listed(framefoundry, store):
    publish_version(store, "street", "aaaa1111", build_dataset)
    publish_version(store, "street", "bbbb2222", build_dataset)
    publish_model(store, "street", "cccc3333", build_model, promote=False)
    told = framefoundry("status", "--json").json
    assert [(row["version"], row["current"]) for row in told["datasets"]] == [("bbbb2222", True), ("aaaa1111", False)]
    assert [(row["promoted"], row["verdict"]) for row in told["models"]] == [(False, "no evidence")]
    assert told["bytes"]["models"] > 0
    shown = framefoundry("status").stdout
    assert "bbbb2222" in shown
    assert "no evidence" in shown


def test_a_running_job_is_listed_while_it_runs(framefoundry, store):
    with hold(store, "recipe-street"):
        assert [row["work"] for row in framefoundry("status", "--json").json["running"]] == ["recipe-street"]
    assert framefoundry("status", "--json").json["running"] == []


def test_a_process_that_was_killed_is_not_running(store):
    holding = f"""
import os
from storage.locks import hold
from storage.store import Store
with hold(Store.open({str(store.root)!r}), "recipe-street"):
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", holding], check=False)
    assert list_holders(store) == []
