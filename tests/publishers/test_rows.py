from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from publishers_inputs import (
    keep_even_frames,
    keep_every_frame,
    make_boxes,
    make_clip_decisions,
    make_clip_scores,
    make_clips,
    make_recipe,
    make_rows,
)

from publishers.rows import build_rows
from schemas.errors import StoreError


def uses_of(rows, clip):
    frames = rows.frames.filter(pc.equal(rows.frames["clip_id"], clip))
    return frames["use"].to_pylist()


def objects_of(rows, clip, frame):
    chosen = pc.and_(pc.equal(rows.frames["clip_id"], clip), pc.equal(rows.frames["frame"], frame))
    return rows.frames.filter(chosen)["objects"][0].as_py()


def build(boxes, **changes):
    ids = ["a"]
    tracks, decisions = make_boxes(boxes)
    curated = SimpleNamespace(clips=make_clip_decisions(ids, ["train"]), boxes=decisions)
    return build_rows(make_clips(ids), tracks, curated, make_recipe(), keep_background=keep_every_frame, **changes)


def test_every_frame_of_an_accepted_clip_has_a_row_and_none_of_a_rejected_one(rows):
    counts = rows.frames.group_by("clip_id").aggregate([("frame", "count")]).to_pylist()
    assert {row["clip_id"]: row["frame_count"] for row in counts} == {"a": 8, "b": 8, "c": 8}
    assert set(rows.rejected_frames["clip_id"].to_pylist()) == {"d"}
    assert rows.clips["clip_id"].to_pylist() == ["a", "b", "c", "d"]


def test_use_tells_labels_ignore_regions_and_background_apart(rows):
    assert uses_of(rows, "a") == ["labelled"] * 4 + ["ignore"] * 2 + ["labelled"] * 2
    assert uses_of(rows, "b") == ["labelled"] * 4 + ["background", "surplus_background"] * 2


def test_thinned_frames_are_told_apart_and_count_neither_as_labelled_nor_as_background():
    seen = []

    def keep(clip_ids, frames, labelled):
        seen.append((clip_ids.to_pylist(), labelled))
        return np.ones(len(frames), dtype=bool)

    def thin(frames, usable):
        assert frames.filter(pa.array(~usable))["frame"].to_pylist() == [4, 5]  # of a, with its ignore region
        return (frames["frame"].to_numpy() % 2 == 1) & usable

    rows = make_rows(keep=keep, thin_frames=thin)
    assert uses_of(rows, "a") == ["labelled", "near_duplicate"] * 2 + ["ignore"] * 2 + ["labelled", "near_duplicate"]
    assert uses_of(rows, "b") == ["labelled", "near_duplicate"] * 2 + ["background", "near_duplicate"] * 2
    assert seen == [(["b"] * 2, 9)]


def test_keep_background_sees_the_empty_frames_and_the_number_of_labelled_ones():
    seen = []

    def keep(clip_ids, frames, labelled):
        seen.append((clip_ids.to_pylist(), frames.to_pylist(), labelled))
        return np.zeros(len(frames), dtype=bool)

    rows = make_rows(keep=keep)
    assert seen == [(["b"] * 4, [4, 5, 6, 7], 18)]
    assert "background" not in rows.frames["use"].to_pylist()


def test_classes_are_gathered_and_unwanted_ones_are_not_published():
    rows = build([("a", 0, 1, "bus", (0, 0, 9, 9), "accept"), ("a", 0, 2, "cat", (9, 9, 9, 9), "accept")])
    assert [one["class_name"] for one in objects_of(rows, "a", 0)] == ["vehicle"]
    assert rows.class_names == ("person", "vehicle", "dog")


def test_a_recipe_without_classes_takes_the_detectors():
    tracks, decisions = make_boxes([("a", 0, 1, "cat", (0, 0, 9, 9), "accept")])
    curated = SimpleNamespace(clips=make_clip_decisions(["a"], ["train"]), boxes=decisions)
    rows = build_rows(
        make_clips(["a"]),
        tracks,
        curated,
        make_recipe(classes={}),
        keep_background=keep_every_frame,
        detector_classes=("dog", "cat"),
    )
    assert rows.class_names == ("dog", "cat")
    assert rows.tracks["class_name"].to_pylist() == ["cat"]


def test_tracks_are_numbered_from_one_in_order_of_appearance(rows):
    assert [one["track"] for one in objects_of(rows, "a", 2)] == [1, 2]
    assert [one["class_name"] for one in objects_of(rows, "a", 2)] == ["vehicle", "person"]


def test_tracks_that_show_nothing_do_not_use_up_numbers():
    boxes = [("a", 0, 1, "car", (0, 0, 9, 9), "nothing"), ("a", 3, 2, "car", (0, 0, 9, 9), "accept")]
    rows = build(boxes)
    assert rows.tracks["track"].to_pylist() == [1]
    assert rows.box_decisions.select(["frame", "track"]).to_pylist() == [
        {"frame": 0, "track": 2},
        {"frame": 3, "track": 1},
    ]


def test_segments_of_a_sequence_share_track_numbers():
    ids = ["z", "y"]  # z is the first segment, whatever the order of names
    clips = make_clips(ids, sequence=["film", "film"], segment=[0, 1])
    tracks, decisions = make_boxes(
        [
            ("z", 7, 40, "car", (0, 0, 9, 9), "accept"),
            ("y", 0, 9, "dog", (0, 0, 9, 9), "accept"),
            ("y", 1, 40, "car", (0, 0, 9, 9), "accept"),
        ]
    )
    curated = SimpleNamespace(clips=make_clip_decisions(ids, ["train"] * 2), boxes=decisions)
    rows = build_rows(clips, tracks, curated, make_recipe(), keep_background=keep_even_frames)
    assert rows.tracks.select(["clip_id", "track", "class_name"]).to_pylist() == [
        {"clip_id": "y", "track": 1, "class_name": "vehicle"},
        {"clip_id": "y", "track": 2, "class_name": "dog"},
        {"clip_id": "z", "track": 1, "class_name": "vehicle"},
    ]


def test_track_rows_summarise_labels_alone(rows):
    person = rows.tracks.filter(pc.equal(rows.tracks["track"], 2)).to_pylist()[0]
    assert (person["first_frame"], person["last_frame"], person["boxes"], person["interpolated"]) == (2, 7, 4, 2)
    assert person["confidence"] == pytest.approx(0.9)


def test_clips_carry_decision_and_scores(rows):
    last = rows.clips.slice(3).to_pylist()[0]
    assert (last["verdict"], last["rule"], last["split"], last["brightness"]) == ("rejected", "frozen", "train", 0.5)
    assert rows.clip_decisions["rule"].to_pylist() == ["", "", "", "frozen"]


def test_clips_without_scores_have_nulls():
    assert build([]).clips["brightness"].to_pylist() == [None]


def test_a_dataset_without_a_single_box_is_all_background():
    rows = build([])
    assert rows.frames["use"].to_pylist() == ["background"] * 8
    assert len(rows.tracks) == 0


def test_boxes_in_any_order_give_the_same_rows():
    boxes = [("a", frame, track, "car", (track, 0, 9, 9), "accept") for frame in range(4) for track in (1, 2)]
    assert build(boxes).frames.equals(build(boxes[::-1]).frames)


def test_a_box_behind_the_last_frame_is_refused():
    with pytest.raises(StoreError, match="a box in frame 8; the clip has frames 0 to 7"):
        build([("a", 8, 1, "car", (0, 0, 9, 9), "accept")])


def test_a_box_of_an_unknown_clip_is_refused():
    with pytest.raises(StoreError, match="clip q has boxes"):
        build([("q", 0, 1, "car", (0, 0, 9, 9), "accept")])


def test_a_track_that_is_twice_in_a_frame_is_refused():
    with pytest.raises(StoreError, match="track 1 occurs twice in frame 0"):
        build([("a", 0, 1, "car", (0, 0, 9, 9), "accept"), ("a", 0, 1, "dog", (5, 0, 9, 9), "accept")])


def test_decisions_on_other_boxes_are_refused():
    tracks, _ = make_boxes([("a", 0, 1, "car", (0, 0, 9, 9), "accept")])
    _, decisions = make_boxes([("a", 0, 2, "car", (0, 0, 9, 9), "accept")])
    curated = SimpleNamespace(clips=make_clip_decisions(["a"], ["train"]), boxes=decisions)
    with pytest.raises(ValueError, match="column 'track' differs"):
        build_rows(make_clips(["a"]), tracks, curated, make_recipe(), keep_background=keep_every_frame)


def test_a_clip_without_decision_is_refused():
    tracks, decisions = make_boxes([])
    curated = SimpleNamespace(clips=make_clip_decisions(["q"], ["train"]), boxes=decisions)
    with pytest.raises(ValueError, match="clip a has no decision"):
        build_rows(make_clips(["a"]), tracks, curated, make_recipe(), keep_background=keep_every_frame)


def test_scores_are_joined_by_clip_not_by_place():
    scores = make_clip_scores(["b", "a"])
    scores = scores.set_column(1, "brightness", pa.array([0.25, 0.75], pa.float32()))
    assert build([], clip_scores=scores).clips["brightness"].to_pylist() == [0.75]


@pytest.mark.parametrize(
    ("clips", "decided", "said"),
    [
        (["a", "a"], ["a", "a"], "occurs twice"),
        (["a"], ["a", "b"], "2 clip decisions for 1 clips"),
        (["a", "b"], ["a"], "1 clip decisions for 2 clips"),
    ],
)
def test_clips_and_decisions_that_do_not_answer_to_each_other_are_refused(clips, decided, said):
    tracks, decisions = make_boxes([])
    curated = SimpleNamespace(clips=make_clip_decisions(decided, ["train"] * len(decided)), boxes=decisions)
    with pytest.raises(ValueError, match=said):
        build_rows(make_clips(clips), tracks, curated, make_recipe(), keep_background=keep_every_frame)


def test_more_boxes_than_decisions_are_refused():
    tracks, decisions = make_boxes([("a", frame, 1, "car", (0, 0, 9, 9), "accept") for frame in (0, 1)])
    curated = SimpleNamespace(clips=make_clip_decisions(["a"], ["train"]), boxes=decisions.slice(0, 1))
    with pytest.raises(ValueError, match="1 box decisions for 2 boxes"):
        build_rows(make_clips(["a"]), tracks, curated, make_recipe(), keep_background=keep_every_frame)
