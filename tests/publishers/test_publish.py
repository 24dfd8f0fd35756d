import dataclasses
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from publishers_inputs import STREET_BOXES, commit_clips, make_recipe, make_rows

from publishers import publish as publishing
from publishers.parquet import read_manifest
from publishers.publish import publish
from publishers.version import version_of
from publishers.yolo_labels import restore_boxes
from schemas.errors import EnvironmentFault, MediaError, StoreError
from storage.datasets import current_version, find_version, list_datasets
from storage.store import Store

ALL_FORMS = {"yolo": {"stride": 1}, "coco": {"stride": 1}, "fiftyone": {}}


@pytest.fixture
def store(tmp_path, rows):
    store = Store.open(tmp_path / "store")
    commit_clips(store, rows)
    return store


@pytest.fixture(scope="module")
def everything(database):
    """One version in every form, in the store whose database runs."""
    store, rows = Store.open(database.parent), make_rows()
    commit_clips(store, rows)
    return store, rows, publish(store, make_recipe(publish=ALL_FORMS), rows, annotator_fingerprint="f")


def boxes_of_rows(rows):
    return sorted(
        (f"{frame['clip_id']}_{frame['frame']:06d}", one["class_name"], one["verdict"], *(one[side] for side in "xywh"))
        for frame in rows.frames.to_pylist()
        for one in frame["objects"]
    )


def boxes_of_parquet(folder):
    frames = pd.read_parquet(folder / "manifest" / "frames.parquet")
    return sorted(
        (f"{row.clip_id}_{row.frame:06d}", one["class_name"], one["verdict"], *(one[side] for side in "xywh"))
        for row in frames.itertuples()
        for one in row.objects
    )


def boxes_of_yolo(folder, names):
    found = []
    for file in (folder / "yolo" / "labels").rglob("*.txt"):
        for line in file.read_text().splitlines():
            kind, *numbers = line.split()
            box = restore_boxes(np.array([numbers], dtype=float), np.array([64]), np.array([48]))[0]
            found.append((file.stem, names[int(kind)], "accept", *box))
    return sorted(found)


def boxes_of_coco(folder):
    found = []
    for file in (folder / "coco" / "annotations").glob("*.json"):
        data = json.loads(file.read_text())
        images = {image["id"]: image["file_name"].removesuffix(".jpg") for image in data["images"]}
        names = {one["id"]: one["name"] for one in data["categories"]}
        for one in data["annotations"]:
            verdict = "ignore" if one["iscrowd"] else "accept"
            found.append((images[one["image_id"]], names[one["category_id"]], verdict, *one["bbox"]))
    return sorted(found)


def boxes_of_fiftyone(database):
    from publishers.fiftyone_session import fiftyone_session

    with fiftyone_session(database) as fiftyone:
        return sorted(
            (
                f"{sample['clip_id']}_{number - 1:06d}",
                one.label,
                one["verdict"],
                *np.multiply(one.bounding_box, (64, 48) * 2),
            )
            for sample in fiftyone.load_dataset("street").load_saved_view("accepted")
            for number, frame in sample.frames.items()
            for one in frame.detections.detections
        )


def assert_same_boxes(found, expected):
    assert [box[:3] for box in found] == [box[:3] for box in expected]
    np.testing.assert_allclose([box[3:] for box in found], [box[3:] for box in expected], atol=2e-3)


def test_every_form_holds_the_same_boxes(everything, database):
    _, rows, version = everything
    expected = boxes_of_rows(rows)
    assert len(expected) == 26
    assert_same_boxes(boxes_of_parquet(version.path), expected)
    assert_same_boxes(boxes_of_fiftyone(database), expected)

    uses = {f"{one['clip_id']}_{one['frame']:06d}": one["use"] for one in rows.frames.to_pylist()}
    assert_same_boxes(boxes_of_coco(version.path), expected)
    exported = [box for box in expected if uses[box[0]] == "labelled"]
    assert_same_boxes(boxes_of_yolo(version.path, rows.class_names), exported)

    yolo = version.summary["projections"]["yolo"]
    labels_in_all = [box for box in expected if box[2] == "accept"]
    assert len(exported) + sum(one["labels"] for one in yolo["left_out"]) == len(labels_in_all)
    assert yolo["images"] + sum(one["frames"] for one in yolo["left_out"]) == len(rows.frames)


def test_the_version_is_that_of_the_rows_and_of_the_manifest(everything):
    _, rows, version = everything
    assert version.version == version_of(rows) == version_of(read_manifest(version.path / "manifest"))
    assert version.is_new
    for file in ("CARD.md", "report.html", "contact_sheet.jpg", "dataset.json", "yolo/data.yaml"):
        assert (version.path / file).is_file(), file


def test_publishing_again_does_nothing_and_says_so(everything):
    store, rows, version = everything
    before = {path: path.stat().st_mtime_ns for path in version.path.rglob("*")}
    again = publish(store, make_recipe(publish=ALL_FORMS), rows, annotator_fingerprint="f")
    assert (again.version, again.is_new, again.rebuilt) == (version.version, False, ())
    assert before == {path: path.stat().st_mtime_ns for path in version.path.rglob("*")}


def test_a_fiftyone_dataset_that_is_gone_is_made_again(everything, database):
    from publishers.fiftyone_session import fiftyone_session

    store, rows, _ = everything
    with fiftyone_session(database) as fiftyone:
        fiftyone.delete_dataset("street")
    again = publish(store, make_recipe(publish=ALL_FORMS), rows, annotator_fingerprint="f")
    assert again.rebuilt == ("fiftyone",)
    assert len(boxes_of_fiftyone(database)) == 26


def test_fiftyone_asked_for_later_is_told_of_in_the_version(store, rows, monkeypatch):
    monkeypatch.setattr(publishing._Publication, "_push_fiftyone", lambda _: None)
    monkeypatch.setattr(publishing._Publication, "_is_shown", lambda _: False)
    publish(store, make_recipe(publish={}), rows, annotator_fingerprint="f")
    more = publish(store, make_recipe(publish={"fiftyone": {}}), rows, annotator_fingerprint="f")
    assert more.rebuilt == ("documents", "fiftyone")
    assert more.summary["projections"]["fiftyone"] == {"dataset": "street"}
    monkeypatch.setattr(publishing._Publication, "_is_shown", lambda _: True)
    assert publish(store, make_recipe(publish={"fiftyone": {}}), rows, annotator_fingerprint="f").rebuilt == ()


def test_a_form_asked_for_later_joins_the_version(store, rows):
    first = publish(store, make_recipe(publish={}), rows, annotator_fingerprint="f")
    assert not (first.path / "yolo").exists()
    more = publish(store, make_recipe(publish={"yolo": {"stride": 2}, "coco": {}}), rows, annotator_fingerprint="f")
    assert (more.version, more.is_new, more.rebuilt) == (first.version, False, ("yolo", "coco"))
    assert more.summary["projections"]["yolo"]["stride"] == 2
    denser = publish(store, make_recipe(publish={"yolo": {"stride": 1}}), rows, annotator_fingerprint="f")
    assert denser.rebuilt == ("yolo",)
    assert len(list((denser.path / "yolo" / "images").rglob("*.jpg"))) == 20
    assert set(denser.summary["projections"]) == {"parquet", "yolo", "coco"}
    assert version_of(read_manifest(denser.path / "manifest")) == first.version


def test_other_decisions_are_another_version_and_the_current_one(store, rows):
    recipe = make_recipe(publish={})
    first = publish(store, recipe, rows, annotator_fingerprint="f")
    fewer = publish(store, recipe, make_rows(STREET_BOXES[1:]), annotator_fingerprint="f")
    assert fewer.version != first.version
    assert current_version(store, "street") == fewer.version
    back = publish(store, recipe, rows, annotator_fingerprint="f")
    assert (back.is_new, current_version(store, "street")) == (False, first.version)


@pytest.mark.parametrize("broken", ["write_manifest", "write_yolo", "write_coco", "describe_version", "_push"])
def test_a_failure_anywhere_publishes_nothing(store, rows, monkeypatch, broken):
    def fail(*_args, **_options):
        raise EnvironmentFault(f"{broken} broke")

    recipe = make_recipe(publish={"yolo": {}, "coco": {}, "fiftyone": {}})
    monkeypatch.setattr(publishing._Publication, "_push_fiftyone", lambda _: None)
    target = publishing._Publication if broken == "_push" else publishing
    with monkeypatch.context() as patch:
        patch.setattr(target, "_push_fiftyone" if broken == "_push" else broken, fail)
        with pytest.raises(EnvironmentFault, match="broke"):
            publish(store, recipe, rows, annotator_fingerprint="f")
    assert list_datasets(store) == []
    assert current_version(store, "street") is None
    publish(store, recipe, rows, annotator_fingerprint="f")
    assert find_version(store, "street").version == version_of(rows)


def test_a_missing_database_is_said_before_any_work(store, rows, monkeypatch):
    def missing():
        raise EnvironmentFault("no mongod")

    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    monkeypatch.setattr(publishing, "find_mongod_binary", missing)
    monkeypatch.setattr(publishing, "write_manifest", lambda *_: pytest.fail("work was done"))
    with pytest.raises(EnvironmentFault, match="no mongod"):
        publish(store, make_recipe(publish={"fiftyone": {}}), rows, annotator_fingerprint="f")


def test_a_clip_that_the_store_lacks_is_named(tmp_path, rows):
    with pytest.raises(StoreError, match="clip a is to be published but is not in the store"):
        publish(Store.open(tmp_path / "empty"), make_recipe(), rows, annotator_fingerprint="f")


def test_a_clip_that_is_cut_short_is_refused(store, rows):
    longer = dataclasses.replace(rows, clips=rows.clips)
    media = next(iter(store.keys("media")))
    path = store.path(media)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((MediaError, StoreError)):
        publish(store, make_recipe(), longer, annotator_fingerprint="f")
    assert list_datasets(store) == []


@pytest.mark.parametrize("ignore", ["drop", "mask"])
def test_no_published_image_shows_a_planted_object_untold(store, ignore):
    """What is stored above the ignore threshold is labelled, masked, a crowd, or why a frame is absent."""
    planted = (44.0, 24.0, 12.0, 16.0)
    boxes = [*STREET_BOXES, ("c", 3, 99, "dog", planted, "ignore"), ("b", 6, 98, "person", planted, "ignore")]
    rows = make_rows(boxes)
    forms = {"yolo": {"stride": 1, "ignore": ignore}, "coco": {"stride": 1}}
    version = publish(store, make_recipe(publish=forms), rows, annotator_fingerprint="f")
    told = {(box[0], *box[3:]) for box in boxes_of_coco(version.path)}
    x, y, w, h = (int(side) for side in planted)
    for name in ("c_000003", "b_000006"):
        assert (name, *planted) in told
        images = list((version.path / "yolo" / "images").rglob(f"{name}.jpg"))
        assert bool(images) == (ignore == "mask")
        for image in images:
            np.testing.assert_allclose(cv2.imread(str(image))[y : y + h, x : x + w], 114, atol=12)


def test_progress_is_told(store, rows):
    told = []
    publish(store, make_recipe(), rows, annotator_fingerprint="f", on_progress=lambda *step: told.append(step))
    assert {step[0] for step in told} == {"images", "yolo", "coco"}
    assert ("images", 3, 3) in told
