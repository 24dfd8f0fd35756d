import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from publishers.yolo_labels import join_lines, normalise_boxes, restore_boxes, write_label_lines


@st.composite
def boxes_in_images(draw):
    width, height = draw(st.integers(2, 4000)), draw(st.integers(2, 4000))
    edge = st.floats(0, 1, width=32)
    (left, right), (top, bottom) = (sorted((draw(edge), draw(edge))) for _ in range(2))
    box = [left * width, top * height, (right - left) * width, (bottom - top) * height]
    return np.array([box], dtype=np.float32), np.array([width]), np.array([height])


@given(boxes_in_images())
def test_a_box_survives_the_way_to_text_and_back(case):
    box, width, height = case
    words = write_label_lines(np.array([3]), normalise_boxes(box, width, height))[0].as_py().split()
    numbers = np.array([[float(word) for word in words[1:]]])
    assert words[0] == "3"
    assert numbers.min() >= 0
    assert numbers.max() <= 1
    np.testing.assert_allclose(restore_boxes(numbers, width, height), box, atol=2e-6 * max(width[0], height[0]) + 1e-3)


@given(st.lists(st.floats(-100, 200, width=32), min_size=4, max_size=4))
def test_what_lies_outside_the_image_is_clipped(box):
    box = np.array([[box[0], box[1], abs(box[2]), abs(box[3])]], dtype=np.float32)
    normalised = normalise_boxes(box, np.array([50]), np.array([40]))
    assert normalised.min() >= 0
    assert (normalised[:, :2] + normalised[:, 2:] / 2).max() <= 1 + 1e-9


def test_lines_have_six_decimals_and_five_columns():
    line = write_label_lines(np.array([0]), np.array([[0.5, 1.0, 0.000001, 0.03125]]))[0].as_py()
    assert line == "0 0.500000 1.000000 0.000001 0.031250"


def test_files_without_lines_are_empty():
    texts, repeated = join_lines(np.array([1, 1]), pa.array(["a", "b"]), 3)
    assert (texts, repeated) == (["", "a\nb", ""], 0)


def test_equal_lines_of_one_file_are_written_once():
    texts, repeated = join_lines(np.array([0, 0, 0, 1]), pa.array(["a", "b", "a", "a"]), 2)
    assert (texts, repeated) == (["a\nb", "a"], 1)


def test_no_boxes_at_all():
    lines = write_label_lines(np.empty(0, dtype=np.int64), np.empty((0, 4)))
    assert join_lines(np.empty(0, dtype=np.int64), lines, 2) == (["", ""], 0)
