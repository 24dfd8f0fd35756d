import numpy as np

from annotators.detections import detections_from_frames
from annotators.rival_detections import merge_rivals

CAT, DOG = 0, 1
BOX, SHIFTED, APART = (10, 10, 50, 50), (11, 10, 51, 50), (100, 100, 120, 130)


def seen(*rows: tuple[tuple[int, ...], float, int]) -> np.ndarray:
    return np.array([[*box, score, name] for box, score, name in rows], np.float32).reshape(-1, 6)


def test_one_animal_seen_as_cat_and_dog_is_one_box_with_two_votes():
    merged = merge_rivals(detections_from_frames([seen((BOX, 0.7, DOG), (BOX, 0.4, CAT), (APART, 0.9, CAT))]))
    assert merged.kept.score.tolist() == np.float32([0.7, 0.9]).tolist()
    votes = set(
        zip(merged.vote_row.tolist(), merged.vote_class.tolist(), merged.vote_score.round(2).tolist(), strict=True)
    )
    assert votes == {
        (0, DOG, np.float32(0.7).round(2)),
        (0, CAT, np.float32(0.4).round(2)),
        (1, CAT, np.float32(0.9).round(2)),
    }


def test_a_class_votes_once_for_a_box_with_its_best_score():
    merged = merge_rivals(detections_from_frames([seen((BOX, 0.7, CAT), (SHIFTED, 0.6, CAT), (SHIFTED, 0.5, DOG))]))
    assert merged.vote_class.tolist() == [CAT, DOG]
    assert merged.vote_score.tolist() == np.float32([0.7, 0.5]).tolist()


def test_rivals_are_sought_within_a_frame_only():
    merged = merge_rivals(detections_from_frames([seen((BOX, 0.7, DOG)), seen((BOX, 0.4, CAT))]))
    assert merged.kept.frame.tolist() == [0, 1]


def test_the_order_of_detections_does_not_decide():
    rows = seen((SHIFTED, 0.3, CAT), (BOX, 0.7, DOG), (APART, 0.2, DOG))
    there, back = (merge_rivals(detections_from_frames([part])) for part in (rows, rows[::-1]))
    assert sorted(there.kept.score) == sorted(back.kept.score)
    assert sorted(there.vote_score) == sorted(back.vote_score)


def test_nothing_gives_nothing():
    merged = merge_rivals(detections_from_frames([]))
    assert len(merged.kept) == len(merged.vote_row) == 0
