import numpy as np
import pytest
from PIL import Image
from publishers_inputs import STREET_BOXES, make_images, make_rows

from publishers.contact_sheet import choose_frames, draw_contact_sheet
from publishers.drawing import IGNORE_COLOUR, PALETTE, class_colour, draw_objects


def one_object(box, verdict="accept", name="dog"):
    x, y, w, h = box
    return {"x": x, "y": y, "w": w, "h": h, "class_name": name, "track": 1, "verdict": verdict}


def test_every_class_and_an_ignore_region_are_among_few_frames(rows):
    chosen = choose_frames(rows, stride=1, count=4)
    shown = {(one["class_name"], one["verdict"]) for frame in chosen for one in frame.objects}
    assert {("person", "accept"), ("vehicle", "accept"), ("dog", "accept"), ("person", "ignore")} <= shown
    assert "d" not in {frame.clip_id for frame in chosen}


def test_frames_without_an_image_or_an_object_are_not_chosen(rows):
    chosen = choose_frames(rows, stride=4, count=50)
    assert {frame.frame % 4 for frame in chosen} == {0}
    assert all(frame.objects for frame in chosen)
    assert len({(frame.clip_id, frame.frame) for frame in chosen}) == len(chosen) == 5


def test_the_choice_depends_on_the_rows_alone(rows):
    assert choose_frames(rows, stride=1, count=5) == choose_frames(make_rows(STREET_BOXES[::-1]), stride=1, count=5)


def test_the_sheet_is_a_grid(rows, tmp_path):
    sheet = draw_contact_sheet(rows, make_images(tmp_path, rows), stride=1, tiles=4, columns=2)
    assert sheet.width == 2 * 488 + 8
    assert sheet.height == 2 * (360 + 24 + 8) + 8


def test_a_dataset_without_objects_has_no_sheet(tmp_path):
    rows = make_rows([])
    assert draw_contact_sheet(rows, make_images(tmp_path, rows), stride=1) is None


def test_a_box_is_drawn_where_it_is(rows):
    picture = np.asarray(
        draw_objects(Image.new("RGB", (200, 100)), [one_object((40, 40, 20, 15))], ("dog",), scale=2.0)
    )
    red = np.array([255, 90, 95])
    assert (picture[82, 80] == red).all()
    assert (picture[95, 80] == red).all()
    assert (picture[95, 100] == 0).all()


def test_ignore_regions_are_hatched_and_not_in_a_class_colour():
    picture = np.asarray(
        draw_objects(Image.new("RGB", (200, 100)), [one_object((40, 30, 100, 50), "ignore")], ("dog",))
    )
    assert not (picture == np.array([255, 90, 95])).all(axis=2).any()
    inside = picture[35:75, 45:135].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) >= 2
    assert class_colour((), "dog") == IGNORE_COLOUR


@pytest.mark.parametrize("box", [(0, 0, 64, 48), (60, 44, 4, 4), (-5, -5, 200, 200), (63.9, 47.9, 0.05, 0.05)])
def test_boxes_at_the_edge_are_drawn_without_fault(box):
    for verdict in ("accept", "ignore"):
        assert draw_objects(Image.new("RGB", (64, 48)), [one_object(box, verdict)], ("dog",)).size == (64, 48)


def test_neighbouring_classes_have_different_colours():
    assert len(set(PALETTE)) == len(PALETTE)
