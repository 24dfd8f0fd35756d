import os
import signal
import threading
import time

import pytest

from schemas.errors import BusyError, StoreError
from storage.locks import hold


def _child_that_holds(store, name):
    """A process that holds the lock until it is killed."""
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            with hold(store, name):
                os.write(tell, b"1")
                time.sleep(60)
        finally:
            os._exit(0)
    assert os.read(ready, 1) == b"1"
    return child


def test_the_holder_is_named_to_the_second_process(store):
    child = _child_that_holds(store, "run-street")
    try:
        with (
            pytest.raises(BusyError, match=rf"run-street.*process {child} on .*, since 20\d\d-") as caught,
            hold(store, "run-street"),
        ):
            pass
        assert caught.value.exit_code == 6
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_lock_of_a_killed_holder_is_free(store):
    child = _child_that_holds(store, "run-street")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with hold(store, "run-street"):
        pass


def test_the_lock_is_free_after_the_block_and_after_a_failure(store):
    with hold(store, "a"):
        pass
    with pytest.raises(KeyboardInterrupt), hold(store, "a"):
        raise KeyboardInterrupt
    with hold(store, "a"):
        pass


def test_one_process_does_not_hold_a_lock_twice(store):
    with hold(store, "a"), pytest.raises(BusyError, match=str(os.getpid())), hold(store, "a"):
        pass


def test_other_names_are_other_locks(store):
    with hold(store, "a"), hold(store, "b"), hold(store, "a/b"):
        pass


def test_waiting_gets_the_lock_when_the_holder_leaves(store):
    order = []
    entered = threading.Event()

    def first():
        with hold(store, "a"):
            entered.set()
            time.sleep(0.2)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    with hold(store, "a", wait=True):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_holder_that_has_not_told_its_name_is_busy_all_the_same(store):
    with hold(store, "a"):
        (store.root / "locks" / "a.json").write_text("{")
        with pytest.raises(BusyError, match="another process"), hold(store, "a"):
            pass


@pytest.mark.parametrize("name", ["", "../a", "a\n", "/etc/x", "x" * 300])
def test_odd_names_are_refused(store, name):
    with pytest.raises(StoreError), hold(store, name):
        pass
