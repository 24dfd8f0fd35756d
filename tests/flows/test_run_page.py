import base64
import io

from PIL import Image

from flows.run_page import contact_sheet, outcome_rows, run_markdown
from schemas.run_report import RunReport, StageTally

REPORT = RunReport(
    recipe="street",
    clips=3,
    frames=30,
    render=StageTally(done=2, reused=1, failed={"timeout": 1}),
    label=StageTally(done=3),
    boxes={"car": 5, "dog": 0},
    boxes_by_split={"train": {"car": 4}, "val": {"car": 1}},
    box_verdicts={"accept": 5, "ignore: confidence": 2},
    clip_verdicts={"accepted": 2, "rejected: black": 1},
    seconds={"plan": 1.5, "produce": 10.0},
    busy={"render": 0.4},
    dataset="street@abc",
    path="/data/street/abc",
    warnings=["split val lacks dog"],
)


def test_every_outcome_that_occurred_has_a_row():
    rows = {(row["stage"], row["outcome"]): row["count"] for row in outcome_rows(REPORT)}
    assert rows["render", "failed: timeout"] == 1
    assert rows["boxes", "ignore: confidence"] == 2
    assert rows["clips", "rejected: black"] == 1
    assert ("label", "reused") not in rows


def test_the_summary_counts_labels_by_split_and_warns():
    text = run_markdown(REPORT)
    assert "| car | 5 | 4 | 1 | 0 |" in text
    assert "split val lacks dog" in text
    assert "framefoundry view street" in text


def test_names_of_strangers_begin_no_tag():
    evil = "<img src=x onerror=alert(1)>"
    text = run_markdown(REPORT.model_copy(update={"boxes": {evil: 1}, "warnings": [f"split val lacks {evil}"]}))
    assert "<img" not in text
    assert text.count("&lt;img") == 2


def test_stages_that_worked_side_by_side_say_how_busy_they_were():
    text = run_markdown(REPORT)
    assert "| plan | 1.5 | |" in text
    assert "| render | 4.0 | 40% |" in text


def test_the_contact_sheet_lies_in_the_summary_small(tmp_path):
    assert contact_sheet(tmp_path) == ""
    Image.new("RGB", (2400, 1200), "white").save(tmp_path / "contact_sheet.jpg")
    text = run_markdown(REPORT.model_copy(update={"path": str(tmp_path)}))
    data = text.partition("data:image/jpeg;base64,")[2].partition(")")[0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (900, 450)
