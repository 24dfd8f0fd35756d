import socket
import urllib.request

import psutil
import pytest

from publishers import fiftyone_app
from publishers.fiftyone_app import open_app
from publishers.fiftyone_session import fiftyone_session, hold_database, read_shown_versions
from schemas.errors import EnvironmentFault, RecipeError


@pytest.fixture(scope="module")
def shown(database):
    """A dataset of ours with nothing in it."""
    with fiftyone_session(database) as fiftyone:
        dataset = fiftyone.Dataset("shown", persistent=True, overwrite=True)
        dataset.info["framefoundry"] = {"version": "abc"}
        dataset.save()
        fiftyone.Dataset("foreign", persistent=True, overwrite=True)
    return database


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_versions_are_read_without_fiftyone(shown):
    with hold_database(shown) as uri:
        versions = read_shown_versions(uri)
    assert (versions["shown"], versions["foreign"]) == ("abc", None)


def test_a_database_that_does_not_answer_is_explained(monkeypatch):
    import pymongo

    client = pymongo.MongoClient
    monkeypatch.setattr(pymongo, "MongoClient", lambda uri, **_: client(uri, serverSelectionTimeoutMS=50))
    with pytest.raises(EnvironmentFault, match="does not answer"):
        read_shown_versions(f"mongodb://127.0.0.1:{free_port()}")


def test_a_dataset_that_is_not_there_is_refused_with_those_that_are(shown):
    with pytest.raises(RecipeError, match=r"no dataset 'nowhere'; it has: .*shown"):
        open_app(shown, "nowhere")


def test_a_port_that_is_taken_is_refused(shown):
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(EnvironmentFault, match="is taken"):
        open_app(shown, "shown", port=server.getsockname()[1])


def test_an_app_that_ends_at_once_is_explained(shown, tmp_path, monkeypatch):
    script = tmp_path / "main.py"
    script.write_text("raise SystemExit(7)")
    monkeypatch.setattr(fiftyone_app, "_server_script", lambda: script)
    with pytest.raises(EnvironmentFault, match="exit code 7"):
        open_app(shown, "shown", port=free_port())


@pytest.mark.slow
def test_the_app_comes_up_on_loopback_and_leaves_nothing_behind(shown):
    answers = []

    def look(address):
        with urllib.request.urlopen(address) as page:
            answers.append((address, page.status))

    port = free_port()
    open_app(shown, "shown", port=port, wait_seconds=0.1, on_ready=look)
    assert answers == [(f"http://127.0.0.1:{port}/datasets/shown", 200)]
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if f"--port {port}" in command and "server" in command]
