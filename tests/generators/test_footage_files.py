import hashlib
import logging

import pytest

from generators.footage_files import find_files, find_videos, hash_file
from schemas.errors import MediaError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())
    return path


def names(folder):
    return [path.relative_to(folder).as_posix() for path in find_videos(folder)]


def test_videos_are_found_at_every_depth_in_a_fixed_order(tmp_path):
    for name in ("b.MP4", "a/z.mov", "a.mkv", "notes.txt", "c/d/e.webm", "x.m4v", "y.avi"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.mkv", "a/z.mov", "b.MP4", "c/d/e.webm", "x.m4v", "y.avi"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    for name in (".hidden.mp4", "._a.mp4", ".trash/b.mp4", "a.mp4"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.mp4"]


def test_links_that_lead_out_of_the_folder_are_passed_over_with_a_warning(tmp_path, caplog):
    inside = touch(tmp_path / "videos" / "a.mp4")
    outside = touch(tmp_path / "secret" / "b.mp4")
    (tmp_path / "videos" / "in.mp4").symlink_to(inside)
    (tmp_path / "videos" / "out.mp4").symlink_to(outside)
    (tmp_path / "videos" / "folder").symlink_to(outside.parent)
    (tmp_path / "videos" / "loop").symlink_to(tmp_path / "videos")
    with caplog.at_level(logging.WARNING):
        assert names(tmp_path / "videos") == ["a.mp4", "in.mp4"]
    assert "out.mp4" in caplog.text


def test_a_broken_link_is_passed_over(tmp_path):
    touch(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").symlink_to(tmp_path / "absent.mp4")
    assert names(tmp_path) == ["a.mp4"]


def test_the_hash_is_that_of_the_bytes(tmp_path):
    assert hash_file(touch(tmp_path / "a.mp4")) == hashlib.sha256(b"a.mp4").hexdigest()
    with pytest.raises(MediaError, match=r"b\.mp4: cannot be read"):
        hash_file(tmp_path / "b.mp4")


def test_other_kinds_of_files_are_found_by_the_same_rules(tmp_path):
    outside = touch(tmp_path / "private" / "b.png")
    touch(tmp_path / "named" / "a.PNG")
    touch(tmp_path / "named" / "a.mp4")
    (tmp_path / "named" / "b.png").symlink_to(outside)
    assert [path.name for path in find_files(tmp_path / "named", (".png",))] == ["a.PNG"]
