import pickle
from dataclasses import replace

import pytest

from schemas.errors import MediaError, StoreError
from schemas.records import SourceSegment
from schemas.tables import TRUTH
from storage.clips import commit_clip, find_clip, media_path, read_source_truth, read_truth
from storage.store import Store
from storage.video import check_clip, write_clip


def test_a_clip_reads_back_as_it_was_committed(store, encoded, record, truth):
    assert find_clip(store, record.clip_id) is None
    assert commit_clip(store, record, encoded.path, truth) == record
    assert find_clip(store, record.clip_id) == record
    assert read_truth(store, record.clip_id).equals(truth)
    assert media_path(store, record).read_bytes() == encoded.path.read_bytes()


def test_the_labels_of_a_source_lie_beside_the_clip_and_are_no_truth_of_it(store, encoded, record, truth):
    restyled = replace(record, has_truth=False)
    commit_clip(store, restyled, encoded.path, None, source_truth=truth)
    assert read_source_truth(store, restyled).equals(truth)
    with pytest.raises(StoreError, match="has no exact labels"):
        read_truth(store, record.clip_id)


def test_a_clip_without_labels_of_a_source_says_how_to_get_them(store, encoded, record, truth):
    commit_clip(store, record, encoded.path, truth)
    with pytest.raises(StoreError, match=r"no labels of a source(.|\n)*render the clip again"):
        read_source_truth(store, record)


def test_footage_keeps_its_segment(store, encoded, record):
    segment = SourceSegment("a" * 64, "walk.mov", 2, 96)
    footage = replace(record, segment=segment, has_truth=False)
    commit_clip(store, footage, encoded.path, None)
    assert find_clip(store, record.clip_id).segment == segment


def test_the_first_render_wins(store, encoded, record, truth, shapes, tmp_path):
    other = write_clip(tmp_path / "other.mp4", shapes(count=12)[::-1], 12)
    second = replace(record, media_id=other.media_id, size=other.size)
    commit_clip(store, record, encoded.path, truth)
    assert commit_clip(store, second, other.path, TRUTH.empty_table()) == record
    assert read_truth(store, record.clip_id).equals(truth)


def test_a_render_that_lost_lends_no_truth_to_the_winner(store, encoded, record, truth, shapes, tmp_path):
    """The one killed before its record had stored its truth; another render of the clip then wins with its own."""
    from storage.clips import RECORD_FORM, TRUTH_STAGE, truth_key
    from storage.commits import commit_table

    other = write_clip(tmp_path / "other.mp4", shapes(count=12)[::-1], 12)
    lost = replace(record, media_id=other.media_id, size=other.size)
    store.put_file(lost.media_key, other.path)
    commit_table(store, TRUTH_STAGE, RECORD_FORM, truth_key(lost), TRUTH.empty_table())
    commit_clip(store, record, encoded.path, truth)
    assert read_truth(store, record.clip_id).equals(truth)


def test_a_file_of_another_size_than_recorded_is_refused(store, encoded, record, truth, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(encoded.path.read_bytes()[:-10])
    for path in (cut, tmp_path / "absent.mp4"):
        with pytest.raises(MediaError, match=path.name):
            commit_clip(store, record, path, truth)
    assert find_clip(store, record.clip_id) is None
    assert list(store.keys("media")) == []


def test_a_record_that_disagrees_with_its_truth_is_refused(store, encoded, record, truth):
    with pytest.raises(ValueError, match="has_truth"):
        commit_clip(store, record, encoded.path, None)
    with pytest.raises(ValueError, match="has_truth"):
        commit_clip(store, replace(record, has_truth=False), encoded.path, truth)


def test_truth_that_is_not_there_is_told(store, encoded, record):
    with pytest.raises(StoreError, match="not in the store"):
        read_truth(store, record.clip_id)
    commit_clip(store, replace(record, has_truth=False), encoded.path, None)
    with pytest.raises(StoreError, match="no exact labels"):
        read_truth(store, record.clip_id)


def test_a_video_removed_by_hand_is_named(store, encoded, record, truth):
    commit_clip(store, record, encoded.path, truth)
    store.path(record.media_key).unlink()
    with pytest.raises(StoreError, match=record.media_id):
        media_path(store, record)


def test_a_record_written_by_a_newer_version_is_refused(store, record):
    store.put(f"objects/render/v1/{record.clip_id}", b'{"schema_version": 99}')
    with pytest.raises(StoreError, match="Upgrade"):
        find_clip(store, record.clip_id)


def test_a_store_travels_to_another_process(store):
    assert pickle.loads(pickle.dumps(store)) == store


def test_a_commit_killed_at_any_step_leaves_a_whole_clip_or_none(tmp_path, killed_runs, encoded, record, truth):
    def commit(store):
        return commit_clip(store, record, encoded.path, truth)

    dry = Store.open(tmp_path / "dry")
    steps = killed_runs.steps(lambda: commit(dry))
    assert steps.count("before link") == 3, "media, truth, record"
    seen = []
    for number, _ in enumerate(steps):
        store = Store.open(tmp_path / str(number))
        assert killed_runs.kill_at(number, lambda store=store: commit(store))
        found = find_clip(store, record.clip_id)
        seen.append(found is not None)
        if found is not None:
            _is_whole(store, found, truth)
        Store.open(store.root)
        assert [entry.name for entry in (store.root / "tmp").iterdir()] == [".guard"]
        _is_whole(store, commit(store), truth)
    assert seen == sorted(seen)
    assert seen[0] is False
    assert seen[-1] is True


def _is_whole(store, record, truth):
    check_clip(media_path(store, record), record.frames)
    assert read_truth(store, record.clip_id).equals(truth)
