from flows.production import Produced, StageAccount
from schemas.records import ClipRecord, Failure, Origin, Scenario
from schemas.run_report import StageTally


def record(clip_id):
    return ClipRecord(clip_id, Scenario(clip_id, "p"), f"m-{clip_id}", 10, 12.0, 64, 64, 1, Origin("g", "1"))


def account(busy=0.0, failures=()):
    return StageAccount(StageTally(), busy, list(failures))


def test_clips_whose_labelling_failed_are_left_out():
    failed = account(failures=[Failure("y", "detect", "unreadable", "")])
    produced = Produced([record("x"), record("y")], account(), failed, account(), [])
    assert [r.clip_id for r in produced.labelled] == ["x"]


def test_busy_shares_are_of_the_time_of_all_stages_together():
    produced = Produced([], account(3.0), account(10.0), account(0.0), [])
    assert produced.busy_shares(10.0) == {"render": 0.3, "label": 1.0, "images": 0.0}
