import json
import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.run_history import PastRun, read_past_runs
from schemas.errors import EnvironmentFault

RUNS = [
    ("1", "build street, round 1", "Completed", "2030-05-01 02:00:00.000000", "2030-05-01 02:01:30.500000"),
    ("2", "build street, round 2", "Crashed", "2030-05-02 02:00:00.000000", "2030-05-02 02:00:10.000000"),
    ("3", "not yet", "Scheduled", None, None),
]
FIRST = PastRun("build street, round 1", "Completed", "2030-05-01T02:00:00+00:00", 90.5, "street@abc")
SECOND = PastRun("build street, round 2", "Crashed", "2030-05-02T02:00:00+00:00", 10.0, "")


@pytest.fixture(autouse=True)
def no_prefect_of_the_user(monkeypatch):
    for name in ("PREFECT_API_URL", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path):
    """A folder with what this reads of Prefect's database."""
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as connection:
        connection.execute("CREATE TABLE flow_run (id, name, state_name, start_time, end_time)")
        connection.execute("CREATE TABLE artifact (flow_run_id, key, description)")
        connection.executemany("INSERT INTO flow_run VALUES (?, ?, ?, ?, ?)", RUNS)
        rows = [("1", "street-outcomes", "Outcomes"), ("1", "street-summary", "street@abc")]
        connection.executemany("INSERT INTO artifact VALUES (?, ?, ?)", rows)
        connection.commit()
    return tmp_path


def test_the_database_tells_of_runs_that_have_started_the_latest_first(home):
    assert read_past_runs(home, 10) == [SECOND, FIRST]
    assert read_past_runs(home, 1) == [SECOND]


def test_without_a_server_or_a_database_there_are_none(tmp_path):
    assert read_past_runs(tmp_path, 10) == []


def test_a_database_of_something_else_is_said(tmp_path):
    (tmp_path / "prefect.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(EnvironmentFault, match=r"prefect\.db"):
        read_past_runs(tmp_path, 10)


class Answer(BaseHTTPRequestHandler):
    """Answers as Prefect's API does."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/flow_runs/filter"):
            assert asked["flow_runs"] == {"start_time": {"is_null_": False}}
            names = ("id", "name", "state_name", "start_time", "end_time")
            told = [dict(zip(names, run, strict=True)) for run in reversed(RUNS[:2])]
            told = [run | {key: run[key].replace(" ", "T") + "Z" for key in names[3:]} for run in told]
        else:
            told = [{"flow_run_id": "1", "key": "street-summary", "description": "street@abc"}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_):
        pass


def test_a_server_that_is_named_is_asked_instead(home, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        assert read_past_runs(home / "elsewhere", 10) == [SECOND, FIRST]
        server.shutdown()


def test_a_server_that_does_not_answer_is_said(home, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(EnvironmentFault, match="does not answer"):
        read_past_runs(home, 10)
