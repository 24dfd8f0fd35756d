import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_videos import make_video, number_of

from generators.footage_frames import choose_fit, read_at
from schemas.errors import MediaError


@given(st.integers(2, 500), st.integers(2, 500), st.sampled_from(["native", "letterbox", "crop"]))
def test_clips_have_even_sizes_and_pictures_keep_their_shape(width, height, how):
    fit = choose_fit((width, height), 0, (64, 48), how)
    assert fit.width % 2 == 0 and fit.height % 2 == 0 and fit.width > 0 and fit.height > 0
    if how == "native":
        assert (width - fit.width, height - fit.height) <= (1, 1)
    elif how == "letterbox":
        assert fit.scaled_width <= 64 and fit.scaled_height <= 48
        assert fit.scaled_width == 64 or fit.scaled_height == 48
    else:
        assert fit.scaled_width >= 64 and fit.scaled_height >= 48
        assert fit.scaled_width == 64 or fit.scaled_height == 48
    assert abs(fit.scaled_width * height - fit.scaled_height * width) <= max(width, height)


def test_a_picture_too_small_to_encode_is_refused():
    with pytest.raises(ValueError, match="1x9"):
        choose_fit((1, 9), 0, (64, 48), "native")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_reading_from_the_middle_gives_the_frames_of_the_middle(tmp_path, suffix):
    codec = {"webm": "libvpx", "avi": "mpeg4"}.get(suffix, "libx264")
    path = make_video(tmp_path / f"a.{suffix}", 60, codec=codec, gop=10)
    times = np.arange(40, 50) / 10
    fit = choose_fit((64, 48), 0, (64, 48), "native")
    assert [number_of(frame) for frame in read_at(path, times, fit)] == list(range(40, 50))


def test_times_beyond_the_end_are_refused_by_name(tmp_path):
    path = make_video(tmp_path / "a.mp4", 10)
    frames = read_at(path, np.array([0.8, 0.9, 5.0]), choose_fit((64, 48), 0, (64, 48), "native"))
    assert [number_of(next(frames)), number_of(next(frames))] == [8, 9]
    with pytest.raises(MediaError, match=r"a\.mp4: nothing can be decoded around second 5\.00"):
        next(frames)
