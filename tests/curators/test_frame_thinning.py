import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curators.frame_thinning import thin_frames
from curators.vectors import LENGTH, as_whole_numbers
from schemas.tables import FRAMES, NAME, OBJECT


def make_frames(*clips):
    """FRAMES of clips; a clip is (id, tracks shown in each frame)."""
    rows = [(name, frame, tracks) for name, shown in clips for frame, tracks in enumerate(shown)]
    objects = [
        [{field.name: 1 if field.name == "track" else None for field in OBJECT} | {"track": track} for track in tracks]
        for _, _, tracks in rows
    ]
    return pa.table(
        {
            "clip_id": pa.array([row[0] for row in rows], pa.string()),
            "frame": pa.array([row[1] for row in rows], pa.int32()),
            "split": pa.array(["train"] * len(rows), NAME),
            "use": pa.array([""] * len(rows), NAME),
            "objects": pa.array(objects, FRAMES.field("objects").type),
        }
    )


def reader(angles, every=1):
    """Clip -> degrees of each embedded frame on a circle."""

    def read(clips):
        parts = []
        for name in clips:
            radians = np.radians(np.array(angles[name], float))
            vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float16)
            parts.append(
                pa.table(
                    {
                        "clip_id": pa.array([name] * len(vectors), pa.string()),
                        "frame": pa.array(np.arange(len(vectors)) * every, pa.int32()),
                        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 2),
                    }
                )
            )
        return pa.concat_tables(parts)

    return read


def thin(clips, angles, *, usable=None, every=1, threshold=0.9, at_once=512):
    frames = make_frames(*clips)
    usable = np.ones(len(frames), bool) if usable is None else np.asarray(usable)
    read = reader(angles, every)
    return thin_frames(frames, usable, read, threshold=threshold, every=every, at_once=at_once).tolist()


ONE_TRACK = [1]


def test_of_frames_that_look_alike_the_first_stays():
    assert thin([("a", [ONE_TRACK] * 4)], {"a": [0, 1, 2, 90]}) == [False, True, True, False]


def test_frames_are_compared_with_the_last_that_stayed_not_with_the_one_before():
    assert thin([("a", [ONE_TRACK] * 5)], {"a": [0, 20, 40, 60, 80]}) == [False, True, False, True, False]


def test_a_frame_that_shows_an_object_for_the_first_time_stays():
    assert thin([("a", [[], [1], [1], [1, 2]])], {"a": [0, 0, 0, 0]}) == [False, False, True, False]


def test_clips_are_not_compared_with_each_other():
    assert thin([("a", [ONE_TRACK]), ("b", [ONE_TRACK])], {"a": [0], "b": [0]}) == [False, False]


def test_an_unusable_frame_is_neither_thinned_nor_compared_with():
    clips, angles = [("a", [ONE_TRACK] * 3)], {"a": [0, 0, 0]}
    assert thin(clips, angles, usable=[False, True, True]) == [False, False, True]


def test_frames_between_embedded_ones_share_the_fate_of_the_one_before():
    assert thin([("a", [ONE_TRACK] * 6)], {"a": [0, 0, 90]}, every=2) == [False, False, True, True, False, False]


def test_an_object_that_comes_between_embedded_frames_is_also_kept_on_the_next_one():
    shown = [[1], [1], [1], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2]]
    thinned = thin([("a", shown)], {"a": [0, 0, 0, 0]}, every=2)
    assert thinned == [False, False, False, False, False, False, True, True]


def test_no_frames_are_thinned_where_there_are_none():
    assert thin([], {}) == []


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 120), st.integers(1, 3)), min_size=1, max_size=9), max_size=5),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_object_is_still_shown_and_blocks_do_not_matter(clips, at_once):
    named = [(f"c{place}", [[track] for _, track in clip]) for place, clip in enumerate(clips)]
    angles = {f"c{place}": [angle for angle, _ in clip] for place, clip in enumerate(clips)}
    thinned = thin(named, angles)
    assert thin(named, angles, at_once=at_once) == thinned
    rows = [(name, *tracks) for name, shown in named for tracks in shown]
    assert {row for row, gone in zip(rows, thinned, strict=True) if not gone} == set(rows)


@pytest.mark.parametrize(("threshold", "expected"), [(0.9, True), (0.999, False)])
def test_the_threshold_decides(threshold, expected):
    assert thin([("a", [ONE_TRACK] * 2)], {"a": [0, 10]}, threshold=threshold)[1] is expected


def test_a_frame_exactly_at_the_threshold_is_thinned_and_one_below_it_is_not():
    whole = as_whole_numbers(np.array([[1, 0], [np.cos(np.radians(60)), np.sin(np.radians(60))]], np.float16))
    at = float(whole[0] @ whole[1])
    frames, angles = [("a", [ONE_TRACK] * 2)], {"a": [0, 60]}
    assert thin(frames, angles, threshold=at / LENGTH**2) == [False, True]
    assert thin(frames, angles, threshold=(at + 1) / LENGTH**2) == [False, False]
