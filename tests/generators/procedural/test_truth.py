"""Truth from masks, on canvases small enough to count by hand; painter's order; near-plane clipping."""

import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.camera import clip_to_near
from generators.procedural.canvas import CONVEX, Silhouette, Sprite, draw_silhouette, paint, to_fixed
from generators.procedural.depth_order import footprint_corners, order_by_depth
from generators.procedural.motion import lay_path
from generators.procedural.truth import measure_truth

_STILL = lay_path((0.0, 0.0), 0, 0.0, np.zeros(1), 12.0)


def _actor(name: str) -> Actor:
    return Actor(name, _STILL, 1.0, 1.0, 1.0)


def test_boxes_are_the_extents_of_the_masks_and_visibility_the_share_of_pixels():
    ids = np.zeros((20, 30), np.uint8)
    far, near = np.full((10, 10), 255, np.uint8), np.full((10, 4), 255, np.uint8)
    ids[5:15, 10:20] = 1
    ids[5:15, 10:14] = 2
    truth = measure_truth((_actor("car"), _actor("person")), ids, [Silhouette(far, 10, 5), Silhouette(near, 10, 5)], 1)
    assert truth.class_name == ["car", "person"]
    assert truth.box.tolist() == [[14, 5, 6, 10], [10, 5, 4, 10]]
    assert truth.full_box.tolist() == [[10, 5, 10, 10], [10, 5, 4, 10]]
    assert np.allclose(truth.visibility, [0.6, 1.0])
    assert truth.difficult.tolist() == [False, True]  # the second is only 4 pixels wide


def test_what_lies_outside_the_frame_counts_as_hidden():
    ids = np.zeros((20, 30), np.uint8)
    ids[0:10, 0:5] = 1
    truth = measure_truth((_actor("car"),), ids, [Silhouette(np.full((10, 10), 255, np.uint8), -5, 0)], 1)
    assert truth.box.tolist() == [[0, 0, 5, 10]]
    assert truth.full_box.tolist() == [[-5, 0, 10, 10]]
    assert truth.visibility.tolist() == [0.5]


def test_wholly_hidden_and_absent_actors_have_no_row():
    ids = np.zeros((20, 30), np.uint8)
    hidden = Silhouette(np.full((4, 4), 255, np.uint8), 3, 3)
    assert len(measure_truth((_actor("car"), _actor("dog")), ids, [hidden, None], 2)) == 0


def test_a_silhouette_covers_exactly_the_painted_pixels():
    sprite = Sprite()
    sprite.add(to_fixed(np.array([[3.2, 4.1], [18.7, 6.0], [12.0, 17.3]])), (200.0, 10.0, 10.0), CONVEX)
    image = np.zeros((24, 24, 3), np.uint8)
    paint(image, sprite)
    silhouette = draw_silhouette(sprite, 24, 24)
    assert silhouette is not None
    painted = np.argwhere(image.any(axis=2))
    masked = np.argwhere(silhouette.mask > 0) + (silhouette.top, silhouette.left)
    assert painted.tolist() == masked.tolist()


def test_the_nearer_thing_is_drawn_later_even_when_its_middle_is_farther():
    # A bus seen along its side: a walker before its far end is farther than the bus's middle, and in front of it.
    x, y = np.array([10.0, 18.0]), np.array([0.0, -2.0])
    corners = footprint_corners(x, y, np.zeros(2), np.array([20.0, 0.5]), np.array([2.5, 0.5]))
    assert order_by_depth(corners, np.array([8.0, -9.0])) == [0, 1]
    assert order_by_depth(corners, np.array([8.0, 9.0])) == [1, 0]


def test_polygons_are_cut_at_the_near_plane():
    square = np.array([[0.0, 0, -1], [1, 0, -1], [1, 0, 1], [0, 0, 1]])
    cut = clip_to_near(square, 0.5)
    assert cut[:, 2].min() == 0.5 and len(cut) == 4
    assert len(clip_to_near(square - (0, 0, 5))) == 0


def test_a_path_passes_its_anchor_and_turns_by_the_angle_asked():
    path = lay_path((2.0, 3.0), 5, 0.0, np.full(40, 6.0), 12.0, turn_at=1.0, turn_by=np.pi / 2, turn_radius=3.0)
    assert np.allclose([path.x[5], path.y[5]], [2.0, 3.0], atol=0.05)
    assert np.isclose(path.heading[-1], np.pi / 2)
    assert path.y[-1] > 3.0
