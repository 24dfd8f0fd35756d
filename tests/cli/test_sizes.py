import os

import pytest

from cli.sizes import folder_size, show_duration, show_size


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (999, "999 B"), (1536, "1.5 kB"), (2_000_000, "2.0 MB"), (7.5e12, "7.5 TB")]
)
def test_sizes_are_written_for_people(size, shown):
    assert show_size(size) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, "0 s"), (59, "59 s"), (75, "1 min 15 s"), (3720, "1 h 2 min")])
def test_durations_are_written_for_people(seconds, shown):
    assert show_duration(seconds) == shown


def test_linked_files_count_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"x" * 100)
    os.link(tmp_path / "a" / "one", tmp_path / "again")
    assert folder_size(tmp_path) == 100
