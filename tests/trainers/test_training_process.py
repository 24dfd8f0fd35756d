import os
import signal
import threading
import time
from functools import partial

import psutil
import pytest

from schemas.errors import EnvironmentFault, RecipeError
from trainers.training_process import run_in_process


def count_up(tell):
    for number in range(3):
        tell(number)
    return os.getpid()


def refuse(tell):
    raise RecipeError("No images.", "Add some.")


def stumble(tell):
    raise ZeroDivisionError("by nothing")


def die(tell):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long(tell):
    tell(os.getpid())
    time.sleep(60)


def draw_slowly(seed, tell):
    import random

    random.seed(seed)
    drawn = []
    for _ in range(20):
        drawn.append(random.random())
        time.sleep(0.005)
    return drawn


def test_reports_and_the_result_come_from_another_process():
    told = []
    assert run_in_process(count_up, told.append) != os.getpid()
    assert told == [0, 1, 2]


def test_our_own_faults_keep_their_kind_and_others_are_named():
    with pytest.raises(RecipeError, match="No images") as raised:
        run_in_process(refuse, None)
    assert "Add some" in str(raised.value.hint)
    with pytest.raises(EnvironmentFault, match="ZeroDivisionError: by nothing"):
        run_in_process(stumble, None)


def test_a_process_that_dies_is_told_with_its_exit_code():
    with pytest.raises(EnvironmentFault, match="exit code -9"):
        run_in_process(die, None)


def test_a_fault_while_reporting_ends_the_process():
    pids = []

    def interrupt(pid):
        pids.append(pid)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_process(sleep_long, interrupt)
    assert not psutil.pid_exists(pids[0])


def test_other_threads_that_draw_random_numbers_change_nothing():
    import random

    over = threading.Event()

    def draw():
        while not over.wait(0.001):
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        first, second = (run_in_process(partial(draw_slowly, 7), None) for _ in range(2))
    finally:
        over.set()
        thread.join()
    assert first == second
