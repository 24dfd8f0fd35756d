import json
import types
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.retrain_report import show_retraining
from cli.session import Session
from evaluators.comparison import PairedDifference
from storage.datasets import publish_version
from storage.store import Store
from trainers.retrain import RetrainReport, Score


def report(**changes) -> RetrainReport:
    return RetrainReport(
        **{
            "model": "street@abcd", "dataset": "street@1234", "verdict": "no evidence", "reason": "No clip has truth.",
            "holdout": "", "clips": 0, "frames": 0, "candidate": None, "incumbent": None, "comparison": None,
            "images": 1200, "seconds": 75.0, "weights": Path("/models/street/abcd/weights.pt"), **changes,
        }
    )  # fmt: skip


def test_without_a_holdout_it_says_no_evidence(capsys):
    show_retraining(Session(), report())
    said = capsys.readouterr().out
    assert "no evidence" in said
    assert "No clip has truth." in said
    assert "judged on" not in said


def test_with_a_holdout_both_detectors_are_shown(capsys):
    judged = report(
        verdict="promoted", holdout="truth@77 (truth)", clips=9, frames=90,
        candidate=Score("street@abcd", 0.712, 0.9, 0.8, 0.7), incumbent=Score("starter", 0.654, 0.8, 0.8, 0.6),
    )  # fmt: skip
    show_retraining(Session(), judged)
    said = capsys.readouterr().out
    for part in ("promoted", "0.712", "0.654", "starter", "9 clips, 90 frames"):
        assert part in said


def test_json_is_the_report(capsys):
    show_retraining(Session(json=True), report())
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "no evidence"
    assert told["weights"] == "/models/street/abcd/weights.pt"


def test_json_holds_the_comparison(capsys):
    names = dict.fromkeys(PairedDifference.__dataclass_fields__, 0.5)
    show_retraining(Session(json=True), report(comparison=PairedDifference(**names)))
    assert json.loads(capsys.readouterr().out)["comparison"]["difference"] == 0.5


@pytest.fixture
def retrained(monkeypatch, store_folder):
    """A store with one dataset, and a flow that only notes what it is called with."""
    calls = []
    publish_version(
        Store.open(store_folder),
        "street",
        "aaaa1111",
        lambda f: (f / "dataset.json").write_text('{"schema_version": 1}'),
    )

    @contextmanager
    def surroundings(session):
        yield session.open_store()

    def flow(*words, **options):
        calls.append((words, options))
        return report()

    monkeypatch.setattr("cli.flow_calls.flow_surroundings", surroundings)
    fake = types.ModuleType("flows.retrain")
    fake.retrain_detector = flow
    monkeypatch.setitem(__import__("sys").modules, "flows.retrain", fake)
    return calls


def test_retrain_passes_on_what_was_asked(framefoundry, retrained, store_folder, monkeypatch):
    monkeypatch.setattr(
        "annotators.weights.resolve_weights", lambda name, store: types.SimpleNamespace(path=Path(name))
    )
    answer = framefoundry("retrain", "street", "--epochs", 3)
    assert answer.code == 0, answer.stderr
    words, options = retrained[0]
    assert words == ("street",)
    assert (options["epochs"], options["store"]) == (3, str(store_folder))


@pytest.mark.parametrize("words", [["strete"], ["street", "--holdout", "nowhere"], ["street@zzzz"]])
def test_datasets_that_are_not_there_are_refused_before_any_flow(framefoundry, retrained, words):
    answer = framefoundry("retrain", *words)
    assert answer.code == 2
    assert "street" in answer.stderr
    assert retrained == []


def test_missing_base_weights_are_refused_before_any_flow(framefoundry, retrained):
    assert framefoundry("retrain", "street", "--base", "nowhere.pt").code == 4
    assert retrained == []
