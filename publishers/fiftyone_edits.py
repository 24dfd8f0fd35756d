"""What people changed in a FiftyOne dataset of ours: found by time, so that a push never runs over it unasked.

Every document of a push carries that push's time as ``last_modified_at``; FiftyOne sets it anew whenever anything in a
document changes, in the App or in Python. The times of our pushes are kept in the dataset's ``info``. A document with
any other time was changed or made by somebody else. The database has an index on it: only such documents are read.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from bson import ObjectId
from pymongo import UpdateMany

from publishers.fiftyone_fields import CONTENT, UNFINISHED, as_stored
from publishers.fiftyone_reviews import REVIEWED
from publishers.fiftyone_session import OWNER_KEY
from schemas.errors import RecipeError

_SHOWN = 5


def begin_push(dataset: Any) -> datetime:
    """The time that the documents of a push carry; from here on the dataset shows no version, until the push ends."""
    written_at = as_stored(datetime.now(UTC))
    _note(dataset, version=None, pushes=[*_pushes_in_use(dataset), written_at])
    return written_at


def end_push(dataset: Any, version: str) -> None:
    """From here on ``dataset`` shows ``version``."""
    _note(dataset, version=version, pushes=_known_pushes(dataset))


def refuse_over_edits(dataset: Any, samples: Collection[str]) -> None:
    """Refuse when people changed any of ``samples``, their frames or labels since we wrote them or read them back.

    Raises:
        RecipeError: they did; the message names the clips.
    """
    edited = find_edited_samples(dataset).intersection(ObjectId(one) for one in samples)
    if edited:
        found = dataset._sample_collection.find({"_id": {"$in": list(edited)}}, {"clip_id": 1, "filepath": 1})
        names = sorted(str(one.get("clip_id") or one["filepath"]) for one in found)
        more = ", …" if len(names) > _SHOWN else ""
        raise RecipeError(
            f"FiftyOne's dataset {dataset.name!r}: people changed {len(names)} clips that this version replaces: "
            f"{', '.join(names[:_SHOWN])}{more}.",
            "Mark what was reviewed and run `framefoundry calibrate RECIPE --from-reviews fiftyone` to keep it, or set "
            "`publish.fiftyone.edits: overwrite` to give it up.",
        )


def find_edited_samples(dataset: Any) -> set[ObjectId]:
    """Samples that somebody else made or changed, or has changed the frames of; none where no times were kept."""
    pushes = _known_pushes(dataset)
    if not pushes:
        return set()
    foreign = {"last_modified_at": {"$nin": pushes}}
    samples, frames = dataset._sample_collection, dataset._frame_collection
    edited = {one["_id"] for one in samples.find(foreign, {"_id": 1})}
    edited |= {one["_sample_id"] for one in frames.find(foreign, {"_sample_id": 1})}
    unfinished = samples.find({"_id": {"$in": list(edited)}, CONTENT: UNFINISHED}, {"_id": 1})
    return edited - {one["_id"] for one in unfinished}


def settle_reviews(dataset: Any, review: pa.Table, read_at: datetime) -> None:
    """Note that ``review`` was taken over, so that the next push may replace what it holds.

    Args:
        dataset: that it was read from.
        review: REVIEWS.
        read_at: when reading began, in UTC; what was changed later is not settled.
    """
    until, settled_at = as_stored(read_at), as_stored(datetime.now(UTC))
    frames: dict[str, list[int]] = {}
    for clip, frame in zip(review["clip_id"].to_pylist(), review["frame"].to_pylist(), strict=True):
        frames.setdefault(clip, []).append(frame + 1)
    samples = dataset._sample_collection
    ids = {one["_id"]: one["clip_id"] for one in samples.find({"clip_id": {"$in": list(frames)}}, {"clip_id": 1})}
    if not ids or not _known_pushes(dataset):
        return
    _note(dataset, pushes=[*_known_pushes(dataset), settled_at])
    settled = {"$set": {"last_modified_at": settled_at}}
    before = {"last_modified_at": {"$lte": until}}
    dataset._frame_collection.bulk_write(
        [
            UpdateMany({"_sample_id": sample, "frame_number": {"$in": frames[clip]}, **before}, settled)
            for sample, clip in ids.items()
        ],
        ordered=False,
    )
    samples.update_many({"_id": {"$in": list(ids)}, "tags": REVIEWED, **before}, settled)


def _known_pushes(dataset: Any) -> list[datetime]:
    return list((dataset.info.get(OWNER_KEY) or {}).get("pushes") or [])


def _pushes_in_use(dataset: Any) -> Iterable[datetime]:
    """Times of pushes that some document still carries, so that the list does not grow for ever."""
    known = _known_pushes(dataset)
    collections = (dataset._sample_collection, dataset._frame_collection)
    return [
        push
        for push in known
        if any(one.find_one({"last_modified_at": push}, {"_id": 1}) is not None for one in collections)
    ]


def _note(dataset: Any, **values: Any) -> None:
    known: Mapping[str, Any] = dataset.info.get(OWNER_KEY) or {}
    dataset.info[OWNER_KEY] = {**known, **values}
    dataset.save()
