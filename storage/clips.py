"""Rendered clips: the media file, its exact truth, and the record that makes both count."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from schemas.errors import MediaError, StoreError
from schemas.records import ClipRecord, clip_from_json, clip_to_json
from schemas.tables import TRUTH
from storage.commits import (
    commit_json,
    commit_table,
    committed_keys,
    is_committed,
    object_key,
    read_json,
    read_jsons,
    read_table,
)
from storage.store import Store

CLIP_STAGE = "render"
TRUTH_STAGE = "truth"
SOURCE_TRUTH_STAGE = "source_truth"
# clip_id names all inputs of the pixels by itself; the fingerprint only tells apart forms of the record.
RECORD_FORM = "v1"


def commit_clip(
    store: Store, record: ClipRecord, media: Path, truth: pa.Table | None, source_truth: pa.Table | None = None
) -> ClipRecord:
    """Commit the file ``media``, then its tables, then ``record``; the record of whoever committed this clip first.

    ``source_truth`` are the exact labels of a source that the clip was made from: evidence, no truth of the clip. The
    record comes last: a clip without one does not exist, whatever a killed process left of its file.

    Raises:
        MediaError: the file is not as large as the record says.
        StoreError: the disk is full or not writable; the clip does not exist then.
        ValueError: ``record.has_truth`` does not agree with ``truth``.
    """
    if record.has_truth != (truth is not None):
        raise ValueError(f"clip {record.clip_id}: has_truth is {record.has_truth}, truth is {type(truth).__name__}")
    winner = find_clip(store, record.clip_id)
    if winner is not None:
        return winner
    size = media.stat().st_size if media.is_file() else -1
    if size != record.size:
        raise MediaError(
            f"{media}: {max(size, 0)} bytes, the clip's record says {record.size}.", "Render the clip again."
        )
    store.put_file(record.media_key, media)
    if truth is not None:
        commit_table(store, TRUTH_STAGE, RECORD_FORM, truth_key(record), truth)
    if source_truth is not None:
        commit_table(store, SOURCE_TRUTH_STAGE, RECORD_FORM, truth_key(record), source_truth)
    commit_json(store, CLIP_STAGE, RECORD_FORM, record.clip_id, clip_to_json(record))
    return _read_record(store, record.clip_id)


def find_clip(store: Store, clip_id: str) -> ClipRecord | None:
    """The committed record of ``clip_id``; None while there is none."""
    return _read_record(store, clip_id) if is_committed(store, CLIP_STAGE, RECORD_FORM, clip_id) else None


def find_clips(store: Store, clip_ids: Iterable[str]) -> list[ClipRecord]:
    """The committed records among ``clip_ids``, in their order; looks once what is there, so meant for many."""
    committed = committed_keys(store, CLIP_STAGE, RECORD_FORM)
    found = [clip_id for clip_id in clip_ids if clip_id in committed]
    data = read_jsons(store, CLIP_STAGE, RECORD_FORM, found)
    return [clip_from_json(one, _record_path(store, clip_id)) for clip_id, one in zip(found, data, strict=True)]


def read_truth(store: Store, clip_id: str) -> pa.Table:
    """Exact labels of a clip, of schema ``TRUTH``.

    Raises:
        StoreError: no such clip, or its generator knew no truth.
    """
    record = find_clip(store, clip_id)
    if record is None or not record.has_truth:
        what = "is not in the store" if record is None else "has no exact labels"
        raise StoreError(
            f"clip {clip_id} {what}.", "Only the procedural generator knows the truth; run its recipe first."
        )
    return read_table(store, TRUTH_STAGE, RECORD_FORM, truth_key(record), TRUTH)


def read_source_truth(store: Store, record: ClipRecord) -> pa.Table:
    """Exact labels, of schema ``TRUTH``, of the source that a clip was restyled from, on the clip's frames and size.

    Raises:
        StoreError: the clip was made from no labelled source, or by a version that did not keep its labels.
    """
    if not is_committed(store, SOURCE_TRUTH_STAGE, RECORD_FORM, truth_key(record)):
        raise StoreError(
            f"clip {record.clip_id} has no labels of a source beside it.",
            f"Restyle procedural scenes; or remove {_record_path(store, record.clip_id)} to render the clip again.",
        )
    return read_table(store, SOURCE_TRUTH_STAGE, RECORD_FORM, truth_key(record), TRUTH)


def media_path(store: Store, record: ClipRecord) -> Path:
    """The clip's video file.

    Raises:
        StoreError: the record is there and its file is not: somebody removed it by hand.
    """
    path = store.find_file(record.media_key)
    if path is None:
        raise StoreError(
            f"{store.where(record.media_key)} is missing, the video of clip {record.clip_id}.",
            f"Restore it, or remove {_record_path(store, record.clip_id)} to render it again.",
        )
    return path


def truth_key(record: ClipRecord) -> str:
    """Key of a clip's truth, and of its source's.

    The media is in it: a render that lost the race never lends its truth to the winner.
    """
    return f"{record.clip_id}.{record.media_id[:16]}"


def _read_record(store: Store, clip_id: str) -> ClipRecord:
    return clip_from_json(read_json(store, CLIP_STAGE, RECORD_FORM, clip_id), _record_path(store, clip_id))


def _record_path(store: Store, clip_id: str) -> str:
    return store.where(object_key(CLIP_STAGE, RECORD_FORM, clip_id))
