import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_videos import make_video

from generators.footage_timeline import MIN_TAIL_FRAMES, Timeline, cut_segments, read_timeline, show_times
from schemas.errors import MediaError


@given(st.integers(1, 2000), st.integers(1, 300))
def test_segments_follow_one_another_and_hold_every_frame(total, length):
    segments = cut_segments(total, length)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    assert [s.start for s in segments] == [0, *np.cumsum([s.frames for s in segments])[:-1]]
    assert sum(segment.frames for segment in segments) == total
    assert all(segment.frames == length for segment in segments[:-1])
    assert segments[-1].frames < length + MIN_TAIL_FRAMES
    assert len(segments) == 1 or segments[-1].frames >= min(MIN_TAIL_FRAMES, length)


def test_no_segment_grows_beyond_the_longest_clip():
    assert [segment.frames for segment in cut_segments(5001, 4999)] == [4999, 2]


@given(st.lists(st.floats(0.001, 0.4), min_size=3, max_size=8), st.floats(1, 60))
def test_the_frame_shown_is_the_nearest_one(steps, fps):
    times = np.cumsum(steps)
    times[-1] += 20  # a rate that is not constant
    timeline = Timeline(times, float(times[-1]) + 0.04, 25.0)
    shown = show_times(timeline, fps)
    wanted = times[0] + np.arange(len(shown)) / fps
    assert np.allclose(np.abs(shown - wanted), np.abs(times[:, None] - wanted).min(axis=0), atol=1e-6)
    assert set(shown) <= set(times)
    assert (np.diff(shown) >= 0).all()


def test_a_hole_in_a_constant_rate_and_a_missing_end_are_not_papered_over():
    times = np.array([place / 10 for place in range(40) if not 10 <= place < 20])
    shown = show_times(Timeline(times, 5.0, 10.0), 10.0)
    lost = ~np.isin(shown, times)
    assert len(shown) == 50
    assert np.flatnonzero(lost).tolist() == [*range(12, 18), *range(42, 50)]


def test_a_pause_in_a_variable_rate_shows_its_frame_for_as_long():
    times = np.array([0.0, 0.1, 0.25, 2.0, 2.1, 2.3])
    assert np.isin(show_times(Timeline(times, 2.4, 3.0), 10.0), times).all()


def test_a_constant_rate_stays_what_the_container_says(tmp_path):
    timeline = read_timeline(make_video(tmp_path / "a.mp4", 10, fps=25), 25.0)
    assert (timeline.fps, len(timeline.times)) == (25.0, 10)
    assert timeline.end == pytest.approx(0.4, abs=0.01)
    assert np.array_equal(show_times(timeline, 25.0), timeline.times)


def test_a_variable_rate_becomes_its_average(tmp_path):
    path = make_video(tmp_path / "a.mkv", 5, times=[0.0, 0.1, 0.2, 1.0, 2.0])
    assert read_timeline(path, 10.0).fps == pytest.approx(5 / 2.5, rel=0.4)


def test_lost_frames_do_not_lower_a_constant_rate(tmp_path):
    path = make_video(tmp_path / "a.mkv", 30, times=[n / 10 for n in range(40) if not 10 <= n < 20])
    assert read_timeline(path, 7.5).fps == pytest.approx(10, rel=0.02)


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(MediaError, match=r"a\.mp4: cannot be read"):
        read_timeline(tmp_path / "a.mp4", 10.0)
