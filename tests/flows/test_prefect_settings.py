import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flows.prefect_settings import SERVE_FILE, configure_prefect, served_api


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("PREFECT_HOME", "PREFECT_API_URL", "PREFECT_SERVER_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def healthy_server():
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


def test_without_any_server_the_run_brings_its_own(tmp_path):
    assert configure_prefect(tmp_path) == ""


def test_the_users_server_wins(tmp_path, monkeypatch, healthy_server):
    (tmp_path / SERVE_FILE).write_text(json.dumps({"api_url": healthy_server}))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    assert configure_prefect(tmp_path) == "http://127.0.0.1:1/api"


def test_a_served_machine_is_found(tmp_path, healthy_server):
    (tmp_path / SERVE_FILE).write_text(json.dumps({"api_url": healthy_server}))
    assert configure_prefect(tmp_path) == healthy_server


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"api_url": "http://127.0.0.1:1/api"}'])
def test_a_server_that_is_gone_or_a_damaged_file_is_no_server(tmp_path, text):
    (tmp_path / SERVE_FILE).write_text(text)
    assert served_api(tmp_path) == ""


def test_telemetry_is_off(tmp_path, monkeypatch):
    configure_prefect(tmp_path)
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_who_protects_the_server_by_a_login_need_not_say_it_twice(tmp_path, monkeypatch):
    for name in ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
        monkeypatch.setenv(name, "")  # taken back after the test, whatever it becomes
    monkeypatch.delenv("PREFECT_API_AUTH_STRING")
    configure_prefect(tmp_path)
    assert "PREFECT_API_AUTH_STRING" not in os.environ
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "a:b")
    configure_prefect(tmp_path)
    assert os.environ["PREFECT_API_AUTH_STRING"] == "a:b"


SETTINGS = """
from pathlib import Path
from flows.prefect_settings import configure_prefect
configure_prefect(Path("prefect"))
from prefect.settings import get_current_settings
server = get_current_settings().server
vacuum = server.services.db_vacuum
print(vacuum.enabled_vacuum_types >= {"events", "flow_runs"}, vacuum.retention_period.days)
print(server.events.retention_period.days, server.concurrency.lease_storage)
"""


def test_prefect_forgets_old_runs_and_events_and_remembers_leases(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", SETTINGS]
    said = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert said.stdout.splitlines() == ["True 60", "30 prefect.server.concurrency.lease_storage.filesystem"]


def test_prefects_home_is_its_owners_alone_unless_the_user_named_another(tmp_path, monkeypatch):
    configure_prefect(tmp_path / "ours")
    assert (tmp_path / "ours").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "theirs"))
    configure_prefect(tmp_path / "unused")
    assert not (tmp_path / "unused").exists()
    assert not (tmp_path / "theirs").exists()
