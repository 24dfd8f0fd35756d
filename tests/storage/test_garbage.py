import json
import os
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import BusyError, StoreError
from schemas.reviews import REVIEWS
from storage.clips import commit_clip, find_clip, media_path, read_truth
from storage.commits import commit_table, is_committed
from storage.datasets import publish_version
from storage.garbage import find_garbage, remove_garbage
from storage.images import store_frame_images
from storage.locks import hold, hold_alone
from storage.video import write_clip

KEPT, LOOSE = "a" * 32, "b" * 32


@pytest.fixture
def add_clip(store, record, truth, shapes, tmp_path):
    """Commit a clip with its truth, tracks, scores and two frame images; its pixels depend on ``shade``."""

    def add(clip_id, shade):
        frames = [np.clip(frame.astype(int) + shade, 0, 255).astype(np.uint8) for frame in shapes()]
        encoded = write_clip(tmp_path / f"{clip_id}.mp4", frames, 12)
        made = replace(record, clip_id=clip_id, media_id=encoded.media_id, size=encoded.size)
        commit_clip(store, made, encoded.path, truth)
        commit_table(store, "tracks", "f1", made.media_id, truth)
        commit_table(store, "tracks", "f2", made.media_id, truth)
        commit_table(store, "clip_scores", "f1", clip_id, truth)
        store_frame_images(store, made, stride=6, quality=80)
        return made

    return add


@pytest.fixture
def age(store):
    """Make everything in the store look ``days`` old."""

    def make(days):
        then = time.time() - days * 86400
        for path in store.root.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))

    return make


def publish(store, records, version="v1"):
    def build(folder):
        (folder / "manifest").mkdir()
        columns = {name: [getattr(record, name) for record in records] for name in ("clip_id", "media_id")}
        pq.write_table(pa.table(columns), folder / "manifest" / "clips.parquet")
        (folder / "dataset.json").write_text(json.dumps({"clips": len(records)}))

    publish_version(store, "street", version, build)


@pytest.fixture
def two(store, add_clip, age):
    """Two old clips, of which a version lists the first."""
    kept, loose = add_clip(KEPT, 0), add_clip(LOOSE, 60)
    publish(store, [kept])
    age(30)
    return kept, loose


def contents(store):
    return {
        path.relative_to(store.root).as_posix(): path.read_bytes()
        for path in store.root.rglob("*")
        if path.is_file() and path.relative_to(store.root).parts[0] not in {"tmp", "locks"}
    }


def test_a_clip_that_no_version_lists_goes_with_all_that_is_about_it(store, two):
    _, loose = two
    before = contents(store)
    garbage = remove_garbage(store)
    gone = before.keys() - contents(store).keys()
    assert (garbage.clips, garbage.kept_clips, garbage.young_clips) == (1, 1, 0)
    assert gone == set(garbage.keys)
    assert garbage.size == sum(len(before[key]) for key in gone)
    assert find_clip(store, LOOSE) is None
    assert not store.exists(loose.media_key)
    assert len(gone) == 1 + 1 + 1 + 3 + 1 + 2  # record, truth, media, labels, index of images, images
    assert find_garbage(store).keys == ()


def test_a_published_clip_stays_whole(store, two):
    kept, _ = two
    before = contents(store)
    garbage = remove_garbage(store)
    after = contents(store)
    assert after == {key: data for key, data in before.items() if key not in garbage.keys}
    assert media_path(store, kept).is_file()
    assert len(read_truth(store, KEPT)) == 2
    assert is_committed(store, "tracks", "f2", kept.media_id)
    images = store_frame_images(store, kept, stride=6, quality=80)
    assert all(store.exists(key) for key in images.values())


def test_looking_removes_nothing(store, two):
    before = contents(store)
    assert find_garbage(store).clips == 1
    assert contents(store) == before


def test_every_version_counts_not_only_the_current_one(store, two):
    _, loose = two
    publish(store, [loose], "v2")
    assert find_garbage(store).clips == 0


def test_what_is_young_stays(store, two):
    assert find_garbage(store, grace_days=31).keys == ()
    assert find_garbage(store, grace_days=31).young_clips == 1


def test_a_clip_that_was_labelled_lately_stays(store, two, truth):
    _, loose = two
    commit_table(store, "tracks", "f3", loose.media_id, truth)
    assert find_garbage(store).young_clips == 1
    assert find_garbage(store).keys == ()


def test_a_clip_that_the_caller_names_stays(store, two):
    assert find_garbage(store, keep=[LOOSE]).keys == ()


def test_a_reviewed_clip_stays(store, two, age):
    columns = {name: pa.nulls(1, REVIEWS.field(name).type) for name in REVIEWS.names}
    review = {**columns, "clip_id": pa.array([LOOSE], REVIEWS.field("clip_id").type)}
    fields = [field.with_nullable(True) for field in REVIEWS]
    store.put(
        f"objects/reviews/subject/000001-{'0' * 16}",
        _parquet(pa.table([review[name] for name in REVIEWS.names], schema=pa.schema(fields))),
    )
    age(30)
    assert find_garbage(store).keys == ()


def _parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def test_media_that_a_kept_clip_shares_stays(store, add_clip, age):
    kept, twin = add_clip(KEPT, 0), add_clip(LOOSE, 0)
    assert kept.media_id == twin.media_id
    publish(store, [kept])
    age(30)
    garbage = remove_garbage(store)
    assert garbage.clips == 1
    assert media_path(store, kept).is_file()
    assert is_committed(store, "tracks", "f1", kept.media_id)
    assert all(store.exists(key) for key in store_frame_images(store, kept, stride=6, quality=80).values())


def test_what_a_killed_run_left_without_a_record_goes(store, two, age):
    remove_garbage(store)
    store.put("media/ff/" + "f" * 64 + ".mp4", b"orphan")
    store.put("objects/truth/v1/" + "e" * 32 + "." + "f" * 16, b"orphan")
    store.put("frames/ff/" + "f" * 64 + ".jpg", b"orphan")
    assert find_garbage(store).keys == (), "it is young: its record may be on the way"
    age(30)
    assert len(remove_garbage(store).keys) == 3


def test_what_is_not_about_a_clip_stays(store, two, age):
    others = ["objects/calibrations/s/c", "objects/prompts/f/" + "d" * 64, "models/m/v/weights.pt", "notes/x"]
    for key in others:
        store.put(key, b"{}")
    age(30)
    remove_garbage(store)
    assert all(store.exists(key) for key in others)


def test_nothing_goes_while_somebody_works_on_the_store(store, two):
    with hold(store, "recipe-street"), pytest.raises(BusyError, match=r"recipe-street \(process \d+\)"):
        remove_garbage(store)
    assert find_garbage(store).clips == 1


def test_nobody_begins_to_work_while_things_are_removed(store):
    with hold_alone(store, "gc"), pytest.raises(BusyError, match="being removed"), hold(store, "recipe-street"):
        pass
    with hold(store, "recipe-street"), hold(store, "publish-street", wait=True):
        pass


def test_a_server_that_only_starts_others_is_not_in_the_way(store, two):
    with hold(store, "serve", uses_objects=False):
        assert remove_garbage(store).clips == 1


def test_a_version_that_cannot_be_read_keeps_everything(store, two):
    (store.root / "datasets/street/v1/manifest/clips.parquet").write_bytes(b"damaged")
    before = contents(store)
    with pytest.raises(StoreError, match=r"clips\.parquet cannot be read"):
        remove_garbage(store)
    assert contents(store) == before


def test_killed_after_any_removal_the_store_is_whole_and_the_rest_goes_next_time(store, two, monkeypatch):
    """Every clip that is left has its media and its truth."""
    order = find_garbage(store).keys
    for key in order:
        store.path(key).unlink()
        for clip_id in (KEPT, LOOSE):
            record = find_clip(store, clip_id)
            if record is not None:
                assert media_path(store, record).is_file()
                assert len(read_truth(store, clip_id)) == 2
        assert set(find_garbage(store).keys) == set(order) - set(order[: order.index(key) + 1])
