"""What clips start from: picked by content, brought to size and rate, drawn where there are no files."""

from dataclasses import replace

import numpy as np
import pytest

from generators.diffusers_video.inputs import (
    DrawnScene,
    ImageFile,
    SourcePicker,
    VideoFile,
    cover,
    fit_labels,
    hash_file,
    load_first_frame,
    load_frames,
    scene_request,
    source_identity,
    source_labels,
)
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import EnvironmentFault, MediaError
from schemas.recipe import ClipOptions
from schemas.records import Scenario
from schemas.tables import TRUTH
from storage.video import EncodedClip, write_clip

CLIP = ClipOptions(frames=5, fps=10, width=64, height=32)


def scenario(name: str, seed: int = 3) -> Scenario:
    return Scenario(name, f"prompt of {name}", objects={"car": 1}, seed=seed)


@pytest.fixture
def images(tmp_path):
    import cv2

    folder = tmp_path / "images"
    folder.mkdir()
    for shade in (20, 120, 220):
        cv2.imwrite(str(folder / f"{shade}.png"), np.full((40, 40, 3), (shade, 0, 0), np.uint8))  # BGR: blue
    return folder


@pytest.fixture
def ramp(tmp_path):
    """A video of 40 frames at 20 frames a second that grows brighter, 6 levels a frame."""
    path = tmp_path / "ramp.mp4"
    write_clip(path, (np.full((32, 64, 3), 6 * index, np.uint8) for index in range(40)), 20, crf=0)
    return path


def image_options(folder) -> DiffusersOptions:
    return DiffusersOptions(model="m", mode="image", images=folder)


def test_a_scenario_keeps_its_image_when_another_is_renamed_or_added(images):
    names = [f"s{index}" for index in range(20)]
    before = {name: SourcePicker(image_options(images), CLIP).pick(scenario(name)).sha256 for name in names}
    assert len(set(before.values())) == 3
    (images / "20.png").rename(images / "zebra.png")
    (images / "new.png").write_bytes((images / "120.png").read_bytes() + b"\0")
    after = {name: SourcePicker(image_options(images), CLIP).pick(scenario(name)).sha256 for name in names}
    new = hash_file(images / "new.png")
    assert all(after[name] in {before[name], new} for name in names)


def test_a_first_frame_comes_in_rgb_covering_the_clip(images):
    frame = load_first_frame(ImageFile(images / "220.png", ""), 64, 32)
    assert frame.shape == (32, 64, 3)
    assert frame[0, 0].tolist() == [0, 0, 220]


def test_covering_cuts_around_the_middle_and_stretches_nothing():
    wide = np.zeros((10, 40, 3), np.uint8)
    wide[:, 15:25] = 255
    assert cover(wide, 10, 10).mean() == 255


def test_a_stretch_of_video_is_resampled_to_the_clips_rate_from_its_start(ramp):
    frames = load_frames(VideoFile(ramp, "", start=0.5), 5, 10, 64, 32)
    levels = [float(frame.mean()) for frame in frames]
    assert levels == pytest.approx([60, 72, 84, 96, 108], abs=3)


def test_a_video_that_ends_too_early_is_a_media_error(ramp):
    with pytest.raises(MediaError, match="of 5 frames"):
        load_frames(VideoFile(ramp, "", start=1.8), 5, 10, 64, 32)


def test_videos_shorter_than_a_clip_are_left_out_and_told_when_none_is_left(ramp):
    options = DiffusersOptions(model="m", mode="video", source=ramp.parent)
    picked = SourcePicker(options, CLIP).pick(scenario("a"))
    assert 0 <= picked.start <= 1.5
    with pytest.raises(EnvironmentFault, match=r"none lasts the 3\.00 s"):
        SourcePicker(options, CLIP.model_copy(update={"frames": 30}))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(EnvironmentFault, match=r"generator\.images"):
        SourcePicker(image_options(tmp_path), CLIP)


def test_a_drawn_source_has_the_labels_of_its_scene():
    picked = SourcePicker(DiffusersOptions(model="m", mode="video", source="procedural"), CLIP).pick(scenario("a"))
    assert picked == DrawnScene(scene_request(scenario("a"), CLIP))
    assert len(load_frames(picked, 5, 10, 64, 32)) == 5
    labels = source_labels(scenario("a"), CLIP)
    assert labels.schema.equals(TRUTH)
    assert set(labels["class_name"].to_pylist()) == {"car"}


def test_labels_of_a_source_are_brought_to_the_clip_that_came_back(tmp_path):
    labels = source_labels(scenario("a"), CLIP)
    same = EncodedClip(tmp_path / "a.mp4", "0" * 64, CLIP.frames, CLIP.fps, CLIP.width, CLIP.height, 1)
    assert fit_labels(labels, CLIP, same).equals(labels)
    other = fit_labels(labels, CLIP, replace(same, frames=4, width=128, height=96))
    assert other.schema.equals(labels.schema)
    kept = labels.slice(0, len(other))
    assert set(other["frame"].to_pylist()) <= set(range(4)) and len(other) < len(labels)
    for name, scale in {"x": 2, "w": 2, "full_w": 2, "y": 3, "full_y": 3, "h": 3, "visibility": 1}.items():
        assert other[name].to_numpy() == pytest.approx(kept[name].to_numpy() * scale)


def test_paths_are_not_part_of_an_identity(images):
    first = ImageFile(images / "20.png", "abc")
    assert source_identity(first) == source_identity(ImageFile(images / "other.png", "abc"))
    assert source_identity(None) is None


@pytest.mark.parametrize("mode", ["image", "video"])
def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path, images, ramp, mode):
    inside, outside = tmp_path / "named", tmp_path / "private"
    for folder in (inside, outside):
        folder.mkdir()
    secret = images / "20.png" if mode == "image" else ramp
    (outside / secret.name).write_bytes(secret.read_bytes())
    (inside / f"link{secret.suffix}").symlink_to(outside / secret.name)
    (inside / "folder").symlink_to(outside)
    field = {"image": "images", "video": "source"}[mode]
    with pytest.raises(EnvironmentFault, match="holds no files"):
        SourcePicker(DiffusersOptions(model="x/y", mode=mode, **{field: inside}), CLIP)


def test_a_picture_that_no_memory_holds_is_refused_by_its_head(tmp_path):
    from PIL import Image

    Image.new("1", (20_000, 4_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 20_000
    with pytest.raises(MediaError, match="20000x4000"):
        load_first_frame(ImageFile(tmp_path / "bomb.png", "0"), 64, 32)
    Image.new("1", (20_000, 20_000)).save(tmp_path / "larger.png")
    with pytest.raises(MediaError, match="decompression bomb"):
        load_first_frame(ImageFile(tmp_path / "larger.png", "0"), 64, 32)
