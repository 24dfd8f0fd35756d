"""Clips into a FiftyOne dataset in bulk: documents go to the database as they are, past FiftyOne's own objects.

FiftyOne makes the schema, and shows what its documents look like: a few frames of one clip go through its public
interface first and are held against the documents that we make of the same clip. Should they ever differ, because
FiftyOne changed, all clips go through the public interface: that takes far longer and is always right.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import bson
from bson import ObjectId
from pymongo import UpdateOne

from publishers.clip_rows import ClipRows
from publishers.fiftyone_documents import ClipDocuments, Document, Stamp
from publishers.fiftyone_fields import CONTENT
from publishers.fiftyone_samples import ClipFiles, make_sample
from schemas.tables import ACCEPTED, IGNORE

logger = logging.getLogger(__name__)

_FRAMES_A_GROUP = 4_000
_CLIPS_A_CALL = 20  # through FiftyOne's own objects, which are large
_OWN_VALUES = ("_id", "_rand", "_sample_id", "created_at", "last_modified_at")  # differ from document to document


def add_clips(
    fiftyone: Any,
    dataset: Any,
    rows: ClipRows,
    files: ClipFiles,
    contents: Mapping[str, str],
    written_at: datetime,
    *,
    on_added: Callable[[int], None] | None = None,
) -> bool:
    """Add a sample for each clip of ``contents``, with all its frames; False when FiftyOne's own way had to be taken.

    A sample gets its content when its frames are in the database, so that an interrupted call leaves unfinished samples
    behind and none that seems whole.

    Args:
        fiftyone: the connected module.
        dataset: has every field that the clips fill.
        rows: rows of the clips.
        files: files of the clips.
        contents: clip id -> what its sample's content field holds in the end.
        written_at: the time that all documents carry, in whole milliseconds of UTC.
        on_added: called with the number of clips that are in.
    """
    if not contents:
        return True
    clips, stamp = sorted(contents), Stamp(dataset._doc.id, written_at)
    difference = find_difference(fiftyone, dataset, rows, files, stamp, _choose_exemplar(rows, clips))
    if difference:
        logger.warning("FiftyOne keeps its documents in another way than we know; adding clips slowly: %s", difference)
    add_group = _add_through_fiftyone if difference else _add_documents
    size = _CLIPS_A_CALL if difference else len(clips)
    done = 0
    for group in _group(clips, rows.frame_counts, size):
        ids = add_group(fiftyone, dataset, rows, files, stamp, group)
        finished = [
            UpdateOne({"_id": sample_id}, {"$set": {CONTENT: contents[clip]}})
            for sample_id, clip in zip(ids, group, strict=True)
        ]
        dataset._sample_collection.bulk_write(finished, ordered=False)
        done += len(group)
        if on_added:
            on_added(done)
    return difference is None


def find_difference(
    fiftyone: Any, dataset: Any, rows: ClipRows, files: ClipFiles, stamp: Stamp, clip_id: str
) -> str | None:
    """Where FiftyOne's documents of some frames of a clip differ from ours, and how; None where they do not.

    The clip is written into ``dataset`` by FiftyOne, read back raw, and removed again.
    """
    ours = ClipDocuments(rows, files, stamp, [clip_id])
    our_frames = {frame["frame_number"]: frame for part in ours.frames() for frame in part}
    chosen = _choose_frames(our_frames)
    sample = make_sample(fiftyone, rows, files, clip_id, only_frames=[number - 1 for number in chosen])
    its_id = ObjectId(dataset.add_samples([sample], progress=False)[0])
    theirs = dataset._sample_collection.find_one_and_delete({"_id": its_id})
    their_frames = list(dataset._frame_collection.find({"_sample_id": its_id}))
    dataset._frame_collection.delete_many({"_sample_id": its_id})
    pairs = [("sample", ours.samples()[0], theirs)]
    pairs += [("frame", our_frames[one["frame_number"]], one) for one in their_frames]
    return _first_difference("number of frames", len(chosen), len(their_frames)) or _first(
        _first_difference(path, _as_stored(our), their) for path, our, their in pairs
    )


def _choose_exemplar(rows: ClipRows, clips: Sequence[str]) -> str:
    """An accepted clip where there is one: it has images, too."""
    verdicts = zip(clips, rows.clips(clips[:100]), strict=False)
    return next((clip for clip, row in verdicts if row["verdict"] == ACCEPTED), clips[0])


def _choose_frames(frames: Mapping[int, Document]) -> list[int]:
    """Numbers of frames that show, between them, every form that our documents of a clip take."""
    kinds: dict[tuple[bool, ...], int] = {}
    for number, frame in frames.items():
        objects = frame["detections"]["detections"]
        unscored, ignored = any(one["score"] is None for one in objects), any(IGNORE in one["tags"] for one in objects)
        kinds.setdefault(("filepath" in frame, bool(objects), unscored, ignored), number)
    return sorted(kinds.values())


def _first_difference(path: str, ours: Any, theirs: Any) -> str | None:
    """The first place where two documents differ in keys, types or values; identities and times differ in value."""
    if type(ours) is not type(theirs):
        return f"{path} is {theirs!r}, not {ours!r}"
    if isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            return f"{path} has the keys {sorted(theirs)}, not {sorted(ours)}"
        pairs = [(f"{path}.{key}", ours[key], theirs[key]) for key in ours]
        return _first(_first_difference(*pair) for pair in pairs)
    if isinstance(ours, list) and len(ours) == len(theirs):
        pairs = [(f"{path}[{at}]", *pair) for at, pair in enumerate(zip(ours, theirs, strict=True))]
        return _first(_first_difference(*pair) for pair in pairs)
    if path.rpartition(".")[2] in _OWN_VALUES and "instance" not in path:
        return None
    return None if ours == theirs else f"{path} is {theirs!r}, not {ours!r}"


def _first(differences: Iterable[str | None]) -> str | None:
    return next((one for one in differences if one), None)


def _as_stored(document: Document) -> Document:
    """As the database gives ``document`` back."""
    stored: Document = bson.decode(bson.encode(document))
    return stored


def _group(clips: Sequence[str], frame_counts: Mapping[str, int], most_clips: int) -> Iterator[list[str]]:
    group: list[str] = []
    frames = 0
    for clip in clips:
        group.append(clip)
        frames += frame_counts[clip]
        if frames >= _FRAMES_A_GROUP or len(group) >= most_clips:
            yield group
            group, frames = [], 0
    if group:
        yield group


def _add_documents(
    fiftyone: Any, dataset: Any, rows: ClipRows, files: ClipFiles, stamp: Stamp, clips: Sequence[str]
) -> list[ObjectId]:
    """The next documents are made while the database writes the last."""
    documents = ClipDocuments(rows, files, stamp, clips)
    dataset._sample_collection.insert_many(documents.samples(), ordered=False)
    with ThreadPoolExecutor(1) as writer:
        written: Future[Any] | None = None
        for part in documents.frames():
            if written:
                written.result()
            written = writer.submit(dataset._frame_collection.insert_many, part, ordered=False)
        if written:
            written.result()
    return documents.sample_ids


def _add_through_fiftyone(
    fiftyone: Any, dataset: Any, rows: ClipRows, files: ClipFiles, stamp: Stamp, clips: Sequence[str]
) -> list[ObjectId]:
    """FiftyOne's own way; the documents then get the time of our push, by which they are known as ours."""
    added = dataset.add_samples([make_sample(fiftyone, rows, files, clip) for clip in clips], progress=False)
    ids = [ObjectId(one) for one in added]
    written = {"$set": {"last_modified_at": stamp.written_at}}
    dataset._frame_collection.update_many({"_sample_id": {"$in": ids}}, written)
    dataset._sample_collection.update_many({"_id": {"$in": ids}}, written)
    return ids
