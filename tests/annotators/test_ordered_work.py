import threading
import time

import pytest

from annotators.engine.ordered_work import work_in_order


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_answers_come_in_the_order_of_the_items(workers: int):
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(work_in_order(work, range(20), workers, waiting=2)) == [(item, item * item) for item in range(20)]


@pytest.mark.parametrize(("workers", "bound"), [(0, 1), (2, 5)])
def test_items_are_drawn_no_further_ahead_than_agreed(workers: int, bound: int):
    drawn = 0

    def items():
        nonlocal drawn
        for item in range(50):
            drawn += 1
            yield item

    for handed_out, _ in enumerate(work_in_order(lambda item: item, items(), workers, waiting=3)):
        assert drawn - handed_out <= bound


def test_workers_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(work_in_order(lambda _: meeting.wait(), range(4), 2, waiting=2))) == 4


def test_a_fault_is_raised_at_its_place_and_nothing_more_is_begun():
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    answers = work_in_order(work, range(1000), 1, waiting=2)
    assert [next(answers)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(answers)
    assert len(begun) < 10


def test_whoever_stops_early_leaves_no_thread_behind():
    before = threading.active_count()
    answers = work_in_order(lambda item: item, range(100), 2, waiting=2)
    next(answers)
    answers.close()
    assert threading.active_count() == before
