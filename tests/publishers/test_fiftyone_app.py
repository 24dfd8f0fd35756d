import http.client
import socket

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
        open_app(shown, "nowhere", media_folders=[])


def test_a_port_that_is_taken_is_refused(shown):
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(EnvironmentFault, match="is taken"):
        open_app(shown, "shown", media_folders=[], port=server.getsockname()[1])


def test_an_app_that_ends_at_once_is_explained(shown, tmp_path, monkeypatch):
    (tmp_path / "ends_at_once.py").write_text("raise SystemExit(7)")
    monkeypatch.setattr(fiftyone_app, "_PROJECT", tmp_path)
    monkeypatch.setattr(fiftyone_app, "_server_module", lambda: "ends_at_once")
    with pytest.raises(EnvironmentFault, match="exit code 7"):
        open_app(shown, "shown", media_folders=[], port=free_port())


def ask(port, path, **headers):
    """Status of a GET, and the first bytes of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read(20)


@pytest.mark.slow
def test_the_app_comes_up_on_loopback_serves_the_store_and_leaves_nothing_behind(shown, tmp_path):
    (tmp_path / "store").mkdir()
    clip, secret, way_out = tmp_path / "store" / "clip.mp4", tmp_path / "secret", tmp_path / "store" / "link.mp4"
    clip.write_bytes(b"pictures")
    secret.write_bytes(b"secret")
    way_out.symlink_to(secret)
    port, listening, answers = free_port(), set(), []

    def look(address):
        server = next(one for one in psutil.Process().children() if str(port) in one.cmdline())
        for one in (server, *server.children(recursive=True)):
            listening.update(place.laddr[:2] for place in one.net_connections("inet") if place.status == "LISTEN")
        answers.append(ask(port, address.partition(str(port))[2])[0])
        answers.append(ask(port, f"/media?filepath={clip}"))
        for path in (secret, way_out, "/etc/passwd", f"{clip}&filepath={secret}", f"{tmp_path}/store/../secret"):
            answers.append(ask(port, f"/media?filepath={path}")[0])
        answers.append(ask(port, "/fiftyone", Host=f"rebound.example:{port}")[0])
        answers.append(ask(port, f"/media?filepath={clip}", Sec_Fetch_Site="cross-site")[0])

    open_app(shown, "shown", media_folders=[tmp_path / "store"], port=port, wait_seconds=0.1, on_ready=look)
    assert answers == [200, (200, b"pictures"), 403, 403, 403, 403, 403, 403, 403]
    assert listening == {("127.0.0.1", port)}
    commands = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(port) in command and "fiftyone_server" in command]
