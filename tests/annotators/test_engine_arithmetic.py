"""Letterbox and suppression give bit for bit what ultralytics' predictor computes."""

import numpy as np
import pytest

from annotators.engine.letterbox import fit_frame
from annotators.engine.suppression import find_candidates, strongest_first, suppress_overlaps
from annotators.offline import prepare_ultralytics

prepare_ultralytics()

FRAMES = [(192, 320), (96, 160), (100, 170), (480, 854), (1080, 1920), (333, 777), (640, 360), (3, 700)]


def ultralytics_letterbox(frame: np.ndarray, size: tuple[int, int], *, auto: bool) -> np.ndarray:
    from ultralytics.data.augment import LetterBox

    return LetterBox(size, auto=auto, stride=32)(image=frame)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("size", [128, 320, 448, 640, (384, 640), (320, 320)])
def test_inputs_are_those_of_ultralytics(frame: tuple[int, int], size: int | tuple[int, int]):
    picture = np.random.default_rng(0).integers(0, 255, (*frame, 3), dtype=np.uint8)
    fixed = isinstance(size, tuple)
    theirs = ultralytics_letterbox(picture, size if fixed else (size, size), auto=not fixed)
    letterbox = fit_frame(frame, size, 32)
    batch = letterbox.new_batch(2)
    letterbox.place(picture, batch[1])
    np.testing.assert_array_equal(batch[1], theirs)
    assert (batch[0] == 114).all()


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("size", [128, 640, (384, 640)])
def test_boxes_come_back_where_ultralytics_puts_them(frame: tuple[int, int], size: int | tuple[int, int]):
    import torch
    from ultralytics.utils.ops import scale_boxes

    letterbox = fit_frame(frame, size, 32)
    corners = np.random.default_rng(1).uniform(-20, 700, (50, 4)).astype(np.float32)
    theirs = scale_boxes(letterbox.input, torch.from_numpy(corners.copy()), (*frame, 3)).numpy()
    np.testing.assert_array_equal(letterbox.to_frame(corners), theirs)


def test_a_size_between_strides_is_rounded_up():
    assert fit_frame((192, 320), 310, 32).input == (192, 320)


def random_output(images: int, classes: int, anchors: int, seed: int) -> np.ndarray:
    """Boxes that crowd around few places, with scores in steps, so that there are equals among them."""
    generator = np.random.default_rng(seed)
    raw = np.empty((images, 4 + classes, anchors), np.float32)
    places = generator.uniform(50, 300, (12, 2))
    raw[:, :2] = places[generator.integers(0, 12, (images, anchors))].transpose(0, 2, 1)
    raw[:, :2] += generator.normal(0, 4, raw[:, :2].shape)
    raw[:, 2:4] = generator.uniform(30, 50, raw[:, 2:4].shape)
    raw[:, 4:] = np.round(generator.beta(0.3, 3, raw[:, 4:].shape), 2)
    return raw


@pytest.mark.parametrize("classes", [1, 3, 80])
@pytest.mark.parametrize(("iou", "most"), [(0.7, 300), (0.45, 20), (1.0, 1000)])
def test_boxes_kept_are_those_of_ultralytics(classes: int, iou: float, most: int):
    import torch
    import torchvision  # noqa: F401  (its kernel is used where it was imported)
    from ultralytics.utils.nms import non_max_suppression

    raw = random_output(3, classes, 400, classes)
    raw[1, 4:] = 0
    theirs = non_max_suppression(torch.from_numpy(raw.copy()), 0.3, iou, max_det=most)
    ours = [suppress_overlaps(rows, iou, most) for rows in find_candidates(raw, 0.3)]
    assert len(ours[0]) > 5
    assert len(ours[1]) == 0
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


def test_without_suppression_the_order_is_that_of_suppression_that_spares_everything():
    [rows] = find_candidates(random_output(1, 3, 500, 5), 0.1)
    np.testing.assert_array_equal(strongest_first(rows, 1000), suppress_overlaps(rows, 1.0, 1000))


def test_a_head_without_suppression_is_filtered_only():
    raw = np.array([[[1, 2, 3, 4, 0.9, 1], [1, 2, 3, 4, 0.2, 0]]], np.float32)
    [rows] = find_candidates(raw, 0.5)
    np.testing.assert_array_equal(rows, raw[0, :1])
