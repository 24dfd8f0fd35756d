import numpy as np

from annotators.detections import Detections
from annotators.rival_detections import merge_rivals
from annotators.track_refinement import Tracks, plain_tracks, refine_tracks
from annotators.trackers import Observations
from schemas.annotator_options import RefinementOptions

CAT, DOG = 0, 1
SIZE = (640, 480)
OFF = RefinementOptions(min_track_frames=1, max_gap_frames=0, smooth_frames=0)


def refined(rows: list[tuple[int, int, float, int]], options: RefinementOptions = OFF, step: float = 2) -> Tracks:
    """Tracks 100 px apart that move ``step`` px a frame; ``rows`` are (frame, track, score, class)."""
    frame, track, score, name = (np.array(column) for column in zip(*sorted(rows), strict=True))
    left = 100.0 * track + step * frame
    corners = np.stack([left, left, left + 40, left + 60], axis=1).astype(np.float32)
    found = Detections(frame.astype(np.int32), corners, score.astype(np.float32), name.astype(np.int32))
    return refine_tracks(track.astype(np.int32), merge_rivals(found), options, SIZE, int(frame.max()) + 1)


def test_a_track_gets_one_class_by_votes_weighted_with_their_scores():
    labels = refined([(0, 1, 0.9, DOG), (1, 1, 0.5, CAT), (2, 1, 0.6, CAT)])
    assert labels.class_index.tolist() == [CAT] * 3
    assert labels.score.tolist() == np.float32([0.9, 0.5, 0.6]).tolist()


def test_rivals_that_lost_their_box_still_vote():
    frame = np.array([0, 0, 1, 1, 2, 2], np.int32)
    corners = np.tile(np.float32([10, 10, 50, 60]), (6, 1))
    score = np.float32([0.5, 0.49, 0.5, 0.49, 0.2, 0.6])
    merged = merge_rivals(Detections(frame, corners, score, np.array([DOG, CAT] * 3, np.int32)))
    assert merged.kept.class_index.tolist() == [DOG, DOG, CAT]
    assert refine_tracks(np.ones(3, np.int32), merged, OFF, SIZE, 3).class_index.tolist() == [CAT] * 3


def test_without_smoothing_boxes_are_the_detectors_own():
    labels = refined([(0, 1, 0.9, CAT), (1, 1, 0.9, CAT)])
    np.testing.assert_array_equal(labels.corners[0], [100, 100, 140, 160])


def test_short_unsure_tracks_are_dropped_and_short_sure_ones_kept():
    options = OFF.model_copy(update={"min_track_frames": 3})
    labels = refined(
        [(0, 1, 0.4, CAT), (1, 1, 0.4, CAT), (0, 2, 0.8, CAT), (0, 3, 0.2, CAT), (1, 3, 0.2, CAT), (2, 3, 0.2, CAT)],
        options,
    )
    assert sorted(set(labels.track.tolist())) == [2, 3]


def test_holes_are_filled_without_a_score_and_believed_less_the_further_they_are_from_a_sighting():
    rows = [(frame, 1, 0.9, CAT) for frame in (*range(6), *range(13, 19))]
    labels = refined(rows, OFF.model_copy(update={"max_gap_frames": 7}))
    assert labels.frame.tolist() == [*range(19)]
    assert np.isnan(labels.score).tolist() == [6 <= frame < 13 for frame in range(19)]
    hole = labels.confidence[5:13]
    assert (np.diff(hole[:5]) < 0).all() and (np.diff(hole[4:]) > 0).all()
    np.testing.assert_allclose(labels.corners[6], [112, 112, 152, 172])


def test_labels_are_sorted_by_frame_and_track_and_lie_in_the_frame():
    labels = refined([(1, 4, 0.9, CAT), (0, 5, 0.9, CAT), (0, 4, 0.9, CAT), (1, 5, 0.9, CAT)], step=300)
    assert list(zip(labels.frame.tolist(), labels.track.tolist(), strict=True)) == [(0, 4)]
    assert labels.corners[:, 2].max() <= SIZE[0] and labels.corners[:, 3].max() <= SIZE[1]


def test_nothing_seen_gives_no_labels():
    empty = Detections(
        np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
    )
    seen = Observations(empty.frame, empty.frame, empty.corners, empty.score, empty.class_index, empty.frame)
    assert len(refine_tracks(empty.frame, merge_rivals(empty), RefinementOptions(), SIZE, 9)) == 0
    assert len(plain_tracks(seen, SIZE)) == 0


def test_plain_tracks_keep_the_class_and_the_filtered_box_of_each_frame():
    corners = np.float32([[-4, 10, 30, 40], [0, 10, 34, 40]])
    frame = np.array([0, 1], np.int32)
    seen = Observations(
        frame, np.ones(2, np.int32), corners, np.float32([0.9, 0.5]), np.array([CAT, DOG], np.int32), frame
    )
    labels = plain_tracks(seen, SIZE)
    assert labels.class_index.tolist() == [CAT, DOG]
    np.testing.assert_array_equal(labels.corners[0], [0, 10, 30, 40])


def test_between_counts_frames_from_its_first():
    labels = refined([(frame, 1, 0.9, CAT) for frame in range(6)]).between(2, 5)
    assert labels.frame.tolist() == [0, 1, 2]
