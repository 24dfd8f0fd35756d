import numpy as np
import pytest

from annotators.box_fusion import fuse_boxes


def view(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 6)


def test_a_box_is_the_mean_of_its_group_by_squared_score():
    fused = fuse_boxes([view((10, 10, 50, 50, 0.8, 0), (15, 10, 50, 55, 0.4, 0))], 0.7)
    np.testing.assert_allclose(fused, [(11, 10, 50, 51, 0.8, 0)], rtol=1e-6)


def test_boxes_apart_or_of_other_classes_keep_to_themselves():
    rows = view((10, 10, 50, 50, 0.9, 0), (10, 10, 50, 50, 0.6, 1), (30, 10, 70, 50, 0.5, 0))
    np.testing.assert_array_equal(fuse_boxes([rows], 0.7), rows)


def test_a_score_is_the_mean_of_the_best_in_each_view():
    both = fuse_boxes([view((0, 0, 20, 20, 0.8, 0), (0, 0, 20, 19, 0.7, 0)), view((0, 0, 20, 20, 0.4, 0))], 0.6)
    np.testing.assert_allclose(both[:, 4], 0.6, rtol=1e-6)
    one = fuse_boxes([view((0, 0, 20, 20, 0.8, 0)), view()], 0.6)
    np.testing.assert_allclose(one[:, 4], 0.4, rtol=1e-6)


def test_what_both_views_show_comes_before_what_one_shows():
    fused = fuse_boxes([view((0, 0, 20, 20, 0.9, 0), (50, 0, 70, 20, 0.6, 0)), view((50, 0, 70, 20, 0.5, 0))], 0.6)
    np.testing.assert_allclose(fused[:, 0], [50, 0])
    assert (np.diff(fused[:, 4]) <= 0).all()


def test_a_box_joins_the_strongest_group_that_it_overlaps_not_its_neighbours():
    rows = view((0, 0, 100, 10, 0.9, 0), (20, 0, 120, 10, 0.8, 0), (40, 0, 140, 10, 0.7, 0))
    fused = fuse_boxes([rows], 0.6)
    assert len(fused) == 2
    np.testing.assert_allclose(fused[1], rows[2])


@pytest.mark.parametrize("views", [[view()], [view(), view()]])
def test_nothing_seen_gives_nothing(views: list[np.ndarray]):
    assert fuse_boxes(views, 0.6).shape == (0, 6)


def test_the_mean_of_many_noisy_proposals_is_nearer_than_the_strongest():
    rng = np.random.default_rng(0)
    thing = np.array([100, 100, 140, 180])
    missed = []
    for _ in range(50):
        rows = np.concatenate([thing + rng.normal(0, 2, (12, 4)), rng.uniform(0.3, 0.9, (12, 1)), np.zeros((12, 1))], 1)
        strongest = rows[np.argmax(rows[:, 4]), :4]
        fused = fuse_boxes([rows.astype(np.float32)], 0.6)[0, :4]
        missed.append((np.abs(fused - thing).mean(), np.abs(strongest - thing).mean()))
    ours, theirs = np.mean(missed, axis=0)
    assert ours < 0.6 * theirs
