"""Calibration through a real Prefect server: reviews first, then clips with known truth; versions say what is known."""

import json
from pathlib import Path

import pandas as pd
import pytest

from schemas.errors import RecipeError
from storage.datasets import find_version
from storage.store import Store

pytestmark = pytest.mark.slow

RECIPE = """
name: measured
classes: [person, car]
prompts:
  template: "{objects} on a city street, {light}"
  axes:
    objects: [{text: cars, count: {car: 3}}, {text: people, count: {person: 4}}]
    light: [day, dusk]
  strategy: full
  repeats: 3
clip: {frames: 12, fps: 12, width: 320, height: 192}
curation: {accept: 0.4, ignore: 0.1, max_background: 0.5}
publish: {coco: {stride: 1}}
seed: 5
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "measured.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "foundry"


def shown(root):
    return find_version(Store.open(root), "measured")


@pytest.fixture(scope="module")
def unmeasured(prefect_server, recipe, root):
    from flows.build import build_dataset

    build_dataset(str(recipe), str(root))
    return shown(root)


@pytest.fixture(scope="module")
def review_file(unmeasured, tmp_path_factory):
    """Writes the first frames of each clip of the version's own export, as if a person had found nothing to mend."""
    files = sorted((unmeasured.path / "coco" / "annotations").glob("*.json"))
    splits = [json.loads(file.read_text()) for file in files]

    def write(frames):
        images, annotations = [], []
        for split in splits:
            ids = {one["id"]: one["id"] + len(images) for one in split["images"]}
            chosen = [one | {"id": ids[one["id"]]} for one in split["images"]]
            annotations += [one | {"image_id": ids[one["image_id"]]} for one in split["annotations"]]
            images += chosen
        kept = {one["id"] for one in images if one["frame"] < frames}
        path = tmp_path_factory.mktemp("review") / "reviewed.json"
        review = {
            "categories": splits[0]["categories"],
            "images": [one for one in images if one["id"] in kept],
            "annotations": [one for one in annotations if one["image_id"] in kept],
        }
        path.write_text(json.dumps(review))
        return path

    return write


@pytest.fixture(scope="module")
def few_reviews(review_file, recipe, root):
    from flows.build import build_dataset
    from flows.calibrate import calibrate_labels

    report = calibrate_labels(str(recipe), str(root), from_reviews=str(review_file(5)))
    build_dataset(str(recipe), str(root))
    return report, shown(root)


def test_before_any_measurement_the_version_is_unmeasured(unmeasured):
    assert (unmeasured.summary["label_quality"], unmeasured.summary["confidence"]) == ("unmeasured", "score")


def test_too_few_reviews_are_counted_and_state_nothing(few_reviews, unmeasured):
    report, version = few_reviews
    assert 0 < report.boxes < 300 and not report.is_measured and report.calibration == ""
    status = f"unmeasured ({report.boxes} of 300 boxes reviewed)"
    assert version.summary["label_quality"] == status
    assert status in (version.path / "CARD.md").read_text()
    assert version.version == unmeasured.version  # the labels are what they were


def test_enough_reviews_are_the_truth(few_reviews, review_file, recipe, root):
    from flows.build import build_dataset
    from flows.calibrate import calibrate_labels

    report = calibrate_labels(str(recipe), str(root), from_reviews=str(review_file(12)))
    assert report.boxes >= 300 and report.basis == "reviews" and report.expected.precision.value > 0.9
    build_dataset(str(recipe), str(root))
    assert shown(root).summary["expected_quality"]["basis"] == "reviews"


def test_frames_that_the_recipe_has_not_are_no_review(few_reviews, recipe, root, tmp_path):
    from flows.calibrate import calibrate_labels

    foreign = {"categories": [], "annotations": [], "images": [{"id": 1, "file_name": "elsewhere_000001.jpg"}]}
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps(foreign))
    with pytest.raises(RecipeError, match="frame 1 of clip elsewhere is not among"):
        calibrate_labels(str(recipe), str(root), from_reviews=str(path))


@pytest.fixture(scope="module")
def measured(few_reviews, recipe, root):
    from flows.build import build_dataset
    from flows.calibrate import calibrate_labels

    report = calibrate_labels(str(recipe), str(root), clips=16)
    build_dataset(str(recipe), str(root))
    return report, shown(root)


def test_the_version_states_what_was_measured_on_clips_of_known_truth(measured, unmeasured):
    report, version = measured
    assert (report.clips, report.frames, report.basis) == (16, 16 * 12, "truth")
    expected = version.summary["expected_quality"]
    assert expected == report.expected.model_dump(mode="json")
    assert expected["calibration"] == report.calibration and expected["accept"] == 0.4
    assert expected["precision"]["low"] < expected["precision"]["value"] <= expected["precision"]["high"]
    assert [cell["value"] for cell in expected["classes"]] == ["person", "car"]
    assert {cell["axis"] for cell in expected["conditions"]} == {"objects", "light"}
    assert "eight in ten" in (version.path / "CARD.md").read_text()


def test_published_confidence_is_calibrated_and_stored_labels_are_not(measured, unmeasured):
    def confidences(version):
        frames = pd.read_parquet(version.path / "manifest" / "frames.parquet")
        return {
            (row.clip_id, row.frame, round(one["x"], 2), round(one["y"], 2)): one["confidence"]
            for row in frames.itertuples()
            for one in row.objects
        }

    _, version = measured
    before, after = confidences(unmeasured), confidences(version)
    shared = before.keys() & after.keys()
    assert len(shared) > 50
    assert sum(abs(before[key] - after[key]) > 1e-4 for key in shared) > 0.9 * len(shared)
    assert version.version != unmeasured.version


def test_a_second_calibration_renders_nothing_and_says_the_same(measured, recipe, root):
    from flows.calibrate import calibrate_labels

    report, _ = measured
    again = calibrate_labels(str(recipe), str(root), clips=16)
    assert (again.calibration, again.is_new, again.expected) == (report.calibration, False, report.expected)


def test_another_threshold_states_other_figures_of_the_same_calibration(measured, recipe, root):
    from flows.republish import republish

    report, _ = measured
    republish(str(recipe), str(root), accept=0.98)
    expected = shown(root).summary["expected_quality"]
    assert (expected["calibration"], expected["accept"]) == (report.calibration, 0.98)
    assert expected["recall"]["value"] < report.expected.recall.value
    frames = pd.read_parquet(shown(root).path / "manifest" / "frames.parquet").explode("objects").objects.dropna()
    labels = [one["confidence"] for one in frames if one["verdict"] == "accept"]
    assert min(labels) >= 0.98 - 1e-6


@pytest.mark.parametrize(
    "change",
    [
        ("light: [day, dusk]", "light: [day, night]"),  # night was never measured
        ("curation:", "annotator: {kind: yolo, tracker: bytetrack}\ncuration:"),
    ],
)
def test_what_was_not_measured_exactly_so_stays_unmeasured(measured, root, tmp_path, change):
    from flows.build import build_dataset

    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace(*change).replace("name: measured", "name: other").replace("coco: {stride: 1}", ""))
    report = build_dataset(str(other), str(root))
    assert report.label_quality.startswith("unmeasured")
    assert "95 %" not in (Path(report.path) / "CARD.md").read_text()
