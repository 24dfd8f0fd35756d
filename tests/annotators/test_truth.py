import numpy as np
import pyarrow as pa
import pytest

from annotators.truth import TruthAnnotator, tracks_from_truth
from schemas import tables
from schemas.errors import StoreError
from schemas.records import ClipRecord, Origin, Scenario
from storage.store import Store


def truth(difficult: list[bool]) -> pa.Table:
    rows = len(difficult)
    zeros = np.zeros(rows)
    return tables.table_from_columns(
        tables.TRUTH,
        {
            "frame": np.arange(rows)[::-1], "track": np.ones(rows), "class_name": pa.array(["car"] * rows),
            "x": zeros + 5, "y": zeros, "w": zeros + 10, "h": zeros + 8, "full_x": zeros, "full_y": zeros,
            "full_w": zeros, "full_h": zeros, "visibility": zeros + 0.5, "difficult": pa.array(difficult),
        },
    )  # fmt: skip


def test_truth_becomes_tracks_that_are_certain():
    tracks = tracks_from_truth(truth([False, False]))
    assert tracks.schema.equals(tables.TRACKS)
    assert tracks["frame"].to_pylist() == [0, 1]
    assert tracks["confidence"].to_pylist() == [1.0, 1.0]
    assert tracks["score"].to_pylist() == [None, None]
    assert tracks["source"].to_pylist() == ["truth", "truth"]
    assert tracks["x"].to_pylist() == [5.0, 5.0]


def test_difficult_objects_are_left_out():
    assert tracks_from_truth(truth([True, False, True]))["frame"].to_pylist() == [1]
    assert tracks_from_truth(truth([True])).num_rows == 0


def test_the_annotator_needs_no_detections_and_refuses_clips_without_truth(store: Store):
    clip = ClipRecord("absent", Scenario("s", ""), "media", 8, 12.0, 64, 64, 1, Origin("footage", "1"))
    annotator = TruthAnnotator(store, ["car"])
    assert annotator.detection_fingerprint == ""
    [(_, detections)] = annotator.detect([clip])
    with pytest.raises(StoreError, match="absent"):
        annotator.track([(clip, detections)])
