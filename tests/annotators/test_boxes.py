import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from annotators.boxes import clip_corners, corners_to_sizes, pair_iou, sizes_to_corners

coordinate = st.floats(0, 8192, width=32)


@given(st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=20))
def test_corners_survive_being_stored_as_sizes_bit_for_bit(boxes):
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    corners = np.concatenate(
        [np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], axis=1
    )
    np.testing.assert_array_equal(sizes_to_corners(corners_to_sizes(corners)), corners)


def test_sizes_are_within_a_rounding_step_of_the_difference():
    corners = np.random.default_rng(0).uniform(0, 400, (1000, 4)).astype(np.float32)
    corners[:, 2:] += corners[:, :2]
    plain = corners[:, 2:] - corners[:, :2]
    assert np.abs(corners_to_sizes(corners)[:, 2:] - plain).max() <= np.spacing(plain.max())


def test_clip_corners_moves_boxes_into_the_frame():
    np.testing.assert_array_equal(clip_corners(np.array([[-5.0, 10, 700, 500]]), 640, 480), [[0, 10, 640, 480]])


def test_pair_iou_of_equal_half_and_apart_boxes():
    a = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    b = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30], [5, 5, 5, 5]], np.float32)
    np.testing.assert_allclose(pair_iou(a, b), [1, 0.5, 0, 0])
