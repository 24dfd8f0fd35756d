import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows import prefect_api
from flows.automations import apply_automations, read_automations
from flows.prefect_api import ask
from flows.serve import create_work_pool
from schemas.errors import EnvironmentFault


class Prefect:
    """A server that gives the answers in the list, one a request: a status code and a JSON body."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = []
        self.asked: list[tuple[str, str, object]] = []
        self.logins: list[str | None] = []
        prefect = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prefect.asked.append((self.command, self.path, body))
                prefect.logins.append(self.headers["Authorization"])
                status, said = prefect.answers.pop(0)
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        self.api = f"http://127.0.0.1:{self.server.server_port}/api"


@pytest.fixture
def prefect():
    prefect = Prefect()
    threading.Thread(target=prefect.server.serve_forever, args=(0.05,), daemon=True).start()
    yield prefect
    prefect.server.shutdown()
    prefect.server.server_close()


def test_a_server_that_is_busy_is_asked_again_and_what_exists_is_kept(prefect):
    prefect.answers += [(503, None), (201, None), (503, None), (409, None), (201, None)]
    create_work_pool(prefect.api)
    assert prefect.answers == []
    assert [body["name"] for _, _, body in prefect.asked[-2:]] == ["gpu", "cpu"]


def test_the_login_that_prefect_is_given_is_ours_too(prefect, monkeypatch):
    prefect.answers += [(200, []), (200, [])]
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    ask("POST", f"{prefect.api}/flow_runs/filter", {})
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "a:b")
    ask("POST", f"{prefect.api}/flow_runs/filter", {})
    assert prefect.logins == [None, "Basic YTpi"]


def test_a_server_that_stays_busy_or_refuses_is_reported_with_its_words(prefect, monkeypatch):
    monkeypatch.setattr(prefect_api, "BUSY_SECONDS", 0.0)
    prefect.answers += [(503, None)]
    with pytest.raises(EnvironmentFault, match="503"):
        create_work_pool(prefect.api)
    prefect.answers += [(422, {"detail": "no such trigger"})]
    with pytest.raises(EnvironmentFault, match=r"422.*no such trigger"):
        ask("POST", f"{prefect.api}/automations/", {})


def test_an_automation_is_created_once_and_replaced_after_that(prefect):
    late = {"name": "late", "actions": []}
    prefect.answers += [(200, []), (201, {"id": "1"}), (200, [{"id": "1"}]), (204, None)]
    apply_automations(prefect.api, [late])
    apply_automations(prefect.api, [late])
    assert [(method, path) for method, path, _ in prefect.asked] == [
        ("POST", "/api/automations/filter"),
        ("POST", "/api/automations/"),
        ("POST", "/api/automations/filter"),
        ("PUT", "/api/automations/1"),
    ]
    assert prefect.asked[3][2] == late


def test_no_file_means_no_automations(tmp_path):
    assert read_automations(tmp_path / "automations.yaml") == []


@pytest.mark.parametrize(
    "text", ["", "automations: [{}]", "[", "automations: 3", "automations: [{name: a}, {name: a}]"]
)
def test_a_file_that_lists_no_automations_or_one_twice_is_refused(tmp_path, text):
    (tmp_path / "automations.yaml").write_text(text)
    with pytest.raises(EnvironmentFault, match=r"automations\.yaml"):
        read_automations(tmp_path / "automations.yaml")
