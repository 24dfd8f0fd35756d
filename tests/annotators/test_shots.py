from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from annotators.frame_scores import FRAME_SCORES_VERSION, score_frames
from annotators.shots import FRAME_SCORE_STAGE, find_cuts, shots_between
from annotators.weights import resolve_weights
from annotators.yolo import YoloAnnotator
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord, SourceSegment
from schemas.tables import DETECTIONS, FRAME_SCORES, table_from_columns
from storage.clips import media_path
from storage.commits import commit_table
from storage.store import Store

CUT = 7


@pytest.fixture(scope="module")
def scenes() -> list[np.ndarray]:
    """Twelve frames; from frame 7 on they show something else."""
    draw = np.random.default_rng(5)
    first, second = (draw.integers(0, 255, (6, 10, 3), np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(2))
    dark = second // 3
    return [np.roll(first if frame < CUT else dark, 2 * frame, axis=1) for frame in range(12)]


@pytest.fixture
def clip(tmp_path, commit_video: Callable[..., ClipRecord], scenes: list[np.ndarray]) -> tuple[Store, ClipRecord]:
    store = Store.open(tmp_path / "store")
    return store, commit_video(store, "clip", scenes)


def a_car(frames: int) -> pa.Table:
    return table_from_columns(
        DETECTIONS,
        {
            "frame": [*range(frames)], "class_name": pa.array(["car"] * frames, pa.string()), "x": [20.0] * frames,
            "y": [20.0] * frames, "w": [40.0] * frames, "h": [30.0] * frames, "score": [0.9] * frames,
        },
    )  # fmt: skip


def annotator_of(store: Store, random_weights, **options) -> YoloAnnotator:
    made = YoloAnnotator(YoloOptions(**options), resolve_weights(str(random_weights), store), store)
    made.class_names = ("car",)
    return made


def test_a_stretch_ends_where_the_scene_is_cut():
    assert shots_between([3, 7], 10) == [range(3), range(3, 7), range(7, 10)]
    assert shots_between([], 10) == [range(10)]
    assert shots_between([0, 10], 10) == [range(10)]


def test_cuts_are_found_and_stored_ones_believed(clip):
    store, record = clip
    assert find_cuts(store, record) == [CUT]
    scores = score_frames(media_path(store, record), record.frames)
    cut = pa.array([frame == 3 for frame in range(12)])
    stored = scores.set_column(scores.schema.get_field_index("cut"), "cut", cut).cast(FRAME_SCORES)
    commit_table(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, record.media_id, stored)
    assert find_cuts(store, record) == [3]


@pytest.mark.parametrize("tracker", ["offline", "bytetrack"])
def test_no_track_crosses_a_cut_though_the_box_stays_where_it_was(clip, random_weights, tracker: str):
    store, record = clip
    [tracks] = annotator_of(store, random_weights, tracker=tracker).track([(record, a_car(12))])
    spans = tracks.group_by("track").aggregate([("frame", "min"), ("frame", "max")]).sort_by("track").to_pydict()
    assert spans == {"track": [1, 2], "frame_min": [0, CUT], "frame_max": [CUT - 1, 11]}


def test_cuts_lie_where_they_do_in_later_segments_too(clip, random_weights):
    store, record = clip
    parts = [replace(record, segment=SourceSegment("s", "a.mp4", place, 12 * place)) for place in range(2)]
    tracks = annotator_of(store, random_weights).track([(part, a_car(12)) for part in parts])
    assert [table["track"].unique().to_pylist() for table in tracks] == [[1, 2], [2, 3]]


def test_the_plain_loop_stays_as_it_is(clip, random_weights):
    store, record = clip
    plain = annotator_of(store, random_weights, tracker="bytetrack", refine=None)
    [tracks] = plain.track([(record, a_car(12))])
    assert tracks["track"].unique().to_pylist() == [1]


def test_labels_depend_on_how_cuts_are_found(clip, random_weights, monkeypatch):
    store, _ = clip
    before = annotator_of(store, random_weights).fingerprint
    monkeypatch.setattr("annotators.yolo.FRAME_SCORES_VERSION", "another")
    assert annotator_of(store, random_weights).fingerprint != before
