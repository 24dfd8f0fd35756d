import cv2
import numpy as np
import pytest

from annotators.flow_scores import compare_frames

HEIGHT, WIDTH = 96, 160
DIAGONAL = np.hypot(HEIGHT, WIDTH)


def world(seed: int = 0) -> np.ndarray:
    """Luma of a textured plane, wider and higher than a frame."""
    noise = np.random.default_rng(seed).uniform(0, 255, (HEIGHT + 40, WIDTH + 40)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return cv2.normalize(smooth, None, 40, 215, cv2.NORM_MINMAX).astype(np.uint8)


def view(x: int = 0, y: int = 0, seed: int = 0) -> np.ndarray:
    return np.ascontiguousarray(world(seed)[20 + y : 20 + y + HEIGHT, 20 + x : 20 + x + WIDTH])


def with_dog(x: int) -> np.ndarray:
    """A still view with something dark of 12 x 10 pixels in it."""
    frame = view()
    frame[60:70, x : x + 12] = 10
    frame[62:65, x + 2 : x + 5] = 120
    return frame


def grain(frame: np.ndarray, seed: int, deviation: float = 8) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def test_a_repeated_picture_has_neither_motion_nor_flicker_nor_anything_unmatched():
    scores = compare_frames(view(), view())
    assert (scores.camera_motion, scores.object_motion, scores.warp_error, scores.flicker) == (0, 0, 0, 0)
    assert scores.unmatched < 0.05


@pytest.mark.parametrize("shift", [(2, 0), (0, 2), (-3, 1)])
def test_a_moving_camera_is_motion_in_frame_diagonals_and_not_of_objects(shift):
    scores = compare_frames(view(), view(*shift))
    assert scores.camera_motion == pytest.approx(np.hypot(*shift) / DIAGONAL, rel=0.15)
    assert scores.object_motion < scores.camera_motion / 2
    assert scores.flicker < 0.02


def test_a_small_mover_before_a_still_camera_is_motion_of_objects():
    scores = compare_frames(with_dog(70), with_dog(72))
    assert scores.camera_motion == 0
    assert 1 / DIAGONAL < scores.object_motion < 4 / DIAGONAL


def test_grain_on_a_still_picture_is_no_motion():
    scores = compare_frames(grain(view(), 1), grain(view(), 2))
    assert scores.camera_motion == 0
    assert scores.object_motion < 0.1 / DIAGONAL
    assert scores.warp_error > 5 / 255


def test_flicker_is_the_share_by_which_brightness_jumps_whatever_the_light_and_the_motion():
    for light in (1.0, 0.4):
        before, after = (view() * light).astype(np.uint8), (view(2) * light * 0.8).astype(np.uint8)
        assert compare_frames(before, after).flicker == pytest.approx(0.25, abs=0.06)


def test_grain_is_hardly_flicker():
    assert compare_frames(grain(view(), 1, 20), grain(view(), 2, 20)).flicker < 0.03


def test_another_scene_has_no_match():
    assert compare_frames(view(), view(seed=1)).unmatched > 0.8
    assert compare_frames(view(), view(3)).unmatched < 0.3
