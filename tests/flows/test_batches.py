from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.batches import LARGEST, RETRIES, SMALLEST, batch_size, worth_retrying
from flows.imaging import images_batch
from flows.labelling import label_batch
from flows.rendering import render_batch
from schemas.errors import RecipeError


@given(st.integers(1, 5000))
def test_a_batch_is_a_tenth_of_the_work_within_limits(items):
    size = batch_size(items)
    assert SMALLEST <= size <= LARGEST
    assert size in (SMALLEST, LARGEST) or 10 * (size - 1) < items <= 10 * size


class _State:
    def __init__(self, fault):
        self._fault = fault

    def result(self):
        raise self._fault


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        (BrokenProcessPool("killed"), True),
        (ConnectionResetError(), True),
        (MemoryError(), True),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), True),
        (RuntimeError("CUDA error: an illegal memory access"), False),
        (TimeoutError(), False),
        (RecipeError("wrong class"), False),
        (ValueError("bug"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_faults_that_pass_are_retried(fault, again):
    assert worth_retrying(None, None, _State(fault)) is again


@pytest.mark.parametrize("stage", [render_batch, label_batch, images_batch], ids=lambda stage: stage.name)
def test_every_stage_retries_alike_after_longer_and_longer_waits_of_uneven_length(stage):
    assert stage.retry_condition_fn is worth_retrying
    assert stage.retries == len(stage.retry_delay_seconds) == RETRIES
    assert all(later == 2 * earlier for earlier, later in pairwise(stage.retry_delay_seconds))
    assert stage.retry_jitter_factor > 0


@pytest.mark.parametrize(("fault", "attempts"), [(MemoryError, 1 + RETRIES), (BrokenProcessPool, 4), (ValueError, 1)])
def test_prefect_tries_again_as_often_as_that_and_no_more(prefect_server, fault, attempts):
    from prefect import flow, task

    tried = []

    @task(retries=RETRIES, retry_delay_seconds=0, retry_condition_fn=worth_retrying, persist_result=False)
    def work():
        tried.append(fault)
        raise fault("once more")

    @flow(persist_result=False)
    def only_work():
        work()

    with pytest.raises(fault):
        only_work()
    assert len(tried) == attempts
