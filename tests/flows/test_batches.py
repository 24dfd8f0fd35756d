from concurrent.futures.process import BrokenProcessPool

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.batches import LARGEST, SMALLEST, batched, worth_retrying
from schemas.errors import RecipeError


@given(st.integers(0, 2000))
def test_every_item_is_in_exactly_one_batch_in_order(count):
    batches = [batch for _, batch in batched(range(count))]
    assert [item for batch in batches for item in batch] == list(range(count))
    assert all(len(batch) <= LARGEST for batch in batches)
    assert all(len(batch) >= SMALLEST for batch in batches[:-1])


def test_labels_say_which_clips_a_batch_holds():
    assert [label for label, _ in batched(range(20))] == ["1-8 of 20", "9-16 of 20", "17-20 of 20"]


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
