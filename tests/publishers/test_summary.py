import json

import pytest
from publishers_inputs import make_images, make_recipe

from publishers.image_export import account_of
from publishers.summary import summarise
from publishers.yolo import write_yolo


@pytest.fixture
def summary(rows, tmp_path):
    recipe = make_recipe()
    counts = write_yolo(rows, tmp_path / "yolo", recipe.publish.yolo, make_images(tmp_path / "images", rows))
    accounts = {"yolo": account_of(counts, "yolo/data.yaml", recipe.publish.yolo)}
    return summarise(rows, recipe, "abc", "label-print", accounts)


def test_counts_are_of_accepted_clips(summary):
    assert (summary["clips"], summary["frames"], summary["boxes"], summary["tracks"]) == (3, 24, 24, 4)
    assert summary["boxes_by_split"] == {"train": {"dog": 4, "person": 4, "vehicle": 8}, "val": {"vehicle": 8}}
    assert summary["ignore_regions_by_split"] == {"train": {"person": 2}}
    assert summary["frames_by_split"]["train"] == {
        "background": 2,
        "ignore": 2,
        "labelled": 10,
        "surplus_background": 2,
    }
    assert summary["missing"] == ["test"]


def test_every_rejection_is_counted_with_its_rule(summary):
    assert summary["decisions"]["clips"] == [
        {"verdict": "accepted", "rule": "", "count": 3},
        {"verdict": "rejected", "rule": "frozen", "count": 1},
    ]
    assert summary["decisions"]["boxes"] == [
        {"verdict": "accept", "rule": "", "count": 24},
        {"verdict": "ignore", "rule": "confidence", "count": 2},
        {"verdict": "nothing", "rule": "confidence", "count": 8},
    ]
    assert summary["decisions"]["boxes_in_rejected_clips"] == 8


def test_frames_that_yolo_drops_are_accounted_for(summary):
    yolo = summary["projections"]["yolo"]
    assert yolo["images"] + sum(one["frames"] for one in yolo["left_out"]) == summary["frames"]
    assert (
        sum(one["labels"] for one in yolo["splits"]) + sum(one["labels"] for one in yolo["left_out"])
        == summary["boxes"]
    )
    assert yolo["options"]["stride"] == 1


def test_quality_is_not_claimed_and_origin_is_told(summary):
    assert summary["label_quality"] == "unmeasured"
    assert summary["origins"] == [
        {
            "generator": "procedural",
            "generator_version": "1",
            "model": "",
            "revision": "",
            "licence": "CC0-1.0",
            "synthetic": True,
            "clips": 4,
        }
    ]
    assert summary["annotator"] == {"fingerprint": "label-print", "weights_sha256": ""}
    assert summary["recipe"]["name"] == "street"


def test_it_is_json(summary):
    assert json.loads(json.dumps(summary)) == summary
