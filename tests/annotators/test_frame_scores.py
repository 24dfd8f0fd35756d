from pathlib import Path

import numpy as np
import pytest

from annotators.frame_scores import score_frames, score_images
from schemas import tables
from schemas.errors import MediaError
from storage.video import write_clip


def scene(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(30, 220, (12, 20, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)


def test_light_contrast_and_change_are_in_units_of_full_scale():
    grey = np.full((64, 64, 3), 51, np.uint8)
    scores = score_images([grey, grey + 51])
    assert scores.schema.equals(tables.FRAME_SCORES)
    assert scores["brightness"].to_pylist() == [pytest.approx(0.2), pytest.approx(0.4)]
    assert scores["contrast"].to_pylist() == [0.0, 0.0]
    assert scores["change"].to_pylist() == [0.0, pytest.approx(0.2)]


def test_a_blurred_frame_is_less_sharp():
    import cv2

    sharp, blurred = score_images([scene(), cv2.GaussianBlur(scene(), (9, 9), 3)])["sharpness"].to_pylist()
    assert blurred < sharp / 4


def test_black_is_no_light_at_all_and_night_with_a_lamp_is_not_black():
    black = np.full((96, 160, 3), 3, np.uint8)
    night = black.copy()
    night[10:16, 20:26] = 200
    assert score_images([black, night])["black"].to_pylist() == [True, False]


def test_a_frozen_picture_is_repeated_through_the_encoder_and_a_small_mover_is_not(tmp_path: Path):
    still = [scene()] * 16
    moving = [scene() for _ in range(16)]
    for index, image in enumerate(moving):
        image[40:52, 10 + 4 * index : 18 + 4 * index] = 255
    for frames, repeated in ((still, True), (moving, False)):
        encoded = write_clip(tmp_path / "clip.mp4", frames, 12)
        assert score_frames(encoded.path, 16)["repeated"].to_pylist() == [False] + [repeated] * 15


def test_a_wrong_number_of_frames_is_refused(tmp_path: Path):
    encoded = write_clip(tmp_path / "clip.mp4", [scene()] * 4, 12)
    with pytest.raises(MediaError, match="4 frames decoded where its record says 5"):
        score_frames(encoded.path, 5)


def test_no_frames_make_no_rows():
    assert score_images([]).num_rows == 0
