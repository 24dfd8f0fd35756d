"""An inbox is looked into every quarter of an hour, whether there is something in it or not."""

import pytest

from schemas.errors import FramefoundryError


@pytest.mark.parametrize("exists", [True, False])
def test_an_inbox_without_videos_ends_well_and_publishes_nothing(prefect_server, tmp_path, exists):
    from flows.label import label_footage

    inbox = tmp_path / "inbox"
    if exists:
        inbox.mkdir()
        (inbox / "notes.txt").write_text("no video")
    report = label_footage(str(inbox), may_be_empty=True, store=str(tmp_path / "store"))
    assert (report.recipe, report.clips, report.new_version, report.dataset) == ("inbox", 0, False, "")


def test_a_folder_that_somebody_named_must_hold_videos(prefect_server, tmp_path):
    from flows.label import label_footage

    with pytest.raises(FramefoundryError, match="no such folder"):
        label_footage(str(tmp_path / "nowhere"), store=str(tmp_path / "store"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FramefoundryError, match="no videos"):
        label_footage(str(tmp_path / "empty"), store=str(tmp_path / "store"))
