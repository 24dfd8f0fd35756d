import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curators.near_duplicates import Duplicates, find_near_duplicates, keep_coverage
from curators.vectors import LENGTH, as_whole_numbers, exact_limit, mean_direction, to_similarity


def on_circle(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def find(vectors, *, ranks=None, candidates=None, threshold=0.9, block=2048):
    count = len(vectors)
    ranks = np.arange(count) if ranks is None else np.asarray(ranks)
    return find_near_duplicates(
        vectors, ranks, np.ones(count, bool) if candidates is None else np.asarray(candidates),
        threshold=threshold, block=block,
    )  # fmt: skip


def unit_vectors(seed, count=60, size=6):
    vectors = np.random.default_rng(seed).normal(size=(count, size)) + 1.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_of_two_copies_the_better_stays():
    found = find(on_circle(0, 0, 90), ranks=[2, 1, 0])
    assert found.of.tolist() == [1, -1, -1]
    assert found.similarity[0] == pytest.approx(1) and np.isnan(found.similarity[1:]).all()


def test_different_clips_stay():
    assert find(on_circle(0, 30, 60)).of.tolist() == [-1, -1, -1]


def test_in_a_chain_the_far_end_stays_because_its_neighbour_does_not():
    assert find(on_circle(0, 20, 40)).of.tolist() == [-1, 0, -1]


def test_in_a_chain_whose_middle_is_best_both_ends_repeat_it():
    assert find(on_circle(0, 20, 40), ranks=[1, 0, 2]).of.tolist() == [1, -1, 1]


def test_a_clip_repeats_the_nearest_one_that_stays():
    assert find(on_circle(0, 40, 24)).of.tolist() == [-1, -1, 1]


def test_clips_that_are_no_candidates_neither_go_nor_make_others_go():
    assert find(on_circle(0, 0, 0), candidates=[False, True, True]).of.tolist() == [-1, -1, 1]


def test_no_clips_have_no_duplicates():
    assert len(find(np.empty((0, 2), np.float32)).of) == 0


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 7, 64]))
@settings(max_examples=40, deadline=None)
def test_the_answer_does_not_depend_on_blocks_or_on_the_order_of_rows(seed, block):
    vectors = unit_vectors(seed)
    whole = find(vectors)
    in_blocks = find(vectors, block=block)
    assert in_blocks.of.tolist() == whole.of.tolist()
    np.testing.assert_array_equal(in_blocks.similarity, whole.similarity)
    order = np.random.default_rng(seed).permutation(len(vectors))
    shuffled = find(vectors[order], ranks=order, block=block)
    back = np.where(shuffled.of >= 0, order[shuffled.of], -1)
    assert back.tolist() == whole.of[order].tolist()


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_what_stays_is_far_apart_and_what_goes_is_near_to_a_better_one_that_stays(seed):
    vectors = unit_vectors(seed)
    found = find(vectors)
    whole = as_whole_numbers(vectors)
    near = whole @ whole.T >= exact_limit(0.9)
    stays = np.flatnonzero(found.of < 0)
    assert not np.triu(near[np.ix_(stays, stays)], 1).any()
    for clip in np.flatnonzero(found.of >= 0):
        assert near[clip, found.of[clip]] and found.of[clip] < clip and found.of[found.of[clip]] == -1


def test_products_of_whole_numbers_are_the_same_in_any_order():
    vectors = as_whole_numbers(unit_vectors(3, count=2, size=1024))
    order = np.random.default_rng(0).permutation(1024)
    exact = int(vectors[0].astype(np.int64) @ vectors[1].astype(np.int64))
    assert float(vectors[0] @ vectors[1]) == float(vectors[0][order] @ vectors[1][order]) == exact


def test_similarity_of_equal_vectors_is_one_and_never_more():
    vectors = as_whole_numbers(unit_vectors(1))
    assert to_similarity((vectors**2).sum(axis=1)).tolist() == [1.0] * len(vectors)
    assert exact_limit(1.0) == LENGTH**2


def test_the_mean_direction_of_each_group_has_length_one():
    means = mean_direction(on_circle(0, 90, 10), np.array([0, 2]))
    np.testing.assert_allclose(means, on_circle(45, 10), atol=1e-3)


def test_a_duplicate_that_alone_shows_something_stays():
    of = Duplicates(np.array([-1, 0, 0]), np.array([np.nan, 0.98, 0.97], np.float32))
    found = keep_coverage(of, np.arange(3), np.array([0, 1, 1, 2]), np.array([0, 0, 1, 0]))
    assert found.of.tolist() == [-1, -1, 0] and np.isnan(found.similarity[1])


def test_of_several_duplicates_that_show_the_same_only_the_best_is_given_back():
    of = Duplicates(np.array([-1, 0, 0]), np.array([np.nan, 0.98, 0.97], np.float32))
    clip, thing = np.array([0, 1, 2]), np.array([0, 1, 1])
    assert keep_coverage(of, np.array([0, 2, 1]), clip, thing).of.tolist() == [-1, 0, -1]


def test_what_any_clip_that_stays_shows_brings_no_duplicate_back():
    of = Duplicates(np.array([-1, 0, -1]), np.array([np.nan, 0.98, np.nan], np.float32))
    assert keep_coverage(of, np.arange(3), np.array([0, 1, 2]), np.array([0, 1, 1])).of.tolist() == [-1, 0, -1]


@pytest.mark.parametrize("block", [1, 2048])
def test_a_clip_exactly_at_the_threshold_is_a_duplicate_and_one_below_it_is_not(block):
    vectors = np.array([[1, 0], [0.6, 0.8]], np.float32)
    at = float(as_whole_numbers(vectors)[0] @ as_whole_numbers(vectors)[1])
    assert find(vectors, threshold=at / LENGTH**2, block=block).of.tolist() == [-1, 0]
    assert find(vectors, threshold=(at + 1) / LENGTH**2, block=block).of.tolist() == [-1, -1]


@pytest.mark.parametrize("block", [1, 2, 2048])
def test_of_two_clips_that_are_equally_near_the_better_is_named(block):
    vectors = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [0.5**0.5, 0.5**0.5, 0]], np.float32)
    assert find(vectors, threshold=0.7, block=block).of.tolist() == [-1, -1, -1, 0]
