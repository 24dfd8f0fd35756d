from concurrent.futures.process import BrokenProcessPool

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.batches import LARGEST, SMALLEST, batch_size, worth_retrying
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
        (RecipeError("wrong class"), False),
        (ValueError("bug"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_only_faults_that_pass_are_retried(fault, again):
    assert worth_retrying(None, None, _State(fault)) is again
