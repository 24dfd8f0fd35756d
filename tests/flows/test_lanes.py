"""Lanes with real threads in place of Prefect's: what runs beside what, in which order, and what a failure does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.lanes import BatchOutcome, Lane, run_lanes
from schemas.records import Failure


@pytest.fixture
def threads():
    with ThreadPoolExecutor(3) as pool:
        yield pool


def lane_of(threads, stage, work, items, **more):
    return Lane(stage, lambda batch, label: threads.submit(work, batch, label), items=items, **more)


def drive(first, second, **more):
    def pass_on(lane, batch, outcome):
        if lane is first:
            second.add(batch)

    choices = {"may_start": lambda lane: True, "nothing_more_for": lambda lane: lane is first or first.is_idle}
    run_lanes([first, second], on_batch=pass_on, **{**choices, **more})


def test_the_second_stage_works_on_the_first_batch_while_the_first_stage_works_on_the_next(threads):
    both = threading.Barrier(2, timeout=20)

    def render(batch, label):
        if label.startswith("9"):
            both.wait()
        return BatchOutcome(len(batch), [])

    def label(batch, name):
        if name.startswith("1-"):
            both.wait()
        return BatchOutcome(len(batch), [])

    first, second = lane_of(threads, "render", render, 16), lane_of(threads, "label", label, 16)
    first.add(range(16))
    drive(first, second)
    assert (first.done, second.done) == (16, 16)


def test_every_item_passes_once_in_order_and_labels_say_which(threads):
    seen = []

    def work(batch, label):
        seen.append((label, batch))
        return BatchOutcome(len(batch), [])

    first = lane_of(threads, "render", work, 20)
    first.add(range(20))
    drive(first, lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 20))
    assert [label for label, _ in seen] == ["1-8 of 20", "9-16 of 20", "17-20 of 20"]
    assert [item for _, batch in seen for item in batch] == list(range(20))


def test_at_most_one_batch_of_a_stage_is_at_work(threads):
    at_work, most = [], []

    def work(batch, label):
        at_work.append(label)
        most.append(len(at_work))
        at_work.remove(label)
        return BatchOutcome(len(batch), [])

    lane = lane_of(threads, "render", work, 40)
    lane.add(range(40))
    drive(lane, lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 40))
    assert max(most) == 1


def test_a_lane_that_may_not_start_keeps_its_work(threads):
    first = lane_of(threads, "render", lambda batch, label: BatchOutcome(len(batch), []), 8)
    second = lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 8)
    first.add(range(8))
    drive(first, second, may_start=lambda lane: lane is first)
    assert second.waiting == 8 and second.done == 0


def test_failures_are_counted_and_kept(threads):
    failure = Failure("a", "render", "black_frames", "")
    first = lane_of(threads, "render", lambda batch, label: BatchOutcome(len(batch) - 1, [failure]), 8)
    second = lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 8)
    first.add(range(8))
    drive(first, second)
    assert (first.done, first.failures) == (7, [failure])


def test_the_fault_of_a_task_ends_the_run(threads):
    def work(batch, label):
        raise OSError("disk full")

    first = lane_of(threads, "render", work, 8)
    first.add(range(8))
    with pytest.raises(OSError, match="disk full"):
        drive(first, lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 8))


def test_busy_time_is_no_more_than_wall_time(threads):
    lane = lane_of(threads, "render", lambda batch, label: BatchOutcome(len(batch), []), 24)
    lane.add(range(24))
    drive(lane, lane_of(threads, "label", lambda batch, label: BatchOutcome(len(batch), []), 24))
    assert 0 < lane.busy_seconds <= lane.wall_seconds
