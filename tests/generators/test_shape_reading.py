from dataclasses import replace

import numpy as np

from generators.shape_reading import read_motif
from generators.shapes import MOTIFS, draw_shape_clips


def read_all(class_names, boxes, frames):
    return [read_motif(name, *parts) for name, *parts in zip(class_names, boxes, frames, strict=True)]


def test_every_drawn_motif_is_read_back_from_its_exact_boxes():
    drawn = draw_shape_clips(np.random.default_rng(5), MOTIFS, frames=9, size=32)
    assert read_all([motif.shape for motif in MOTIFS], drawn.boxes, drawn.frames) == list(MOTIFS)


def test_backwards_in_time_the_direction_turns_and_nothing_else_does():
    turned = {"left": "right", "right": "left", "up": "down", "down": "up"}
    drawn = draw_shape_clips(np.random.default_rng(6), MOTIFS, frames=9, size=32)
    backwards = read_all([motif.shape for motif in MOTIFS], drawn.boxes[:, ::-1], drawn.frames[:, ::-1])
    assert backwards == [replace(motif, direction=turned[motif.direction]) for motif in MOTIFS]


def test_the_class_is_the_label_s_word_not_the_picture_s():
    drawn = draw_shape_clips(np.random.default_rng(7), MOTIFS[:1], frames=9, size=32)
    assert read_motif("cross", drawn.boxes[0], drawn.frames[0]).shape == "cross" != MOTIFS[0].shape
