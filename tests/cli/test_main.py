import json
import os
import resource
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cli import main
from cli.session import Session
from schemas import errors


@pytest.fixture
def failing(monkeypatch):
    """A command line whose `status` raises what the test wants."""

    def with_fault(fault: BaseException, *words: str):
        def explode(self, **_):
            raise fault

        monkeypatch.setattr(Session, "open_store", explode)
        return CliRunner().invoke(main.app, ["status", *words])

    return with_fault


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (errors.RecipeError("m", "h"), 2),
        (errors.MediaError("m", "h"), 3),
        (errors.EnvironmentFault("m", "h"), 4),
        (errors.StoreError("m", "h"), 5),
        (errors.BusyError("m", "h"), 6),
        (errors.EmptyResultError("m", "h"), 7),
        (RuntimeError("m"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_fault_has_its_exit_code(failing, fault, code):
    assert failing(fault).exit_code == code


def test_our_error_is_a_line_and_a_hint_without_traceback(failing):
    answer = failing(errors.StoreError("foo [bar] is full.", "Free some space."))
    assert answer.stderr.splitlines() == ["Error: foo [bar] is full.", "  Free some space."]
    assert answer.stdout == ""


def test_our_error_is_found_behind_what_a_library_wraps_around_it(failing):
    wrapped = RuntimeError("flow run failed")
    wrapped.__cause__ = ExceptionGroup("tasks", [ValueError("other"), errors.BusyError("taken", "Wait.")])
    answer = failing(wrapped)
    assert answer.exit_code == 6
    assert "taken" in answer.stderr


def test_verbose_shows_the_traceback(failing):
    assert "Traceback" in failing(errors.StoreError("m"), "--verbose").stderr
    assert "Traceback" not in failing(errors.StoreError("m")).stderr


def test_an_unexpected_error_asks_for_a_report(failing):
    answer = failing(ZeroDivisionError("by zero"))
    assert "unexpected ZeroDivisionError: by zero" in answer.stderr
    assert "--verbose" in answer.stderr


@pytest.mark.parametrize(("asked", "code"), [("http://127.0.0.1:4200/api/flow_runs/", 4), ("https://hub.example/x", 1)])
def test_a_server_of_prefects_that_is_gone_is_named_and_no_other(failing, monkeypatch, asked, code):
    import httpx

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    answer = failing(httpx.ConnectError("[Errno 111] refused", request=httpx.Request("POST", asked)))
    assert answer.exit_code == code
    assert ("server at http://127.0.0.1:4200/api does not answer any more" in answer.stderr) == (code == 4)


def test_ctrl_c_says_once_that_finished_work_is_kept(failing):
    answer = failing(KeyboardInterrupt())
    assert answer.stderr.count("kept") == 1
    assert "same command" in answer.stderr


def test_json_puts_the_error_alone_on_stdout(failing):
    answer = failing(errors.RecipeError("m", "h"), "--json")
    assert json.loads(answer.stdout) == {"error": {"kind": "RecipeError", "message": "m", "hint": "h", "exit_code": 2}}


@pytest.mark.parametrize(
    ("given", "hoisted"),
    [
        (["run", "r.yaml", "--json"], ["--json", "run", "r.yaml"]),
        (["run", "--store", "/s", "r.yaml"], ["--store", "/s", "run", "r.yaml"]),
        (["run", "r.yaml", "--store=/s", "--verbose"], ["--store=/s", "--verbose", "run", "r.yaml"]),
        (["plan", "--first", "3"], ["plan", "--first", "3"]),
        (["run", "--", "--json"], ["run", "--", "--json"]),
        (["run", "--store"], ["run", "--store"]),
    ],
)
def test_global_options_may_stand_anywhere_before_the_double_dash(given, hoisted):
    assert main.hoist_global_options(given) == hoisted


def test_store_option_after_the_command_is_obeyed(framefoundry, tmp_path):
    answer = framefoundry("status", "--store", tmp_path / "elsewhere")
    assert answer.code == 5
    assert "elsewhere" in answer.stderr


@pytest.mark.parametrize(("given", "chosen"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_idle_torch_threads_sleep_unless_the_user_says_otherwise(framefoundry, monkeypatch, given, chosen):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    framefoundry("recipe", "new")
    assert os.environ["OMP_WAIT_POLICY"] == chosen


def test_wrong_usage_exits_with_2(framefoundry):
    assert framefoundry("statos").code == 2
    assert framefoundry("run").code == 2


def test_version(framefoundry):
    assert framefoundry("--version").stdout.startswith("framefoundry 0.")


HEAVY = ("torch", "prefect", "pandas", "fiftyone", "ultralytics", "pyarrow", "pydantic", "numpy", "av", "cv2")


def test_help_is_instant_and_imports_nothing_heavy():
    probe = (
        "import sys; sys.argv = ['framefoundry', '--help']\n"
        "from cli.main import run\n"
        "try: run()\n"
        f"finally: print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert answer.stderr.strip() == ""
    for command in ("run", "plan", "doctor", "label", "publish", "retrain", "status", "view", "recipe", "serve"):
        assert f" {command} " in answer.stdout
    assert cpu < 1.0  # 0.4 s where nothing else runs


@pytest.mark.parametrize("command", ["run", "plan", "doctor", "label", "publish", "retrain", "view", "serve"])
def test_every_command_has_an_example(framefoundry, command):
    assert f"framefoundry {command}" in framefoundry(command, "--help").stdout


SLEEPER = """
import time
from cli.interrupts import orderly_interrupts
from cli.session import Session
from cli import main
def sleep(self, **_):
    with orderly_interrupts(self):
        print("ready", flush=True)
        {body}
Session.open_store = sleep
main.app(["status"])
"""


def interrupted(body: str, signals: int, number: int = signal.SIGINT) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(body=body)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    said = ""
    for sent in range(signals):
        if sent:  # a signal that comes before the last one was taken in would be lost
            said += process.stderr.readline()
        os.kill(process.pid, number)
    _, rest = process.communicate(timeout=20)
    return process.returncode, said + rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_in_order(number):
    code, said = interrupted("time.sleep(20)", 1, number)
    assert code == 130
    assert "Traceback" not in said
    assert said.count("is kept") == 1


def test_a_second_ctrl_c_stops_what_does_not_want_to():
    stubborn = "\n        ".join(
        ["while True:", "    try: time.sleep(20)", "    except KeyboardInterrupt: pass"],
    )
    code, _ = interrupted(stubborn, 2)
    assert code == 130


def test_json_keeps_stdout_clean_of_what_libraries_and_children_print():
    program = (
        "import subprocess, sys\n"
        "from cli.session import Session, quiet_stdout\n"
        "session = Session(json=True)\n"
        "with quiet_stdout(session):\n"
        "    print('chatter'); subprocess.run(['echo', 'more chatter'])\n"
        "session.emit({'fine': 1}); session.show('a table')\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == '{\n  "fine": 1\n}\n'
    assert "chatter" in answer.stderr
    assert "more chatter" in answer.stderr
