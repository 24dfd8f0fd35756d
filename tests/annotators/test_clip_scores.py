import numpy as np
import pytest
from score_inputs import make_detections, make_frame_scores, make_record, make_tracks

from annotators.clip_scores import score_clip


def test_a_clips_row_sums_its_frames_up():
    frames = make_frame_scores(
        4,
        brightness=[0.2, 0.2, 0.4, 0.4], sharpness=[1.0, 9.0, 3.0, 5.0], change=[0.0, 0.1, 0.3, 0.2],
        black=[True, False, False, False], repeated=[False, True, False, False],
        camera_motion=[0.0, 0.01, 0.02, 0.03], blur=[0.1, 0.4, 0.2, 0.2],
    )  # fmt: skip
    [row] = score_clip(make_record({"car": 2, "dog": 1}), frames, make_tracks(("car", 0, 4)), drift=0.25).to_pylist()
    quality = row.pop("quality")
    assert 0 < quality < 1
    assert {name: row[name] for name in ("clip_id", "boxes", "tracks", "cuts", "surplus")} == {
        "clip_id": "c", "boxes": 4, "tracks": 1, "cuts": 0, "surplus": 0,
    }  # fmt: skip
    assert (row["brightness"], row["sharpness"], row["motion"]) == (pytest.approx(0.3), 4.0, pytest.approx(0.2))
    assert (row["black_share"], row["frozen_share"]) == (0.25, pytest.approx(1 / 3))
    assert (row["blur"], row["drift"]) == (pytest.approx(0.2), 0.25)
    assert row["camera_motion"] == pytest.approx(0.02 * 12)
    assert (row["shown_by_class"], row["surplus_by_class"]) == ([("car", 0), ("dog", 0)], [])


def test_motion_and_flicker_are_those_between_cuts():
    cut = np.arange(4) == 2
    frames = make_frame_scores(
        4, cut=cut, flicker=np.where(cut, 0.9, 0.01), warp_error=np.where(cut, 0.5, 0.02),
        camera_motion=np.where(cut, 0.3, 0.01),
    )  # fmt: skip
    [row] = score_clip(make_record({}), frames, make_tracks()).to_pylist()
    assert row["cuts"] == 1
    assert (row["flicker"], row["warp_error"], row["camera_motion"]) == pytest.approx((0.01, 0.02, 0.12))


def test_without_a_promise_or_detections_there_is_nothing_to_say_of_them():
    [row] = score_clip(make_record({}), make_frame_scores(0), make_tracks()).to_pylist()
    missing = ("agreement", "surplus", "shown_by_class", "surplus_by_class", "box_flicker", "class_flicker", "drift")
    assert [row[name] for name in missing] == [None] * 7
    assert (row["boxes"], row["motion"], row["cuts"]) == (0, 0.0, 0)


def test_detections_tell_how_steady_the_detector_was():
    steady = make_detections(*((frame, "car", 20, 20, 10, 10, 0.9) for frame in range(4)))
    [row] = score_clip(make_record({}), make_frame_scores(4), make_tracks(), detections=steady).to_pylist()
    assert (row["box_flicker"], row["class_flicker"], row["size_jitter"]) == (0.0, 0.0, pytest.approx(0.0, abs=1e-6))
