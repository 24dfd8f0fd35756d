import cv2
import numpy as np
import pytest

from annotators.picture_scores import measure_blur, measure_clipping, shrink


def street(width: int = 320, height: int = 192, seed: int = 0) -> np.ndarray:
    """Luma of rectangles of all sizes: edges, flats and corners."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 128, np.uint8)
    for _ in range(60):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(6, 80, 2)
        picture[y : y + h, x : x + w] = rng.integers(20, 235)
    return picture


def test_blur_grows_with_blurring_and_lies_between_0_and_1():
    values = [measure_blur(street())]
    values += [measure_blur(cv2.GaussianBlur(street(), (0, 0), sigma)) for sigma in (1, 2, 4, 8)]
    assert values == sorted(values)
    assert 0 < values[0] < 0.6
    assert 0.75 < values[-1] < 1


@pytest.mark.parametrize("kernel", [(25, 1), (1, 25)])
def test_blur_in_one_direction_is_blur(kernel):
    assert measure_blur(cv2.blur(street(), kernel)) > 0.75


def test_neither_contrast_nor_light_nor_grain_makes_a_picture_sharp():
    blurred = cv2.GaussianBlur(street(), (0, 0), 6)
    grain = np.random.default_rng(0).normal(0, 4, blurred.shape)
    for other in (blurred // 4 + 90, blurred // 2, np.clip(blurred + grain, 0, 255).astype(np.uint8)):
        assert measure_blur(other) > 0.75


def test_a_picture_of_one_tone_is_not_blurred():
    assert measure_blur(np.full((192, 320), 90, np.uint8)) == 0


def test_clipping_counts_both_ends():
    luma = np.full((10, 10), 100, np.uint8)
    luma[:2], luma[2:3] = 255, 0
    assert measure_clipping(luma) == pytest.approx(0.3)


def test_shrinking_keeps_the_shape_and_leaves_small_pictures_alone():
    assert shrink(np.zeros((720, 1280, 3), np.uint8), 320).shape == (180, 320, 3)
    assert shrink(np.zeros((192, 320), np.uint8), 320).shape == (192, 320)
    assert shrink(np.zeros((8, 640), np.uint8), 320).shape == (16, 320)
