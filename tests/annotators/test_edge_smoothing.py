import numpy as np

from annotators.edge_smoothing import MAX_SHIFT, smooth_edges

SIZE = (640, 480)


def smoothed(
    corners: np.ndarray, frame: np.ndarray | None = None, track: np.ndarray | None = None, window: int = 5
) -> np.ndarray:
    rows = len(corners)
    frame = np.arange(rows) if frame is None else frame
    track = np.ones(rows, int) if track is None else track
    return smooth_edges(frame, track, corners.astype(np.float32), np.ones(rows, np.float32), window=window, size=SIZE)


def moving(rows: int, step: float) -> np.ndarray:
    left = 100 + step * np.arange(rows)
    return np.stack([left, np.full(rows, 50.0), left + 80, np.full(rows, 150.0)], axis=1)


def test_straight_motion_is_left_alone_at_the_ends_too():
    np.testing.assert_allclose(smoothed(moving(12, 3)), moving(12, 3), atol=1e-3)


def test_jitter_shrinks_to_less_than_two_thirds():
    truth = moving(400, 1)
    noisy = truth + np.random.default_rng(0).normal(0, 1, truth.shape)
    left = np.abs(smoothed(noisy) - truth).mean() / np.abs(noisy - truth).mean()
    assert left < 0.65


def test_a_jump_moves_a_box_no_more_than_the_cap():
    corners = moving(10, 0)
    corners[5:, 2] += 60
    shift = np.abs(smoothed(corners) - corners)
    assert shift.max() <= MAX_SHIFT * 140 + 1e-3
    assert shift[:, [0, 1, 3]].max() < 1e-3


def test_an_edge_on_the_border_stays_there_and_pulls_no_other():
    corners = moving(8, 0)
    corners[:, 0] = [30, 20, 10, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(smoothed(corners)[:, 0], corners[:, 0], atol=1e-3)


def test_tracks_are_smoothed_apart():
    corners = moving(6, 0)
    corners[3:] += 7
    same = smoothed(corners, frame=np.array([0, 1, 2, 0, 1, 2]), track=np.array([1, 1, 1, 2, 2, 2]))
    np.testing.assert_allclose(same, corners, atol=1e-3)


def test_a_hole_longer_than_the_window_parts_a_track():
    corners = moving(6, 0)
    corners[3:] += 7
    np.testing.assert_allclose(smoothed(corners, frame=np.array([0, 1, 2, 10, 11, 12])), corners, atol=1e-3)


def test_a_lone_sighting_is_left_as_it_is():
    np.testing.assert_array_equal(smoothed(moving(1, 0)), moving(1, 0))


def test_a_sure_sighting_pulls_an_unsure_one_more_than_the_other_way_round():
    corners = moving(9, 0).astype(np.float32)
    corners[4, 2] += 6
    frame, track = np.arange(9), np.ones(9, int)

    def shift(score_of_the_odd_one: float) -> float:
        score = np.full(9, 0.5, np.float32)
        score[4] = score_of_the_odd_one
        return float(corners[4, 2] - smooth_edges(frame, track, corners, score, window=7, size=SIZE)[4, 2])

    assert shift(0.1) > 2 * shift(0.9) > 0


def test_a_shaking_camera_blurs_no_edge():
    rng = np.random.default_rng(3)
    frames, tracks = 40, 6
    frame, track = np.tile(np.arange(frames), tracks), np.repeat(np.arange(tracks), frames)
    place = rng.uniform(100, 300, (tracks, 2))[track] + rng.normal(0, 3, (frames, 2))[frame]
    truth = np.concatenate([place, place + 60], axis=1)
    noisy = truth + rng.normal(0, 1, truth.shape)
    ours = smoothed(noisy, frame, track, window=7)
    assert np.abs(ours - truth).mean() < 0.8 * np.abs(noisy - truth).mean()
