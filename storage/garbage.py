"""What no dataset version refers to: found, weighed and removed, clip by clip.

A clip is kept while a version lists it (accepted or not), while a review speaks of it, while the caller names it, or
while anything of it is young. All that belongs to a kept clip is kept: labels of other detectors too. Besides clips,
only what a killed process left counts: media, exact labels and frame images that no record refers to. Versions, models,
calibrations, reviews and every object that is not about a clip are never touched.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import StoreError
from schemas.records import ClipRecord
from storage.clips import CLIP_STAGE, RECORD_FORM, SOURCE_TRUTH_STAGE, TRUTH_STAGE, find_clips
from storage.commits import committed_keys, object_key
from storage.datasets import list_datasets
from storage.images import IMAGE_STAGE, read_image_keys
from storage.locks import hold_alone
from storage.reviews import REVIEW_STAGE
from storage.store import Store

GRACE_DAYS = 7.0
WORK = "gc"

_AREAS = ("objects", "media", "frames")
_DAY_SECONDS = 86400.0


@dataclass(frozen=True)
class Garbage:
    """What may go.

    Attributes:
        clips: how many, which no version lists.
        kept_clips: how many stay.
        young_clips: how many of those stay for their age alone.
        keys: of the store's objects, in the order in which they may be removed: killed in between, the store is whole.
        size: of the files, bytes; one that an export holds by a link of its own counts although it frees nothing.
    """

    clips: int
    kept_clips: int
    young_clips: int
    keys: tuple[str, ...]
    size: int


def find_garbage(store: Store, *, keep: Collection[str] = (), grace_days: float = GRACE_DAYS) -> Garbage:
    """List what no version refers to; nothing is touched.

    Args:
        store: to look through.
        keep: ids of clips to keep whatever refers to them, such as those of a recipe that is to go on.
        grace_days: what was written within so many days stays.

    Raises:
        StoreError: a version, a review or a record cannot be read: what it refers to is unknown.
    """
    if not grace_days >= 0:
        raise ValueError(f"grace_days must not be negative, got {grace_days}")
    return _Search(store, time.time() - grace_days * _DAY_SECONDS, keep).garbage()


def remove_garbage(store: Store, *, keep: Collection[str] = (), grace_days: float = GRACE_DAYS) -> Garbage:
    """Remove what :func:`find_garbage` finds, while nobody works on the store; what was removed.

    Raises:
        BusyError: somebody works on the store; nothing was removed.
        StoreError: see :func:`find_garbage`; or a file cannot be removed.
    """
    with hold_alone(store, WORK):
        garbage = find_garbage(store, keep=keep, grace_days=grace_days)
        for key in garbage.keys:
            store.remove(key)
    return garbage


class _Search:
    """One look through a store."""

    def __init__(self, store: Store, before: float, keep: Collection[str]) -> None:
        self._store, self._before = store, before
        self._entries = {entry.key: entry for area in _AREAS for entry in store.entries(area)}
        referred = _clips_of_versions(store)
        wanted = {*keep, *(clip_id for clip_id, _ in referred), *_reviewed_clips(store)}
        self._records = find_clips(store, sorted(committed_keys(store, CLIP_STAGE, RECORD_FORM)))
        self._about = _by_subject(self._keys("objects"))
        self._published_media = {media_id for _, media_id in referred}
        unreferred = [record for record in self._records if record.clip_id not in wanted]
        self._removed = [record for record in unreferred if self._is_old(record)]
        self._young = len(unreferred) - len(self._removed)

    def garbage(self) -> Garbage:
        removed = {record.clip_id for record in self._removed}
        kept_media = self._published_media | {r.media_id for r in self._records if r.clip_id not in removed}
        labels = [key for record in self._removed for key in self._labels_of(record, kept_media)]
        records = [object_key(CLIP_STAGE, RECORD_FORM, clip_id) for clip_id in sorted(removed)]
        truths = self._old(self._truths_without_record(removed))
        media = self._old(key for key in self._keys("media") if Path(key).stem not in kept_media)
        images = self._old(self._images_without_index({*labels}))
        keys = tuple(dict.fromkeys([*labels, *records, *truths, *media, *images]))
        return Garbage(
            clips=len(removed),
            kept_clips=len(self._records) - len(removed),
            young_clips=self._young,
            keys=keys,
            size=sum(self._entries[key].size for key in keys),
        )

    def _labels_of(self, record: ClipRecord, kept_media: Collection[str]) -> Iterator[str]:
        """Objects about this clip alone, but for the record and the exact labels, which it is not whole without."""
        subjects = [record.clip_id, *([] if record.media_id in kept_media else [record.media_id])]
        own = tuple(f"objects/{stage}/" for stage in (CLIP_STAGE, TRUTH_STAGE, SOURCE_TRUTH_STAGE))
        for subject in subjects:
            yield from (key for key in self._about.get(subject, ()) if not key.startswith(own))

    def _truths_without_record(self, removed: Collection[str]) -> Iterator[str]:
        kept = {record.clip_id for record in self._records if record.clip_id not in removed}
        for stage in (TRUTH_STAGE, SOURCE_TRUTH_STAGE):
            for key in self._keys(f"objects/{stage}"):
                if key.rpartition("/")[2].partition(".")[0] not in kept:
                    yield key

    def _images_without_index(self, removed: Collection[str]) -> Iterator[str]:
        indexes = (key for key in self._keys(f"objects/{IMAGE_STAGE}") if key not in removed)
        shown = {image for index in indexes for image in read_image_keys(self._store, index)}
        return (key for key in self._keys("frames") if key not in shown)

    def _is_old(self, record: ClipRecord) -> bool:
        about = [*self._about.get(record.clip_id, ()), *self._about.get(record.media_id, ())]
        return len(list(self._old(about))) == len(about)

    def _old(self, keys: Iterable[str]) -> Iterator[str]:
        return (key for key in keys if self._entries[key].modified <= self._before)

    def _keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self._entries if key.startswith(f"{prefix}/"))


def _by_subject(keys: Iterable[str]) -> dict[str, list[str]]:
    """Clip id or media id -> objects that are named after it."""
    about: dict[str, list[str]] = {}
    for key in keys:
        about.setdefault(key.rpartition("/")[2].partition(".")[0], []).append(key)
    return about


def _clips_of_versions(store: Store) -> set[tuple[str, str]]:
    """Clip id and media id of every clip that a version lists."""
    found: set[tuple[str, str]] = set()
    for version in list_datasets(store):
        name = "manifest/clips.parquet"
        table = _read_columns(version.find_file(name), f"{version.location}/{name}", ["clip_id", "media_id"])
        found.update(zip(table["clip_id"].to_pylist(), table["media_id"].to_pylist(), strict=True))
    return found


def _reviewed_clips(store: Store) -> set[str]:
    keys = list(store.keys(f"objects/{REVIEW_STAGE}"))
    tables = (
        _read_columns(pa.BufferReader(data), store.where(key), ["clip_id"])
        for key, data in zip(keys, store.read_many(keys), strict=True)
    )
    return {clip for table in tables for clip in table["clip_id"].to_pylist()}


def _read_columns(file: Path | pa.BufferReader | None, where: str, columns: list[str]) -> pa.Table:
    try:
        if file is None:
            raise FileNotFoundError("no such file")
        return pq.read_table(file, columns=columns)
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(
            f"{where} cannot be read, so it is not known which clips it needs: {fault}.",
            "Nothing was removed. Publish that version again, or remove its folder.",
        ) from None
