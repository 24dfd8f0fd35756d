import json
import re
import socket
import subprocess
from importlib.metadata import version

import pytest

from flows import serve
from schemas.errors import BusyError, EnvironmentFault
from storage.locks import hold
from storage.store import Store


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture(autouse=True)
def no_prefect_of_the_user(monkeypatch, tmp_path):
    """What `configure_prefect` sets is taken back after each test."""
    import os

    before = dict(os.environ)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_refused_by_name_and_avoided_by_default(taken_port, monkeypatch):
    with pytest.raises(BusyError, match=str(taken_port)):
        serve.choose_port(taken_port)
    monkeypatch.setattr(serve, "USUAL_PORT", taken_port)
    assert serve.choose_port(None) != taken_port


def test_somebody_else_s_server_is_left_alone(store, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example/api")
    with pytest.raises(EnvironmentFault, match=r"prefect\.example"):
        serve.find_premises(store, tmp_path / "prefect", None)


def test_children_get_absolute_places_and_the_address(store, tmp_path):
    premises = serve.find_premises(store, tmp_path / "prefect", None)
    assert premises.environment["FRAMEFOUNDRY_STORE"] == str(store.root)
    assert premises.environment["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert premises.environment["PREFECT_API_URL"] == premises.api
    assert (premises.project / "deployments" / "prefect.yaml").is_file()
    assert premises.environment["FRAMEFOUNDRY_INBOX"] == str(premises.project / "inbox")


def test_every_variable_that_the_deployments_name_is_set_for_them(store, tmp_path):
    premises = serve.find_premises(store, tmp_path / "prefect", None)
    text = (premises.project / "deployments" / "prefect.yaml").read_text()
    named = set(re.findall(r"\{\{ \$(\w+) \}\}", text))
    assert named and named <= {name for name, value in premises.environment.items() if value}


def test_an_inbox_of_one_s_own_is_kept(store, tmp_path, monkeypatch):
    monkeypatch.setenv("FRAMEFOUNDRY_INBOX", "/srv/footage")
    assert serve.find_premises(store, tmp_path / "prefect", None).environment["FRAMEFOUNDRY_INBOX"] == "/srv/footage"


def test_deployments_carry_the_package_s_version_and_a_clone_s_commit(tmp_path):
    assert serve.describe_version(tmp_path) == version("framefoundry")
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)
    assert re.fullmatch(rf"{re.escape(version('framefoundry'))}\+[0-9a-f]{{7,}}", serve.describe_version(tmp_path))


def test_a_second_serving_of_one_store_is_refused(store, tmp_path):
    with hold(store, "serve"), pytest.raises(BusyError):
        serve.serve_here(store, tmp_path / "prefect", print)


def test_a_stale_address_is_not_taken_for_a_server(store, tmp_path):
    home = tmp_path / "prefect"
    home.mkdir()
    (home / "serve.json").write_text(json.dumps({"api_url": "http://127.0.0.1:9/api"}))
    assert serve.find_premises(store, home, None).home == home


@pytest.mark.parametrize("text", ["", "deployments: [{}]", "deployments: []", "[", "deployments: 3"])
def test_a_file_without_deployments_is_refused(tmp_path, text):
    (tmp_path / "prefect.yaml").write_text(text)
    with pytest.raises(EnvironmentFault, match=r"prefect\.yaml"):
        serve.deployment_names(tmp_path / "prefect.yaml")


def test_deployments_are_known_by_name(tmp_path):
    (tmp_path / "prefect.yaml").write_text("deployments: [{name: a}, {name: b}]")
    assert serve.deployment_names(tmp_path / "prefect.yaml") == ["a", "b"]


def test_a_server_that_dies_at_the_start_is_reported_with_its_last_words(store, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "server_command", lambda *_, **__: ["sh", "-c", "echo port trouble; exit 3"])
    with pytest.raises(EnvironmentFault, match="exit code 3") as refused:
        serve.serve_here(store, tmp_path / "prefect", lambda _: None)
    assert "port trouble" in refused.value.message
    assert not (tmp_path / "prefect" / "serve.json").exists()


def test_the_address_that_was_asked_for_is_the_one_that_children_are_told(store, tmp_path):
    everywhere = serve.find_premises(store, tmp_path / "prefect", None, "0.0.0.0")
    assert everywhere.api.startswith("http://127.0.0.1:"), "an address that no client can call"
    assert serve.find_premises(store, tmp_path / "prefect", None, "10.0.0.7").site.startswith("http://10.0.0.7:")
