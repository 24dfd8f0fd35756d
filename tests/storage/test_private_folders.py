import os
from pathlib import Path

import pytest

from schemas.errors import EnvironmentFault
from storage.private_folders import make_private_folder


@pytest.fixture
def open_umask():
    """The most careless setting that a user may have."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o777


def test_it_is_its_owners_alone_whatever_the_umask_and_whoever_made_it(tmp_path, open_umask):
    make_private_folder(tmp_path / "a" / "new")
    (tmp_path / "old").mkdir(mode=0o777)
    make_private_folder(tmp_path / "old")
    assert mode(tmp_path / "a" / "new") == mode(tmp_path / "old") == 0o700


def test_what_others_can_write_to_is_refused_where_it_cannot_be_closed(tmp_path, open_umask, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)  # as for a folder of another user
    (tmp_path / "readable").mkdir(mode=0o755)
    make_private_folder(tmp_path / "readable")
    for writable in (0o777, 0o775, 0o702):
        folder = tmp_path / oct(writable)
        folder.mkdir(mode=writable)
        with pytest.raises(EnvironmentFault, match="other users can write to it"):
            make_private_folder(folder)


def test_a_file_in_its_place_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be kept from other users"):
        make_private_folder(tmp_path / "file")
