import json
import re

import pytest
from PIL import Image
from publishers_inputs import make_images, make_recipe, make_rows

from publishers.card import write_card, write_report
from publishers.image_export import account_of
from publishers.report import describe_version, list_conditions, list_rejected, spread_of_confidence
from publishers.summary import summarise
from publishers.yolo import write_yolo


@pytest.fixture
def summary(rows, tmp_path):
    recipe = make_recipe()
    counts = write_yolo(rows, tmp_path / "yolo", recipe.publish.yolo, make_images(tmp_path / "images", rows))
    accounts = {"yolo": account_of(counts, "yolo/data.yaml", recipe.publish.yolo), "fiftyone": {"dataset": "street"}}
    return summarise(rows, recipe, "abc", "label-print", accounts)


def test_the_card_tells_counts_quality_origin_and_what_was_left_out(summary):
    card = write_card(summary)
    assert "24 labels of 3 classes in 24 frames of 3 clips" in card
    assert "**Label quality: unmeasured.**" in card
    assert "| train | 2 | 10 | 2 | 2 | 4 | 8 | 4 |" in card
    assert "| clips | rejected | frozen | 1 |" in card
    assert "| YOLO | single frame | 20 | 0 | ignore region | 2 | 2 |" in card
    assert "| procedural | 1 | — | — | CC0-1.0 | yes | 4 |" in card
    assert "Without a single label: test." in card
    assert "framefoundry view street" in card


def test_tables_of_the_card_are_whole(summary):
    """A blank line inside a table, or a row of another width, would end it."""
    tables = re.findall(r"(?:^\|.*\n)+", write_card(summary), flags=re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        widths = {row.count("|") for row in table.splitlines()}
        assert len(widths) == 1, table


def test_a_card_of_exact_labels_does_not_speak_of_a_detector():
    recipe = make_recipe(
        generator={"kind": "procedural"},
        prompts={"template": "{o}", "axes": {"o": [{"text": "all", "count": {"person": 1, "car": 1, "dog": 1}}]}},
        annotator={"kind": "truth"},
    )
    card = write_card(summarise(make_rows(), recipe, "abc", "", {}))
    assert "exact by construction" in card
    assert "detector" not in card.split("## What is in it")[0]


def test_the_report_needs_no_other_file(rows, summary):
    report = describe_version(rows, summary, Image.new("RGB", (8, 8)))
    assert "data:image/jpeg;base64," in report
    assert not re.findall(r"(?:src|href)=\"(?!data:)", report)
    assert "{{" not in report
    assert "frozen" in report


def test_text_of_a_recipe_is_escaped_in_the_report(summary):
    rows = make_rows()
    prompts = ["<script>alert(1)</script>"] * 4
    rows = type(rows)(
        **{
            **vars(rows),
            "clips": rows.clips.set_column(rows.clips.schema.get_field_index("prompt"), "prompt", [prompts]),
        }
    )
    report = describe_version(rows, summary, None)
    assert "<script>" not in report
    assert "&lt;script&gt;" in report


def test_the_report_lists_rejected_clips_conditions_and_confidence(rows):
    assert [(row["clip_id"], row["rule"]) for row in list_rejected(rows)] == [("d", "frozen")]
    assert list_conditions(rows) == [
        {"axis": "light", "value": "night", "clips": 4, "accepted": 3, "boxes": 24},
        {"axis": "weather", "value": "fog", "clips": 4, "accepted": 3, "boxes": 24},
    ]
    spread = spread_of_confidence(rows)
    assert (sum(spread), spread[int(0.9 * 40) - 1] + spread[int(0.9 * 40)]) == (24, 24)


def test_the_weights_that_made_the_labels_are_told_by_their_hash():
    summary = summarise(make_rows(), make_recipe(), "abc", "", {}, weights_sha256="d" * 64)
    assert f"weights of SHA-256 `{'d' * 64}`" in write_card(summary)
    assert f"weights of SHA-256 <code>{'d' * 64}</code>" in describe_version(make_rows(), summary, None)
    assert "weights of" not in write_card(summarise(make_rows(), make_recipe(), "abc", "", {}))


def test_names_of_strangers_are_text_and_no_tags_in_card_and_report():
    evil = "<script>alert(1)</script>"
    rows = make_rows()
    summary = json.loads(json.dumps(summarise(rows, make_recipe(), "abc", "", {})).replace("vehicle", evil))
    summary["origins"][0]["licence"] = f"CC0 {evil}"
    rejected = [{"clip_id": evil, "rule": evil, "value": 1.0, "threshold": None, "duplicate_of": evil, "prompt": evil}]
    conditions = [{"axis": evil, "value": evil, "clips": 1, "accepted": 1, "boxes": 1}]
    report = write_report(summary, sheet=None, rejected=rejected, confidence=[1], conditions=conditions)
    for page in (write_card(summary), report):
        assert "&lt;script&gt;alert" in page or "&lt;script>alert" in page
        assert "<script" not in page
