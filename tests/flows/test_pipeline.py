from flows.labelling import Labelled
from flows.pipeline import without_failures
from schemas.records import ClipRecord, Failure, Origin, Scenario


def record(clip_id):
    return ClipRecord(clip_id, Scenario(clip_id, "p"), f"m-{clip_id}", 10, 12.0, 64, 64, 1, Origin("g", "1"))


def test_clips_whose_labelling_failed_are_left_out():
    labelled = Labelled(1, 0, [Failure("y", "detect", "unreadable", "")])
    assert [r.clip_id for r in without_failures([record("x"), record("y")], labelled)] == ["x"]
