import numpy as np
import pyarrow as pa
import pytest

from annotators.clip_scores import Agreement, compare_with_promise, score_clip
from schemas import tables
from schemas.records import ClipRecord, Origin, Scenario

FRAMES = 20


def tracks(*spans: tuple[str, int, int], confidence: float = 0.9) -> pa.Table:
    """One track for each (class, first frame, frames)."""
    rows = [
        (frame, track, name)
        for track, (name, first, count) in enumerate(spans, 1)
        for frame in range(first, first + count)
    ]
    frame, track, name = zip(*rows, strict=True) if rows else ((), (), ())
    ones = np.ones(len(rows))
    return tables.table_from_columns(
        tables.TRACKS,
        {
            "frame": list(frame), "track": list(track), "class_name": pa.array(list(name), pa.string()),
            "x": ones, "y": ones, "w": ones, "h": ones, "score": ones, "confidence": ones * confidence,
            "source": pa.array(["detected"] * len(rows), pa.string()),
        },
    )  # fmt: skip


def test_every_promised_object_shown_is_full_agreement():
    labels = tracks(("car", 0, 20), ("person", 0, 20), ("person", 5, 10), ("dog", 0, 20))
    assert compare_with_promise({"car": 1, "person": 2}, labels, FRAMES) == Agreement(1.0, 0)


def test_missing_objects_lower_the_share_by_count():
    assert compare_with_promise({"car": 1, "person": 2}, tracks(("person", 0, 20)), FRAMES) == Agreement(
        pytest.approx(1 / 3), 0
    )
    assert compare_with_promise({"car": 1}, tracks(), FRAMES) == Agreement(0.0, 0)


def test_too_many_at_once_are_surplus_and_pieces_of_one_track_are_not():
    at_once = tracks(("car", 0, 20), ("car", 0, 20), ("car", 0, 3))
    in_pieces = tracks(("car", 0, 9), ("car", 11, 9))
    assert compare_with_promise({"car": 1}, at_once, FRAMES) == Agreement(1.0, 2)
    assert compare_with_promise({"car": 1}, in_pieces, FRAMES) == Agreement(1.0, 0)


def test_flickers_and_unbelieved_tracks_are_no_evidence():
    assert compare_with_promise({"car": 1}, tracks(("car", 0, 2)), FRAMES) == Agreement(0.0, 0)
    assert compare_with_promise({"car": 1}, tracks(("car", 0, 20), confidence=0.1), FRAMES) == Agreement(0.0, 0)


def test_a_clip_shorter_than_any_track_must_be_still_counts():
    assert compare_with_promise({"car": 1}, tracks(("car", 0, 1)), 1) == Agreement(1.0, 0)


def record(objects: dict[str, int]) -> ClipRecord:
    return ClipRecord("c", Scenario("s", "", objects=objects), "m", 4, 12.0, 64, 64, 1, Origin("procedural", "1"))


FRAME_SCORES = tables.table_from_columns(
    tables.FRAME_SCORES,
    {
        "frame": [0, 1, 2, 3], "brightness": [0.2, 0.2, 0.4, 0.4], "contrast": [0.0] * 4,
        "sharpness": [1.0, 9.0, 3.0, 5.0], "change": [0.0, 0.1, 0.3, 0.2],
        "black": [True, False, False, False], "repeated": [False, True, False, False],
    },
)  # fmt: skip


def test_a_clips_row_sums_its_frames_up():
    [row] = score_clip(record({"car": 2}), FRAME_SCORES, tracks(("car", 0, 4))).to_pylist()
    assert row == {
        "clip_id": "c", "brightness": pytest.approx(0.3), "sharpness": 4.0, "motion": pytest.approx(0.2),
        "black_share": 0.25, "frozen_share": pytest.approx(1 / 3), "boxes": 4, "tracks": 1,
        "agreement": 0.5, "surplus": 0, "quality": pytest.approx(0.75 * 2 / 3 * 0.5),
    }  # fmt: skip


def test_without_a_promise_there_is_no_agreement():
    [row] = score_clip(record({}), FRAME_SCORES.slice(0, 0), tracks()).to_pylist()
    assert (row["agreement"], row["surplus"], row["boxes"], row["motion"]) == (None, None, 0, 0.0)
