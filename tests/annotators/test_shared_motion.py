import numpy as np

from annotators.shared_motion import measure_shaking

FRAMES = 60


def walkers(tracks: int, shake: np.ndarray, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Boxes that each go their own way, seen by a camera that shakes by ``shake``, ``(F, 2)``."""
    rng = np.random.default_rng(seed)
    frame = np.tile(np.arange(FRAMES), tracks)
    track = np.repeat(np.arange(tracks), FRAMES)
    start, step = rng.uniform(50, 250, (tracks, 2)), rng.uniform(-2, 2, (tracks, 2))
    place = start[track] + step[track] * frame[:, None] + shake[frame]
    corners = np.concatenate([place, place + 30], axis=1)
    return frame, track, (corners + rng.normal(0, noise, corners.shape)).astype(np.float32)


def shaken(size: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, (FRAMES, 2))


def test_shaking_is_found_under_motion_of_each_thing_its_own():
    shake = shaken(4)
    left = shake - measure_shaking(*walkers(5, shake, noise=0.5))
    inner = left[4:-4]
    # What remains is itself smooth: neighbouring frames agree, so that smoothing loses nothing.
    assert np.abs(np.diff(inner, n=2, axis=0)).mean() < 0.35 * np.abs(np.diff(shake, n=2, axis=0)).mean()


def test_a_steady_camera_is_left_steady():
    assert np.abs(measure_shaking(*walkers(5, np.zeros((FRAMES, 2)), noise=1.0))).mean() < 0.15


def test_a_camera_that_pans_does_not_shake():
    pan = np.stack([3.0 * np.arange(FRAMES), np.zeros(FRAMES)], axis=1)
    np.testing.assert_allclose(measure_shaking(*walkers(4, pan)), 0, atol=1e-3)


def test_one_thing_alone_tells_nothing_of_the_camera():
    assert not measure_shaking(*walkers(1, shaken(4))).any()


def test_one_thing_that_jumps_among_many_is_not_the_camera():
    frame, track, corners = walkers(5, np.zeros((FRAMES, 2)))
    corners[(track == 2) & (frame == 30)] += 25
    assert np.abs(measure_shaking(frame, track, corners)).max() < 1


def test_frames_without_boxes_and_no_boxes_at_all():
    frame, track, corners = walkers(3, shaken(2))
    seen = (frame < 20) | (frame >= 40)
    shaking = measure_shaking(frame[seen], track[seen], corners[seen])
    assert shaking.shape == (FRAMES, 2)
    assert not shaking[20:40].any()
    none = np.zeros(0, np.int32)
    assert measure_shaking(none, none, np.zeros((0, 4), np.float32)).shape == (0, 2)
