import numpy as np

from annotators.box_belief import FIGURES, TrackedBoxes, believe_boxes, measure_boxes


def boxes(*rows: tuple[int, int, float], other: float = 0.0, apart: float = 100.0) -> TrackedBoxes:
    """Boxes of 40 px on tracks ``apart`` px from each other; ``rows`` are (track, frame, score)."""
    place, frame, score = (np.array(column) for column in zip(*rows, strict=True))
    left = apart * place
    return TrackedBoxes(
        frame=frame,
        place=place,
        corners=np.stack([left, left * 0, left + 40, left * 0 + 40], axis=1).astype(np.float32),
        score=score,
        class_score=score,
        other_score=np.full(len(score), other),
        class_index=np.zeros(len(score), np.int32),
    )


def track(score: float, frames: range, place: int = 0) -> list[tuple[int, int, float]]:
    return [(place, frame, score) for frame in frames]


def test_a_faint_box_among_strong_ones_is_believed_more_than_one_among_faint_ones():
    strong = believe_boxes(boxes(*track(0.9, range(5)), (0, 5, 0.1), *track(0.9, range(6, 11))), 11)
    faint = believe_boxes(boxes(*track(0.1, range(11))), 11)
    assert strong[5] > 0.6 > 0.3 > faint[5]


def test_what_speaks_for_another_class_costs_belief():
    assert believe_boxes(boxes(*track(0.6, range(9)), other=0.5), 9).max() < 0.9 * believe_boxes(
        boxes(*track(0.6, range(9))), 9
    ).min()  # fmt: skip


def test_of_two_tracks_on_one_thing_the_weaker_is_believed_less():
    apart, together = (
        believe_boxes(boxes(*track(0.9, range(9)), *track(0.6, range(9), 1), apart=shift), 9) for shift in (100, 5)
    )
    np.testing.assert_allclose(together[:9], apart[:9])
    assert (together[9:] < apart[9:] - 0.1).all()


def test_the_ends_of_a_sequence_cost_nothing_and_the_ends_of_a_track_do():
    whole = believe_boxes(boxes(*track(0.6, range(30))), 30)
    np.testing.assert_allclose(whole, whole[0], rtol=1e-5)
    part = believe_boxes(boxes(*track(0.6, range(10, 40))), 60)
    assert part[0] < part[15] - 0.05


def test_belief_rises_with_the_score():
    levels = [believe_boxes(boxes(*track(score, range(12))), 12)[6] for score in np.linspace(0.05, 0.95, 10)]
    assert (np.diff(levels) > 0).all()


def test_figures_are_those_that_are_named():
    measured = measure_boxes(boxes(*track(0.5, range(4))), 4)
    assert measured.shape == (4, len(FIGURES))
    np.testing.assert_allclose(measured[1], [np.sqrt(0.5), 0.5, 0, 0, 0, 0], atol=1e-9)


def test_a_box_that_was_filled_in_is_never_believed_as_a_seen_one_is():
    hole = believe_boxes(boxes(*track(0.95, range(6)), (0, 6, 0.0), *track(0.95, range(7, 13))), 13)
    assert hole[5] > 0.9
    assert hole[6] < 0.5
