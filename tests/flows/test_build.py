"""The main job through a real Prefect server, read back with the tools that its users have."""

import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from schemas.errors import BusyError, EmptyResultError, EnvironmentFault
from storage.datasets import find_version
from storage.locks import hold
from storage.store import Store

RECIPE = """
name: tiny
classes: [person, car]
prompts:
  template: "{objects} on a {place}, {light}"
  axes:
    objects: [{text: a car, count: {car: 1}}, {text: two people, count: {person: 2}}]
    place: [city street, country road]
    light: [day, night]
  strategy: pairwise
clip: {frames: 12, fps: 12, width: 320, height: 192}
annotator: {kind: yolo, weights: starter}
curation: {accept: 0.3, ignore: 0.1, max_background: 0.5}
split: {train: 0.5, val: 0.5, test: 0.0}
publish: {fiftyone: {}, yolo: {stride: 3}, coco: {stride: 3}}
seed: 11
"""


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "tiny.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def store_root(tmp_path_factory):
    return tmp_path_factory.mktemp("store") / "foundry"


@pytest.fixture(scope="module")
def first_run(prefect_server, recipe_file, store_root):
    from flows.build import build_dataset

    return build_dataset(str(recipe_file), str(store_root))


def test_every_clip_has_an_outcome(first_run):
    assert first_run.scenarios == first_run.clips == first_run.render.done == first_run.label.done
    assert first_run.frames == 12 * first_run.clips
    assert sum(first_run.clip_verdicts.values()) == first_run.clips
    assert set(first_run.boxes) == {"person", "car"} and min(first_run.boxes.values()) > 0


def test_the_manifest_counts_what_the_report_counts(first_run):
    manifest = Path(first_run.path) / "manifest"
    frames = pq.read_table(manifest / "frames.parquet")
    objects = frames["objects"].combine_chunks().flatten()
    accepted = pc.equal(pc.struct_field(objects, "verdict"), "accept")
    assert pc.sum(accepted).as_py() == sum(first_run.boxes.values())
    assert pq.read_metadata(manifest / "clips.parquet").num_rows == first_run.clips


def test_pandas_reads_one_row_a_frame(first_run):
    import pandas as pd

    frames = pd.read_parquet(Path(first_run.path) / "manifest" / "frames.parquet")
    assert len(frames) == first_run.frames
    assert not frames.duplicated(["clip_id", "frame"]).any()
    labels = frames.explode("objects").objects.dropna()
    assert set(pd.DataFrame(list(labels)).columns) >= {"track", "class_name", "x", "y", "w", "h", "confidence"}


def test_ultralytics_accepts_the_yolo_export(first_run):
    from annotators.offline import prepare_ultralytics

    prepare_ultralytics()
    from ultralytics.data.utils import check_det_dataset

    data = check_det_dataset(str(Path(first_run.path) / "yolo" / "data.yaml"), autodownload=False)
    assert list(data["names"].values()) == ["person", "car"]


def test_fiftyone_shows_every_clip_with_its_tracked_boxes(first_run, store_root):
    from publishers.fiftyone_session import fiftyone_session

    with fiftyone_session(store_root / "fiftyone") as fiftyone:
        dataset = fiftyone.load_dataset("tiny")
        assert len(dataset) == first_run.clips
        assert {"accepted", "ignored", "rejected"} <= set(dataset.list_saved_views())
        accepted = dataset.load_saved_view("accepted")
        labels = accepted.count_values("frames.detections.detections.verdict")
        assert labels["accept"] == sum(first_run.boxes.values())


def test_a_second_run_renders_and_labels_nothing_and_ends_in_the_same_version(first_run, recipe_file, store_root):
    from flows.build import build_dataset

    second = build_dataset(str(recipe_file), str(store_root))
    assert (second.render.done, second.render.reused) == (0, first_run.clips)
    assert (second.label.done, second.label.reused) == (0, first_run.clips)
    assert second.dataset == first_run.dataset and not second.new_version


def test_the_same_labels_are_the_same_version_whatever_the_threshold_that_kept_them(first_run, recipe_file, store_root):
    from flows.republish import republish

    assert republish(str(recipe_file), str(store_root), accept=0.3).dataset == first_run.dataset


def test_the_same_recipe_on_another_store_ends_in_the_same_version(first_run, recipe_file, tmp_path):
    from flows.build import build_dataset

    assert build_dataset(str(recipe_file), str(tmp_path / "other")).dataset == first_run.dataset


def test_republishing_with_another_threshold_needs_no_inference(first_run, recipe_file, store_root):
    from flows.republish import republish

    threshold = median_confidence(first_run)
    again = republish(str(recipe_file), str(store_root), accept=threshold)
    assert again.render.done == again.label.done == 0
    assert again.dataset != first_run.dataset
    assert 0 < sum(again.boxes.values()) < sum(first_run.boxes.values())
    stated = json.loads((Path(again.path) / "dataset.json").read_text())["recipe"]["curation"]["accept"]
    assert stated == threshold


def median_confidence(report):
    objects = pq.read_table(Path(report.path) / "manifest" / "frames.parquet")["objects"].combine_chunks().flatten()
    return round(float(np.median(pc.struct_field(objects, "confidence"))), 3)


def test_a_run_in_which_nothing_is_accepted_fails_and_moves_nothing(first_run, recipe_file, store_root, tmp_path):
    from flows.build import build_dataset

    strict = tmp_path / "strict.yaml"
    strict.write_text(RECIPE.replace("max_background: 0.5", "min_box_side: 5000"))
    before = find_version(Store.open(store_root), "tiny").version
    with pytest.raises(EmptyResultError, match="no box was accepted"):
        build_dataset(str(strict), str(store_root))
    assert find_version(Store.open(store_root), "tiny").version == before


def test_two_runs_of_one_recipe_at_once_are_refused(first_run, recipe_file, store_root):
    from flows.build import build_dataset

    with hold(Store.open(store_root), "recipe-tiny"), pytest.raises(BusyError):
        build_dataset(str(recipe_file), str(store_root))


def test_missing_weights_are_refused_before_anything_is_rendered(prefect_server, tmp_path):
    from flows.build import build_dataset

    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.replace("weights: starter", "weights: nowhere.pt"))
    with pytest.raises(EnvironmentFault, match=r"nowhere\.pt"):
        build_dataset(str(recipe), str(tmp_path / "store"))
    assert not list(Store.open(tmp_path / "store").keys("media"))
