import os
import sys

import pytest

from flows import supervision
from flows.child_processes import start_child, stop_child
from flows.supervision import RESTARTS, Supervised, keep_running


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(supervision, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(supervision, "POLL_SECONDS", 0.01)


def child_of(tmp_path, name, program):
    def start():
        command = [sys.executable, "-c", program]
        return start_child(name, command, environment=os.environ, log=tmp_path / f"{name}.log", folder=tmp_path)

    return Supervised(start(), start)


def test_what_dies_is_started_again_and_what_dies_on_and_on_is_given_up(tmp_path):
    lasting = child_of(tmp_path, "lasting", "import time; time.sleep(60)")
    dying = child_of(tmp_path, "dying", "print('again'); raise SystemExit(3)")
    first, told = lasting.child, []
    try:
        assert keep_running([lasting, dying], told.append) is dying.child
    finally:
        stop_child(lasting.child)
    assert lasting.child is first
    assert len(told) == RESTARTS and "exit code 3" in told[0]
    assert dying.child.last_lines().splitlines() == ["again"] * (1 + RESTARTS)


def test_deaths_of_long_ago_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "WITHIN_SECONDS", -1)
    told = []

    def tell(line):
        told.append(line)
        if len(told) > 2 * RESTARTS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep_running([child_of(tmp_path, "dying", "")], tell)


def test_logs_are_kept_short_while_children_run(tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "LOG_SECONDS", 0)
    looked_at = []

    def bound(log):
        looked_at.append(log.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(supervision, "bound_log", bound)
    lasting = child_of(tmp_path, "lasting", "import time; time.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        keep_running([lasting], print)
    stop_child(lasting.child)
    assert looked_at == ["lasting.log"]
