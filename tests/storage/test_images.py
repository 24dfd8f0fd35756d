import hashlib
import io

import numpy as np
import pytest

from schemas.errors import MediaError, StoreError
from storage import images
from storage.clips import commit_clip
from storage.images import store_frame_images
from storage.video import read_frames


@pytest.fixture
def committed(store, encoded, record, truth):
    return commit_clip(store, record, encoded.path, truth)


@pytest.fixture
def no_decoding(monkeypatch):
    def forbid():
        def refuse(*args, **kwargs):
            raise AssertionError("decoded again")

        monkeypatch.setattr(images, "read_frames", refuse)

    return forbid


def test_every_second_frame_becomes_an_image_under_its_content(store, committed):
    stored = store_frame_images(store, committed, stride=2, quality=95)
    assert list(stored) == [0, 2, 4, 6, 8, 10]
    for key in stored.values():
        name = hashlib.sha256(store.read(key)).hexdigest()
        assert key == f"frames/{name[:2]}/{name}.jpg"


def test_an_image_shows_its_frame_with_its_colours(store, committed, encoded):
    from PIL import Image

    stored = store_frame_images(store, committed, stride=5, quality=95)
    frames = dict(read_frames(encoded.path))
    for index, key in stored.items():
        image = np.asarray(Image.open(io.BytesIO(store.read(key))))
        assert image.shape == frames[index].shape
        assert np.abs(image.astype(int) - frames[index]).mean() < 4


def test_a_second_call_decodes_nothing(store, committed, no_decoding):
    first = store_frame_images(store, committed, stride=3, quality=90)
    no_decoding()
    assert store_frame_images(store, committed, stride=3, quality=90) == first
    with pytest.raises(AssertionError, match="decoded again"):
        store_frame_images(store, committed, stride=4, quality=90)


def test_strides_share_the_images_of_the_frames_that_they_share(store, committed):
    by_two = store_frame_images(store, committed, stride=2, quality=95)
    count = len(list(store.keys("frames")))
    by_four = store_frame_images(store, committed, stride=4, quality=95)
    assert by_four == {frame: key for frame, key in by_two.items() if frame % 4 == 0}
    assert len(list(store.keys("frames"))) == count


def test_another_quality_is_another_image(store, committed):
    fine = store_frame_images(store, committed, stride=6, quality=95)
    coarse = store_frame_images(store, committed, stride=6, quality=50)
    assert set(fine.values()).isdisjoint(coarse.values())
    assert len(store.read(coarse[0])) < len(store.read(fine[0]))


def test_images_removed_by_hand_are_made_again(store, committed):
    stored = store_frame_images(store, committed, stride=4, quality=95)
    store.path(stored[4]).unlink()
    assert store_frame_images(store, committed, stride=4, quality=95) == stored
    assert store.exists(stored[4])


def test_a_clip_with_fewer_frames_than_its_record_says_is_refused(store, encoded, record):
    from dataclasses import replace

    longer = commit_clip(store, replace(record, frames=20, has_truth=False), encoded.path, None)
    with pytest.raises(MediaError, match="20"):
        store_frame_images(store, longer, stride=1, quality=95)


def test_a_missing_video_is_named(store, record):
    with pytest.raises(StoreError, match=record.media_id):
        store_frame_images(store, record, stride=2, quality=95)


@pytest.mark.parametrize(("stride", "quality"), [(0, 95), (-1, 95), (1, 0), (1, 101)])
def test_impossible_options_are_refused(store, record, stride, quality):
    with pytest.raises(ValueError, match="stride must be"):
        store_frame_images(store, record, stride=stride, quality=quality)
