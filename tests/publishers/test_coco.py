import json

import pytest
from publishers_inputs import make_images

from publishers.coco import write_coco
from publishers.image_export import LeftOut
from schemas.publish_options import CocoExportOptions


@pytest.fixture
def published(rows, tmp_path):
    counts = write_coco(rows, tmp_path / "coco", CocoExportOptions(stride=1), make_images(tmp_path / "store", rows))
    return tmp_path / "coco", counts


def load(folder, split):
    return json.loads((folder / "annotations" / f"instances_{split}.json").read_text())


def test_frames_with_ignore_regions_stay_and_the_regions_are_crowds(published):
    folder, counts = published
    data = load(folder, "train")
    crowds = [one for one in data["annotations"] if one["iscrowd"]]
    names = {image["id"]: image["file_name"] for image in data["images"]}
    assert [names[one["image_id"]] for one in crowds] == ["a_000004.jpg", "a_000005.jpg"]
    assert counts.left_out == (LeftOut("surplus_background", frames=2, labels=0),)


def test_boxes_are_pixels_and_categories_count_from_one(published):
    data = load(published[0], "val")
    assert data["categories"] == [
        {"id": 1, "name": "person", "supercategory": ""},
        {"id": 2, "name": "vehicle", "supercategory": ""},
        {"id": 3, "name": "dog", "supercategory": ""},
    ]
    first = data["annotations"][0]
    assert (first["bbox"], first["area"], first["category_id"], first["iscrowd"]) == ([0, 0, 64, 20], 1280, 2, 0)
    assert len(data["images"]) == len(data["annotations"]) == 8


def test_every_image_is_there_and_has_the_size_that_is_written(published):
    import cv2

    folder, counts = published
    for split in ("train", "val"):
        images = load(folder, split)["images"]
        for image in images:
            height, width = cv2.imread(str(folder / "images" / split / image["file_name"])).shape[:2]
            assert (image["width"], image["height"]) == (width, height)
    assert sum(len(load(folder, split)["images"]) for split in ("train", "val")) == counts.images


def test_ids_are_unique_and_a_split_without_images_has_no_file(published):
    folder, counts = published
    assert counts.missing == ("test",)
    assert not (folder / "annotations" / "instances_test.json").exists()
    for split in ("train", "val"):
        ids = [one["id"] for one in load(folder, split)["annotations"]]
        assert len(ids) == len(set(ids))
    images = [image["id"] for split in ("train", "val") for image in load(folder, split)["images"]]
    assert len(images) == len(set(images))
