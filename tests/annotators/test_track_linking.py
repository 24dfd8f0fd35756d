import numpy as np

from annotators.detections import Detections
from annotators.rival_detections import merge_rivals
from annotators.track_linking import link_detections, pieces_of_tracker
from annotators.track_stitching import LONGEST_HOLE, stitch_pieces
from annotators.trackers import Observations

PERSON, BICYCLE = 0, 1


def walk(frames: range, left: float, step: float, score: float = 0.8, name: int = PERSON) -> list[tuple[float, ...]]:
    """Rows of frame, x1, score, class of one thing."""
    return [(frame, left + step * frame, score, name) for frame in frames]


def seen(*walks: list[tuple[float, ...]], side: float = 40) -> Detections:
    rows = np.array(sorted(row for one in walks for row in one))
    corners = np.stack([rows[:, 1], 0 * rows[:, 1], rows[:, 1] + side, 0 * rows[:, 1] + 60], axis=1)
    return Detections(
        rows[:, 0].astype(np.int32), corners.astype(np.float32), rows[:, 2].astype(np.float32),
        rows[:, 3].astype(np.int32),
    )  # fmt: skip


def tracks_of(detections: Detections, frames: int = 40) -> np.ndarray:
    merged = merge_rivals(detections)
    assert len(merged.kept) == len(detections)
    return stitch_pieces(merged, link_detections(merged.kept, frames))


def test_a_faint_thing_is_followed_from_its_first_frame():
    assert tracks_of(seen(walk(range(9), 10, 2, score=0.04))).tolist() == [1] * 9


def test_things_that_pass_each_other_keep_their_ids():
    detections = seen(walk(range(20), 0, 10), walk(range(20), 230, -10))
    track = tracks_of(detections)
    rightward = np.isclose(detections.corners[:, 0], 10 * detections.frame)
    assert len(set(track[rightward].tolist())) == len(set(track[~rightward].tolist())) == 1


def test_the_surer_of_two_boxes_carries_the_track_on():
    detections = seen(walk(range(6), 0, 2), [(3, 20.0, 0.04, PERSON)])
    track = tracks_of(detections)
    assert track.tolist().count(1) == 6
    assert track[detections.score < 0.1].tolist() != [1]


def test_a_thing_that_was_hidden_stays_itself():
    assert set(tracks_of(seen(walk(range(8), 0, 3), walk(range(16, 24), 0, 3))).tolist()) == {1}


def test_what_comes_back_elsewhere_or_too_late_is_another():
    elsewhere = seen(walk(range(8), 0, 3), walk(range(16, 24), 200, 3))
    late = seen(walk(range(8), 0, 0), walk(range(9 + LONGEST_HOLE, 30), 0, 0))
    assert set(tracks_of(elsewhere).tolist()) == set(tracks_of(late).tolist()) == {1, 2}


def test_two_that_hide_at_one_time_come_back_as_themselves():
    hidden = (
        [*walk(range(8), 0, 4), *walk(range(14, 22), 0, 4)],
        [*walk(range(8), 60, -1), *walk(range(14, 22), 60, -1)],
    )
    detections = seen(*hidden)
    track = tracks_of(detections)
    rightward = np.isclose(detections.corners[:, 0], 4 * detections.frame)
    assert len(set(track[rightward].tolist())) == len(set(track[~rightward].tolist())) == 1


def test_ids_count_from_one_by_first_sighting():
    detections = seen(walk(range(5), 300, 0), walk(range(2, 5), 0, 0))
    first = {number: int(detections.frame[tracks_of(detections) == number].min()) for number in (1, 2)}
    assert first == {1: 0, 2: 2}


def test_nothing_seen_links_nothing():
    nothing = Detections(
        np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
    )
    assert tracks_of(nothing).tolist() == []


def test_what_a_tracker_let_go_of_is_a_piece_of_its_own():
    detections = seen(walk(range(4), 0, 0))
    rows = np.array([0, 1, 3], np.int32)
    part = detections.rows(rows)
    observed = Observations(part.frame, np.array([7, 7, 9], np.int32), part.corners, part.score, part.class_index, rows)
    piece = pieces_of_tracker(observed, 4)
    assert piece[0] == piece[1]
    assert len(set(piece.tolist())) == 3
