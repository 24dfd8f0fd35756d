import logging
import os

import cv2
import numpy as np
import pytest
import yaml
from publishers_inputs import STREET_BOXES, make_images, make_rows

from publishers.image_export import LeftOut, SplitCounts
from publishers.yolo import write_yolo
from schemas.errors import MediaError
from schemas.publish_options import YoloExportOptions


def publish(rows, tmp_path, **options):
    images = make_images(tmp_path / "store", rows)
    return write_yolo(rows, tmp_path / "yolo", YoloExportOptions(**{"stride": 1, **options}), images)


def images_in(folder):
    return sorted(path.stem for path in (folder / "yolo" / "images").rglob("*.jpg"))


def label(folder, name):
    return next((folder / "yolo" / "labels").rglob(f"{name}.txt")).read_text()


def scan(folder, split):
    """What ultralytics finds when it reads a split, and the messages about it."""
    from ultralytics.data.utils import check_det_dataset, img2label_paths, verify_image_label

    data = check_det_dataset(str(folder / "yolo" / "data.yaml"), autodownload=False)
    images = [str(path) for path in sorted((folder / data[split]).glob("*.jpg"))]
    results = [
        verify_image_label((image, label, "", False, len(data["names"]), 0, 0, False))
        for image, label in zip(images, img2label_paths(images), strict=True)
    ]
    return data, results


def test_labelled_and_background_frames_are_exported_and_doubtful_ones_are_not(rows, tmp_path):
    counts = publish(rows, tmp_path)
    expected = [f"a_{frame:06d}" for frame in (0, 1, 2, 3, 6, 7)]
    expected += [f"b_{frame:06d}" for frame in (0, 1, 2, 3, 4, 6)]
    expected += [f"c_{frame:06d}" for frame in range(8)]
    assert images_in(tmp_path) == expected
    assert counts.splits == (
        SplitCounts("train", images=12, labels=14, backgrounds=2),
        SplitCounts("val", images=8, labels=8, backgrounds=0),
        SplitCounts("test", images=0, labels=0, backgrounds=0),
    )
    assert counts.left_out == (
        LeftOut("ignore_region", frames=2, labels=2),
        LeftOut("surplus_background", frames=2, labels=0),
    )
    assert counts.missing == ("test",)


def test_a_label_is_class_centre_and_size(rows, tmp_path):
    publish(rows, tmp_path)
    # vehicle at x 6, y 10, 20 x 12 and person at 40, 8, 8 x 24 in 64 x 48
    assert label(tmp_path, "a_000002") == "1 0.250000 0.333333 0.312500 0.250000\n0 0.687500 0.416667 0.125000 0.500000"
    assert label(tmp_path, "b_000004") == ""


def test_stride_selects_multiples_and_accounts_for_the_rest(rows, tmp_path):
    counts = publish(rows, tmp_path, stride=3)
    assert {int(name[-6:]) for name in images_in(tmp_path)} == {0, 3, 6}
    frames = counts.images + sum(reason.frames for reason in counts.left_out)
    labels = sum(split.labels for split in counts.splits) + sum(reason.labels for reason in counts.left_out)
    assert (frames, labels) == (24, 24)


def test_images_are_links_to_the_store(rows, tmp_path):
    publish(rows, tmp_path)
    published = tmp_path / "yolo" / "images" / "train" / "a_000000.jpg"
    assert published.samefile(tmp_path / "store" / "a" / "0.jpg")


def test_without_hard_links_images_are_symbolic_links_and_else_copies(rows, tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise OSError("not on this file system")

    monkeypatch.setattr(os, "link", refuse)
    publish(rows, tmp_path)
    published = tmp_path / "yolo" / "images" / "train" / "a_000000.jpg"
    assert published.is_symlink()
    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    (tmp_path / "again").mkdir()
    publish(rows, tmp_path / "again")
    copy = tmp_path / "again" / "yolo" / "images" / "train" / "a_000000.jpg"
    assert not copy.is_symlink()
    assert copy.read_bytes() == published.read_bytes()


@pytest.mark.parametrize("options", [{}, {"ignore": "mask"}, {"stride": 2}])
def test_ultralytics_check_has_nothing_to_say(rows, tmp_path, options, caplog):
    counts = publish(rows, tmp_path, **options)
    with caplog.at_level(logging.WARNING):
        for split in counts.splits[:2]:
            data, results = scan(tmp_path, split.split)
            _, labels, _, _, _, missing, _, empty, corrupt, messages = zip(*results, strict=True)
            assert (sum(missing), sum(corrupt), "".join(messages)) == (0, 0, "")
            assert sum(len(boxes) for boxes in labels) == split.labels
            assert (len(results), sum(empty)) == (split.images, split.backgrounds)
    assert data["names"] == {0: "person", 1: "vehicle", 2: "dog"}
    assert not caplog.records


def test_ultralytics_trains_from_the_folder_wherever_it_lies(rows, tmp_path):
    publish(rows, tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "yolo").rename(moved / "yolo")
    data, results = scan(moved, "val")
    assert data["val"] == str(moved / "yolo" / "images" / "val")
    assert len(results) == 8


def test_an_empty_val_is_an_empty_folder_that_data_yaml_tells_of(tmp_path):
    counts = publish(make_rows([box for box in STREET_BOXES if box[0] != "c"], keep=lambda *_: [False] * 12), tmp_path)
    assert counts.missing == ("val", "test")
    text = (tmp_path / "yolo" / "data.yaml").read_text()
    assert "# No images in val" in text
    assert sorted(yaml.safe_load(text)) == ["names", "train", "val"]
    _, results = scan(tmp_path, "val")
    assert results == []


def test_mask_paints_over_the_region_and_keeps_the_frame(rows, tmp_path):
    counts = publish(rows, tmp_path, ignore="mask")
    assert counts.masked_images == 2
    image = cv2.imread(str(tmp_path / "yolo" / "images" / "train" / "a_000004.jpg"))
    np.testing.assert_allclose(image[8:32, 40:48], 114, atol=12)
    np.testing.assert_allclose(image[36:, :32], 20, atol=6)
    assert label(tmp_path, "a_000004").startswith("1 ")
    assert label(tmp_path, "a_000004").count("\n") == 0
    original = cv2.imread(str(tmp_path / "store" / "a" / "4.jpg"))
    assert original.max() < 40


def test_an_image_that_cannot_be_painted_over_is_refused(rows, tmp_path):
    images = make_images(tmp_path / "store", rows)
    (tmp_path / "store" / "a" / "4.jpg").write_bytes(b"not a picture")
    with pytest.raises(MediaError, match=r"4\.jpg: not an image"):
        write_yolo(rows, tmp_path / "yolo", YoloExportOptions(stride=1, ignore="mask"), images)


def test_a_mask_never_covers_a_label(tmp_path):
    boxes = [
        ("a", 0, 1, "car", (10, 10, 20, 20), "accept"),
        ("a", 0, 2, "dog", (29.5, 29.5, 10, 10), "ignore"),  # half a pixel of it
        ("a", 1, 1, "car", (10, 10, 20, 20), "accept"),
        ("a", 1, 2, "dog", (30.0, 10, 10, 10), "ignore"),  # edge to edge
    ]
    counts = publish(make_rows(boxes, keep=lambda ids, *_: [False] * len(ids)), tmp_path, ignore="mask")
    assert images_in(tmp_path) == ["a_000001"]
    assert LeftOut("label_under_mask", frames=1, labels=1) in counts.left_out


@pytest.mark.parametrize("corner", [(30, 10), (0, 10), (10, 30), (10, 0)])
def test_a_mask_edge_to_edge_with_a_label_covers_none_of_it(tmp_path, corner):
    beside = ("a", 0, 2, "dog", (*map(float, corner), 10, 10), "ignore")
    boxes = [("a", 0, 1, "car", (10, 10, 20, 20), "accept"), beside]
    publish(make_rows(boxes, keep=lambda ids, *_: [False] * len(ids)), tmp_path, ignore="mask")
    assert images_in(tmp_path) == ["a_000000"]


@pytest.mark.parametrize("ignore", ["drop", "mask"])
def test_no_image_shows_a_planted_object_in_doubt(tmp_path, ignore):
    planted = (50.0, 2.0, 10.0, 10.0)
    boxes = [*STREET_BOXES, ("c", 3, 99, "dog", planted, "ignore"), ("b", 6, 98, "dog", planted, "ignore")]
    publish(make_rows(boxes), tmp_path, ignore=ignore)
    for name in ("c_000003", "b_000006"):
        found = list((tmp_path / "yolo" / "images").rglob(f"{name}.jpg"))
        if found:
            x, y, w, h = (int(side) for side in planted)
            np.testing.assert_allclose(cv2.imread(str(found[0]))[y : y + h, x : x + w], 114, atol=12)
    # In c the bus reaches over the planted dog: masked it would lose a part, so the frame is left out.
    assert ("b_000006" in images_in(tmp_path)) == (ignore == "mask")
    assert "c_000003" not in images_in(tmp_path)


def test_two_tracks_at_one_place_are_one_line(tmp_path):
    boxes = [("a", 0, track, "car", (1, 1, 9, 9), "accept") for track in (1, 2)]
    counts = publish(make_rows(boxes, keep=lambda ids, *_: [False] * len(ids)), tmp_path)
    assert (counts.repeated_labels, label(tmp_path, "a_000000").count("\n")) == (1, 0)


def test_an_image_that_the_store_lacks_is_named(rows, tmp_path):
    images = make_images(tmp_path / "store", rows, stride=2)
    with pytest.raises(MediaError, match="clip a: the store has no image of frame 1"):
        write_yolo(rows, tmp_path / "yolo", YoloExportOptions(stride=1), images)
