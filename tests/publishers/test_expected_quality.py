"""What a version says of the quality of its labels, in dataset.json, the card and the report."""

import json
import re

import pytest
from publishers_inputs import make_recipe, make_rows
from test_publish import commit_clips

from publishers.card import write_card
from publishers.publish import publish
from publishers.report import describe_version
from publishers.summary import summarise
from schemas.calibration import ExpectedQuality, LabelQuality, QualityCell, Share
from storage.store import Store

GOOD = Share(value=0.938, low=0.925, high=0.949, count=48000, clips=200)
FEW = Share(value=None, low=None, high=None, count=12, clips=2)
MEASURED = LabelQuality(
    status="measured",
    confidence="calibrated",
    expected=ExpectedQuality(
        calibration="0123abcd",
        basis="truth",
        accept=0.6,
        clips=200,
        calibration_error=0.017,
        precision=GOOD,
        recall=GOOD.model_copy(update={"value": 0.81}),
        classes=(QualityCell(axis="class", value="person", precision=GOOD, recall=GOOD),),
        conditions=(QualityCell(axis="weather", value="hail", precision=FEW, recall=FEW),),
    ),
)


def summary_of(quality, rows=None):
    return summarise(rows or make_rows(), make_recipe(), "abc", "print", {}, quality)


def test_measured_figures_stand_on_the_card_with_their_intervals():
    card = write_card(summary_of(MEASURED))
    assert "**Label quality: measured.**" in card
    assert "|  | all labels | 0.938 (0.925 to 0.949) | 0.810 (0.925 to 0.949) | 48000 | 48000 | 200 |" in card
    assert "| class | person | 0.938 (0.925 to 0.949) |" in card
    assert "| weather | hail | too few | too few | 12 | 12 | 2 |" in card
    assert "calibration `0123abcd`" in card and "error\n0.017" in card


def test_the_table_of_figures_is_whole():
    (table,) = re.findall(r"^\| \| \| precision.*\n(?:\|.*\n)+", write_card(summary_of(MEASURED)), flags=re.MULTILINE)
    assert len(table.splitlines()) == 5
    assert len({row.count("|") for row in table.splitlines()}) == 1


@pytest.mark.parametrize("status", ["unmeasured", "unmeasured (120 of 300 boxes reviewed)"])
def test_without_a_measurement_the_card_says_so_and_what_confidence_is(status):
    summary = summary_of(LabelQuality(status=status))
    card = write_card(summary)
    assert f"**Label quality: {status}.**" in card
    assert "not a probability" in card and "eight in ten" not in card and "95 %" not in card
    assert summary["expected_quality"] is None and summary["confidence"] == "score"


def test_dataset_json_names_the_calibration_and_holds_every_cell():
    summary = json.loads(json.dumps(summary_of(MEASURED)))
    assert (summary["label_quality"], summary["confidence"]) == ("measured", "calibrated")
    expected = summary["expected_quality"]
    assert ExpectedQuality.model_validate(expected) == MEASURED.expected
    assert expected["precision"] == {"value": 0.938, "low": 0.925, "high": 0.949, "count": 48000, "clips": 200}


def test_the_report_shows_the_figures():
    rows = make_rows()
    report = describe_version(rows, summary_of(MEASURED, rows), None)
    assert "Expected label quality" in report and "0.925 to 0.949" in report and "too few" in report
    assert "Expected label quality" not in describe_version(rows, summary_of(None, rows), None)


def test_a_version_that_exists_learns_what_was_measured_since(tmp_path):
    rows, recipe = make_rows(), make_recipe(publish={"yolo": {"stride": 1}})
    store = Store.open(tmp_path / "store")
    commit_clips(store, rows)
    first = publish(store, recipe, rows, annotator_fingerprint="f")
    images = sorted((first.path / "yolo").rglob("*.jpg"))
    assert first.summary["label_quality"] == "unmeasured"
    second = publish(store, recipe, rows, annotator_fingerprint="f", label_quality=MEASURED)
    assert (second.version, second.is_new, second.rebuilt) == (first.version, False, ("documents",))
    assert second.summary["expected_quality"]["calibration"] == "0123abcd"
    assert "Label quality: measured" in (second.path / "CARD.md").read_text()
    assert second.summary["projections"] == first.summary["projections"]
    assert sorted((first.path / "yolo").rglob("*.jpg")) == images
    assert publish(store, recipe, rows, annotator_fingerprint="f", label_quality=MEASURED).rebuilt == ()
