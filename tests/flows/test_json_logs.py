import json
import logging
import subprocess
import sys

from flows.json_logs import JsonLines, ask_for_json_logs


def record(message="8 clips", **extra):
    made = logging.LogRecord("prefect.flow_runs", logging.INFO, "f.py", 1, message, None, None)
    vars(made).update(extra)
    return made


def test_a_line_says_what_it_is_about_and_leaves_out_what_it_does_not_know():
    line = json.loads(
        JsonLines().format(record(flow_run_name="build street", recipe="street", stage="render", clip="c1"))
    )
    assert {name: line[name] for name in ("run", "recipe", "stage", "clip")} == {
        "run": "build street", "recipe": "street", "stage": "render", "clip": "c1",
    }  # fmt: skip
    assert line["message"] == "8 clips" and line["level"] == "INFO" and line["time"].endswith("+00:00")
    assert set(json.loads(JsonLines().format(record()))) == {"time", "level", "logger", "message"}


def test_a_message_of_several_lines_and_its_traceback_stay_on_one():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        told = record("a\nb")
        told.exc_info = sys.exc_info()
    text = JsonLines().format(told)
    assert "\n" not in text
    assert "ValueError: two\nlines" in json.loads(text)["error"]


def test_nothing_is_asked_of_prefect_without_the_variable():
    environment: dict[str, str] = {}
    ask_for_json_logs(environment)
    assert environment == {}


PROGRAM = """
import logging, os
from flows.json_logs import ask_for_json_logs
ask_for_json_logs(os.environ)
from prefect.logging.configuration import setup_logging
setup_logging()
logging.getLogger("prefect").warning("the worker speaks")
logging.getLogger("elsewhere").warning("a library too")
"""


def test_prefect_and_libraries_write_json_lines():
    environment = {"FRAMEFOUNDRY_LOG_FORMAT": "json", "PREFECT_LOGGING_LEVEL": "INFO", "PATH": "/usr/bin"}
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True)
    assert [json.loads(line)["message"] for line in said.stderr.splitlines()] == ["the worker speaks", "a library too"]
