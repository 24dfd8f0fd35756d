import json

import pyarrow as pa
import pytest

from schemas.errors import RecipeError
from schemas.reviews import REVIEWS
from storage.coco_reviews import read_coco_review
from storage.reviews import commit_review, read_reviews, review_as_truth, review_keys

COCO = {
    "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
    "images": [{"id": 7, "file_name": "aa_000003.jpg"}, {"id": 9, "file_name": "val/bb_c_000010.png"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3.5, 4], "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [5, 6, 7, 8], "iscrowd": 1},
    ],
}


def write(tmp_path, **changes):
    path = tmp_path / "review.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


def review(*frames):
    return pa.Table.from_pylist([dict(zip(REVIEWS.names, frame, strict=True)) for frame in frames], schema=REVIEWS)


def car(x=0.0):
    return {"class_name": "car", "x": x, "y": 0.0, "w": 9.0, "h": 9.0, "difficult": False}


def test_every_image_of_a_coco_file_is_a_reviewed_frame(tmp_path):
    first, second = read_coco_review(write(tmp_path), ["person", "car"]).to_pylist()
    assert (first["clip_id"], first["frame"], second["clip_id"], second["frame"]) == ("aa", 3, "bb_c", 10)
    assert first["objects"] == [
        {"class_name": "car", "x": 1, "y": 2, "w": 3.5, "h": 4, "difficult": False},
        {"class_name": "person", "x": 5, "y": 6, "w": 7, "h": 8, "difficult": True},
    ]
    assert second["objects"] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 7, "file_name": "holiday.jpg"}], "annotations": []}, "'holiday.jpg' is not named"),
        ({"categories": [{"id": 1, "name": "persn"}, {"id": 2, "name": "car"}]}, "did you mean 'person'"),
        ({"images": None}, "'images' is missing"),
        ({"annotations": [{"id": 4, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]}, "annotation 4 names"),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": 1, "bbox": [0, 0, -1, 1]}]},
            "annotation 5 has the box",
        ),
        ({"annotations": [{"id": 6, "image_id": 7, "category_id": 1}]}, "annotation 6 has the box None"),
    ],
)
def test_what_is_no_review_is_refused_with_the_place(tmp_path, changes, message):
    with pytest.raises(RecipeError, match=message):
        read_coco_review(write(tmp_path, **changes), ["person", "car"])


def test_a_file_that_is_not_there_or_not_json_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"none\.json"):
        read_coco_review(tmp_path / "none.json", [])
    (tmp_path / "text").write_text("x,y")
    with pytest.raises(RecipeError, match="not JSON"):
        read_coco_review(tmp_path / "text", [])


def test_reviews_add_up_and_the_later_word_on_a_frame_counts(store):
    first = commit_review(store, "s", review(("a", 0, [car()]), ("a", 1, [])))
    second = commit_review(store, "s", review(("a", 1, [car(5.0)]), ("b", 0, [])))
    assert review_keys(store, "s") == (first, second)
    merged = read_reviews(store, "s", (first, second))
    assert [(row["clip_id"], row["frame"], len(row["objects"])) for row in merged.to_pylist()] == [
        ("a", 0, 1),
        ("a", 1, 1),
        ("b", 0, 0),
    ]
    assert review_keys(store, "other") == ()


def test_the_same_review_given_twice_is_one(store):
    rows = [("a", 0, [car()]), ("a", 1, [])]
    assert commit_review(store, "s", review(*rows)) == commit_review(store, "s", review(*reversed(rows)))
    assert len(review_keys(store, "s")) == 1


def test_a_review_as_truth_has_one_row_an_object():
    truth = review_as_truth(review(("a", 0, [car(), car(20.0)]), ("a", 1, []), ("b", 4, [car()])))
    assert truth.select(["clip_id", "frame", "x"]).to_pylist() == [
        {"clip_id": "a", "frame": 0, "x": 0.0},
        {"clip_id": "a", "frame": 0, "x": 20.0},
        {"clip_id": "b", "frame": 4, "x": 0.0},
    ]
