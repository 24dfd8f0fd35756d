import numpy as np
import pytest

from generators.shapes import (
    BACKGROUND,
    COLOURS,
    DIRECTIONS,
    HELD_OUT,
    MOTIFS,
    SHAPES,
    TRAINED,
    Motif,
    draw_shape_clips,
)


def draw(motifs, seed=0):
    return draw_shape_clips(np.random.default_rng(seed), motifs, frames=9, size=32)


def test_every_motif_is_either_trained_or_held_out():
    assert len(MOTIFS) == 48 and sorted([*TRAINED, *HELD_OUT]) == sorted(MOTIFS)
    assert len(HELD_OUT) == 12


@pytest.mark.parametrize("parts", [("colour", "shape"), ("shape", "direction"), ("colour", "direction")])
def test_each_pair_of_words_is_trained_in_some_motif(parts):
    pairs = {tuple(getattr(motif, part) for part in parts) for motif in TRAINED}
    assert pairs == {tuple(getattr(motif, part) for part in parts) for motif in MOTIFS}


def test_a_prompt_says_all_three_parts():
    assert Motif("red", "cross", "up").prompt == "a red cross moving up"


def test_boxes_enclose_the_pixels_of_the_shape_and_no_more():
    """Pixels within a grey value of being half covered may fall on either side of an edge."""
    clips = draw(MOTIFS)
    for motif, frames, boxes in zip(clips.motifs, clips.frames, clips.boxes, strict=True):
        paint = np.array(COLOURS[motif.colour])
        channel = int(np.argmax(np.abs(paint - BACKGROUND)))
        half = (paint[channel] + BACKGROUND) / 2
        for frame, (left, top, width, height) in zip(frames, boxes.astype(int), strict=True):
            box = np.array([left, top, -left - width, -top - height])
            surely, perhaps = (bounds(frame[..., channel] > half + slack) for slack in (1, -1))
            assert (perhaps <= box).all() and (box <= surely).all()


def bounds(seen):
    """Left, top, and the negatives of right and bottom: smaller numbers are larger boxes."""
    rows, columns = np.nonzero(seen)
    return np.array([columns.min(), rows.min(), -columns.max() - 1, -rows.max() - 1])


def test_shapes_move_as_their_motif_says():
    clips = draw(MOTIFS)
    for motif, boxes in zip(clips.motifs, clips.boxes, strict=True):
        way = (boxes[-1, :2] + boxes[-1, 2:] / 2) - (boxes[0, :2] + boxes[0, 2:] / 2)
        heading = np.array(DIRECTIONS[motif.direction])
        assert way @ heading > 6 and abs(way @ heading[::-1]) < 1.5, motif


def test_the_three_shapes_cover_different_shares_of_their_boxes():
    clips = draw([Motif("red", shape, "up") for shape in SHAPES for _ in range(8)])
    areas = (clips.frames[..., 0] > 131).sum((2, 3)) / clips.boxes[..., 2:].prod(-1)
    circle, cross, triangle = areas.reshape(3, -1).mean(1)
    assert circle > 0.7 and 0.45 < cross < 0.68 and 0.4 < triangle < 0.65


def test_equal_seeds_draw_equal_clips():
    assert np.array_equal(draw(TRAINED).frames, draw(TRAINED).frames)
    assert not np.array_equal(draw(TRAINED).frames, draw(TRAINED, seed=1).frames)
