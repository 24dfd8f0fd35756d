import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curators.background import keep_background


def keep(count, labelled, share, seed=1, clip="a"):
    return keep_background(pa.array([clip] * count), pa.array(range(count)), labelled, share=share, seed=seed)


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 1))
def test_background_is_at_most_its_share_of_what_is_published(count, labelled, share):
    kept = int(keep(count, labelled, share).sum())
    assert kept <= share * (kept + labelled) + 1e-6
    if kept < count:
        assert kept + 1 > share * (kept + 1 + labelled) - 1e-6


def test_one_keeps_all_and_zero_none():
    assert keep(10, 0, 1.0).all() and not keep(10, 100, 0.0).any()


def test_no_frames_are_no_trouble():
    assert len(keep_background(pa.array([], pa.string()), pa.array([], pa.int32()), 5, share=0.5, seed=1)) == 0


def test_the_choice_is_spread_over_the_clip_and_depends_on_the_seed():
    kept = np.flatnonzero(keep(1000, 900, 0.1))
    assert len(kept) == 100 and kept.min() < 100 and kept.max() > 900
    assert not np.array_equal(keep(1000, 900, 0.1), keep(1000, 900, 0.1, seed=2))


@pytest.mark.parametrize("extra", [0, 50])
def test_a_frame_keeps_its_rank_when_others_come(extra):
    before = np.flatnonzero(keep(100, 100, 0.1))
    after = np.flatnonzero(keep(100 + extra, 1000, 0.1))
    assert set(before) <= set(after)
