import numpy as np

from annotators.detections import Detections
from annotators.rival_detections import MergedDetections, merge_rivals
from annotators.track_association import associate_pieces
from annotators.track_linking import link_detections
from annotators.track_parallels import join_parallels

PERSON, DOG = 0, 1
FRAMES = 30
Row = tuple[int, float, float, int]


def stand(frames: range, top: float, score: float = 0.8, name: int = PERSON) -> list[Row]:
    """Frame, top, score and class of a box 40 px wide that ends at 100."""
    return [(frame, top, score, name) for frame in frames]


def seen(*things: list[Row], left: float = 0) -> MergedDetections:
    rows = np.array(sorted(row for one in things for row in one))
    side = np.full(len(rows), left)
    corners = np.stack([side, rows[:, 1], side + 40, 0 * side + 100], axis=1).astype(np.float32)
    return merge_rivals(
        Detections(rows[:, 0].astype(np.int32), corners, rows[:, 2].astype(np.float32), rows[:, 3].astype(np.int32))
    )


def joined(merged: MergedDetections) -> tuple[MergedDetections, np.ndarray]:
    return join_parallels(merged, link_detections(merged.kept, FRAMES), FRAMES)


def test_where_one_box_of_a_thing_ends_the_other_goes_on():
    whole, upper = stand(range(16), 0), [(frame, 50.0, 0.5, PERSON) for frame in range(12, 30)]
    merged, piece = joined(seen(whole, upper))
    assert piece.tolist() == [0] * 30
    assert merged.kept.frame.tolist() == [*range(30)]


def test_of_two_boxes_in_a_frame_that_one_is_left_whose_piece_is_seen_best_around_it():
    whole, upper = stand(range(20), 0, 0.8), stand(range(20), 50, 0.3)
    whole[7] = (7, 0.0, 0.2, PERSON)
    merged, piece = joined(seen(whole, upper))
    assert piece.tolist() == [0] * 20
    assert (merged.kept.corners[:, 1] == 0).all()


def test_what_loses_its_box_keeps_its_vote():
    merged, _ = joined(seen(stand(range(10), 0, 0.5), stand(range(10), 38, 0.4, DOG)))
    assert len(merged.kept) == 10
    votes = zip(merged.vote_row.tolist(), merged.vote_class.tolist(), strict=True)
    assert sorted(votes) == [(row, name) for row in range(10) for name in (PERSON, DOG)]
    np.testing.assert_allclose(merged.vote_score[merged.vote_class == DOG], 0.4)


def test_things_that_overlap_less_or_are_of_different_classes_stay_two():
    less = seen(stand(range(10), 0), stand(range(10), 65))
    other = seen(stand(range(10), 0), stand(range(10), 50, name=DOG))
    assert len(joined(less)[0].kept) == len(joined(other)[0].kept) == 20


def test_two_things_do_not_become_one_by_way_of_a_third_box_between_them():
    upper = Detections(
        np.repeat(np.arange(10, dtype=np.int32), 3),
        np.tile(np.float32([[0, 0, 40, 60], [0, 22, 40, 82], [0, 44, 40, 104]]), (10, 1)),
        np.tile(np.float32([0.8, 0.1, 0.8]), 10),
        np.zeros(30, np.int32),
    )
    merged = merge_rivals(upper)
    left, piece = joined(merged)
    assert len(set(piece.tolist())) == 2
    assert (left.kept.score == np.float32(0.8)).all()


def test_a_crossing_of_one_frame_counts_with_all_frames_that_are_shared():
    """Two that stand apart and touch once, when one jumps, are not one."""
    moving = [(frame, 0.0 if frame == 5 else 85.0, 0.8, PERSON) for frame in range(10)]
    merged = seen(stand(range(10), 40), moving)
    piece = np.where(merged.kept.corners[:, 1] == 40, 0, 1)
    assert len(join_parallels(merged, piece, FRAMES)[0].kept) == 20


def test_ids_of_the_joined_tracks_count_from_one_by_first_sighting():
    merged = seen(stand(range(8, 16), 0), stand(range(10, 20), 50, 0.5))
    left, track = associate_pieces(merged, link_detections(merged.kept, FRAMES), FRAMES)
    assert set(track.tolist()) == {1}
    assert track.dtype == np.int32 and len(track) == len(left.kept)


def test_nothing_seen_joins_nothing():
    nothing = Detections(
        np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
    )
    left, track = associate_pieces(merge_rivals(nothing), np.zeros(0, np.int64), FRAMES)
    assert len(left.kept) == len(track) == 0
