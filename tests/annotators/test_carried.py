"""Carried labels: what the detector confirms stays a label; what moved, vanished or changed does not."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from annotators.build import build_annotator
from annotators.carried import CarriedAnnotator, carry_labels
from schemas.errors import EnvironmentFault, StoreError
from schemas.recipe_text import validate_recipe
from schemas.tables import DETECTIONS, TRACKS, TRUTH, table_from_columns
from storage.clips import RECORD_FORM, SOURCE_TRUTH_STAGE, truth_key
from storage.commits import commit_table

CLASSES = ("car", "truck", "dog")
LABEL = 0.6
FRAMES = 12


def box_at(frame: int, moved: float = 0.0) -> tuple[float, float, float, float]:
    """A box of 40 x 20 pixels on its way to the right, ``moved`` by so many of its widths."""
    return (10.0 + 3 * frame + 40 * moved, 50.0, 40.0, 20.0)


def truth_of(*rows: tuple) -> pa.Table:
    """Rows of (frame, track, class, box[, difficult])."""
    boxes = np.array([row[3] for row in rows], np.float32).reshape(-1, 4)
    sides = {name: boxes[:, place] for place, name in enumerate("xywh")}
    return table_from_columns(
        TRUTH,
        {
            "frame": [row[0] for row in rows],
            "track": [row[1] for row in rows],
            "class_name": pa.array([row[2] for row in rows], pa.string()),
            **sides,
            **{f"full_{name}": side for name, side in sides.items()},
            "visibility": np.ones(len(rows), np.float32),
            "difficult": [len(row) > 4 and row[4] for row in rows],
        },
    )


def seen_as(schema: pa.Schema, rows: list[tuple]) -> pa.Table:
    """Rows of (frame, class, box, score), all of track 1, as ``DETECTIONS`` or ``TRACKS``."""
    boxes = np.array([row[2] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[3] for row in rows], np.float32)
    columns = {
        "frame": [row[0] for row in rows],
        "class_name": pa.array([row[1] for row in rows], pa.string()),
        **{name: boxes[:, place] for place, name in enumerate("xywh")},
        "score": scores,
        "track": [1] * len(rows),
        "confidence": scores,
        "source": pa.array(["detected"] * len(rows), pa.string()),
    }
    return table_from_columns(schema, columns)


def carried(seen: list[tuple], source: pa.Table | None = None) -> list[dict]:
    """What becomes of a car (or of ``source``) where the detector sees ``seen``, and tracks it."""
    if source is None:
        source = truth_of(*((frame, 1, "car", box_at(frame)) for frame in range(FRAMES)))
    tracks = carry_labels(source, seen_as(DETECTIONS, seen), seen_as(TRACKS, seen), CLASSES)
    assert tracks.schema.equals(TRACKS)
    return tracks.to_pylist()


def labels(rows: list[dict]) -> list[int]:
    """Frames in which the carried box would be a label."""
    return [row["frame"] for row in rows if row["source"] == "carried" and row["confidence"] >= LABEL]


def added(rows: list[dict]) -> list[int]:
    return [row["frame"] for row in rows if row["source"] != "carried"]


def car_seen(frames, moved: float = 0.0, score: float = 0.8, name: str = "car") -> list[tuple]:
    return [(frame, name, box_at(frame, moved), score) for frame in frames]


def test_what_the_detector_confirms_stays_a_label_with_its_exact_box():
    rows = carried(car_seen(range(FRAMES), moved=0.03))
    assert labels(rows) == list(range(FRAMES)) and not added(rows)
    assert [(row["x"], row["y"], row["w"], row["h"]) for row in rows] == [box_at(frame) for frame in range(FRAMES)]
    assert [row["score"] for row in rows] == pytest.approx([0.8] * FRAMES)


def test_a_faint_detection_confirms_too():
    assert labels(carried(car_seen(range(FRAMES), score=0.08))) == list(range(FRAMES))


def test_what_the_detector_never_sees_is_no_label_but_stays_as_a_box_without_score():
    rows = carried([])
    assert len(rows) == FRAMES and not labels(rows)
    assert {(row["confidence"], row["score"]) for row in rows} == {(0.0, None)}


def test_a_frame_overlooked_between_others_stays_a_label():
    assert labels(carried(car_seen([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]))) == list(range(FRAMES))


@pytest.mark.parametrize("last", [3, 6, 9])
def test_an_object_that_vanishes_is_no_label_from_its_first_frame_without_it(last):
    assert labels(carried(car_seen(range(last)))) == list(range(last))


def test_an_object_that_appears_late_is_no_label_before():
    assert labels(carried(car_seen(range(5, FRAMES)))) == list(range(5, FRAMES))


@pytest.mark.parametrize("moved", [0.4, -0.5, 0.7, 1.5])
def test_a_moved_object_is_no_label_and_its_new_place_is_marked(moved):
    rows = carried(car_seen(range(FRAMES), moved))
    assert not labels(rows) and added(rows) == list(range(FRAMES))
    assert all(row["track"] > 1 for row in rows if row["source"] != "carried")  # never the id of a carried track


def test_a_drifting_object_is_a_label_until_it_has_left_its_box():
    drifting = [(frame, "car", box_at(frame, 0.08 * frame), 0.8) for frame in range(FRAMES)]
    kept = labels(carried(drifting))
    assert kept == list(range(len(kept))) and 2 <= len(kept) <= 5


def test_an_object_of_another_class_is_no_label_and_is_marked_under_its_own():
    rows = carried(car_seen(range(FRAMES), name="truck"))
    assert not labels(rows) and added(rows) == list(range(FRAMES))


def test_now_and_then_another_name_is_forgiven():
    confused = [(f, "truck" if f % 4 == 1 else "car", box_at(f), 0.7) for f in range(FRAMES)]
    rows = carried(confused)
    assert labels(rows) == list(range(FRAMES)) and not added(rows)


def test_a_neighbours_detection_does_not_stand_in_for_a_thing_that_is_gone():
    """Two cars side by side that overlap by more than a half; one is erased."""
    source = truth_of(
        *(
            (frame, track, "car", box_at(frame, moved))
            for frame in range(FRAMES)
            for track, moved in ((1, 0), (2, 0.25))
        )
    )
    rows = carried(car_seen(range(FRAMES), moved=0.25), source)
    assert {row["track"] for row in rows if row["confidence"] >= LABEL} == {2}


def test_what_no_source_box_explains_is_marked():
    both = [*car_seen(range(FRAMES)), *[(f, "dog", (100.0, 10.0, 20.0, 20.0), 0.9) for f in range(FRAMES)]]
    rows = carried(sorted(both, key=lambda row: row[0]))
    assert labels(rows) == list(range(FRAMES)) == added(rows)


def test_a_difficult_object_of_the_source_is_no_label_and_marked_where_it_is_seen():
    source = truth_of(*((frame, 1, "car", box_at(frame), True) for frame in range(FRAMES)))
    assert not carried([], source)
    rows = carried(car_seen(range(FRAMES)), source)
    assert not labels(rows) and added(rows) == list(range(FRAMES))


def test_an_empty_source_and_nothing_seen_give_no_labels():
    assert carried([], truth_of()) == []


def blind_detector() -> SimpleNamespace:
    """A `yolo` annotator that loads no model and sees nothing."""
    return SimpleNamespace(
        class_names=CLASSES,
        detection_fingerprint="detections",
        fingerprint="tracks",
        track=lambda sequence: [TRACKS.empty_table() for _ in sequence],
    )


def test_a_recipe_names_it_and_no_model_is_loaded_yet(store):
    recipe = validate_recipe(
        {
            "name": "restyled",
            "prompts": {"template": "a street", "axes": {}},
            "generator": {"kind": "diffusers", "preset": "wan2.1-1.3b", "mode": "video", "source": "procedural"},
            "annotator": {"kind": "carried", "weights": "starter", "device": "cpu"},
        }
    )
    annotator = build_annotator(recipe, store)
    assert isinstance(annotator, CarriedAnnotator)
    assert annotator.fingerprint == build_annotator(recipe, store).fingerprint


def test_a_published_class_that_the_detector_does_not_know_is_refused(store):
    with pytest.raises(EnvironmentFault, match="knows no 'bus'"):
        CarriedAnnotator(blind_detector(), store, ["car", "bus"]).track([])


def test_labels_come_from_what_was_committed_beside_the_clip(store, commit_video, moving_blocks):
    source = truth_of(*((frame, 1, "car", box_at(frame)) for frame in range(4)))
    clip = commit_video(store, "clip", moving_blocks(4))
    annotator = CarriedAnnotator(blind_detector(), store, ["car"])
    with pytest.raises(StoreError, match="no labels of a source"):
        annotator.track([(clip, DETECTIONS.empty_table())])
    commit_table(store, SOURCE_TRUTH_STAGE, RECORD_FORM, truth_key(clip), source)
    (tracks,) = annotator.track([(clip, DETECTIONS.empty_table())])
    assert tracks["source"].to_pylist() == ["carried"] * 4


def test_detections_are_shared_with_the_yolo_annotator_and_labels_are_not(store):
    annotator = CarriedAnnotator(blind_detector(), store)
    assert annotator.detection_fingerprint == "detections"
    assert annotator.fingerprint != "tracks"
