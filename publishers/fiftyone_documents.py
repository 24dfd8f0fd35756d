"""The documents that FiftyOne keeps of clips and frames, made from columns without FiftyOne's own objects.

FiftyOne takes about a millisecond a frame to make, check and write its objects; a document made here takes a few
hundredths of that. That the two are the same is seen at every push, see :mod:`publishers.fiftyone_bulk`.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bson import ObjectId

from publishers.clip_rows import ClipRows
from publishers.fiftyone_fields import clip_fields, clip_metadata, clip_tags, object_id
from publishers.fiftyone_samples import ClipFiles
from schemas.tables import ACCEPT, IGNORE

Document = dict[str, Any]

_AT_ONCE = 20_000
"""Frames and objects that become documents at a time: some 20 MB of them."""


@dataclass(frozen=True)
class Stamp:
    """What every document of one push carries: whose it is, and when it was written, in whole milliseconds of UTC."""

    dataset_id: ObjectId
    written_at: datetime

    def fields(self) -> Document:
        """The fields of a document that say so."""
        return {
            "_dataset_id": self.dataset_id,
            "created_at": self.written_at,
            "last_modified_at": self.written_at,
        }


class ClipDocuments:
    """Documents of some clips, which are held in memory together as rows, and part by part as documents."""

    def __init__(self, rows: ClipRows, files: ClipFiles, stamp: Stamp, clip_ids: Sequence[str]) -> None:
        self._files, self._stamp = files, stamp
        self._clips = rows.clips(clip_ids)
        self._frames = rows.frames(clip_ids).select(["frame", "use", "objects"]).combine_chunks()
        self._clip_of_frame = np.repeat(np.arange(len(clip_ids)), [rows.frame_counts[clip] for clip in clip_ids])
        self.sample_ids = [ObjectId() for _ in clip_ids]

    def samples(self) -> list[Document]:
        """One document a clip."""
        parent, objects = _flatten(self._frames["objects"])
        is_label = pc.equal(pc.struct_field(objects, "verdict"), ACCEPT).to_numpy(zero_copy_only=False)
        clip_of_label = self._clip_of_frame[parent[is_label]]
        counts = np.bincount(clip_of_label, minlength=len(self._clips)).tolist()
        lowest = np.full(len(self._clips), np.inf)
        np.minimum.at(lowest, clip_of_label, pc.struct_field(objects, "confidence").to_numpy()[is_label])
        return [
            self._sample(clip, sample_id, count, least if count else None)
            for clip, sample_id, count, least in zip(self._clips, self.sample_ids, counts, lowest.tolist(), strict=True)
        ]

    def frames(self, at_once: int = _AT_ONCE) -> Iterator[list[Document]]:
        """One document a frame, in parts of about ``at_once`` frames and objects."""
        images = [self._files.images(clip) for clip in self._clips]
        lengths = pc.list_value_length(self._frames["objects"]).to_numpy()
        weight = np.cumsum(lengths + 1)
        start = 0
        while start < len(weight):
            done = weight[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(weight, done + at_once, side="right")))
            yield self._frame_documents(start, end, images)
            start = end

    def _sample(self, clip: Mapping[str, Any], sample_id: ObjectId, labels: int, lowest: float | None) -> Document:
        video = self._files.video(clip["clip_id"])
        filled = {name: value for name, value in clip_fields(clip, labels, lowest).items() if value is not None}
        return {
            "_id": sample_id,
            "filepath": str(video.absolute()),
            "tags": clip_tags(clip),
            "metadata": {"_cls": "VideoMetadata", **clip_metadata(clip, video)},
            "_media_type": "video",
            "_rand": random.random() * 0.001 + 0.999,  # as FiftyOne draws it
            **filled,
            **self._stamp.fields(),
        }

    def _frame_documents(self, start: int, end: int, images: Sequence[Mapping[int, Any]]) -> list[Document]:
        part = self._frames.slice(start, end - start)
        places = self._clip_of_frame[start:end]
        parent, objects = _flatten(part["objects"])
        detections = self._detections(objects, places[parent])
        bounds = np.searchsorted(parent, np.arange(1, end - start + 1)).tolist()
        columns = (part["frame"].to_pylist(), part["use"].to_pylist(), places.tolist(), bounds)
        documents, first = [], 0
        for frame, use, place, last in zip(*columns, strict=True):
            image = images[place].get(frame)
            documents.append(
                {
                    "_id": ObjectId(),
                    "frame_number": frame + 1,
                    **({"filepath": str(image)} if image is not None else {}),
                    "use": use,
                    "detections": {"_cls": "Detections", "detections": detections[first:last]},
                    "_sample_id": self.sample_ids[place],
                    **self._stamp.fields(),
                }
            )
            first = last
        return documents

    def _detections(self, objects: pa.StructArray, places: np.ndarray) -> list[Document]:
        """One document for each of ``objects``, which lie in the clips at ``places``."""
        sizes = np.array([[clip["width"], clip["height"]] * 2 for clip in self._clips], dtype=np.float64)
        boxes = np.stack([pc.struct_field(objects, side).to_numpy() for side in "xywh"], axis=1) / sizes[places]
        names = ("class_name", "confidence", "track", "score", "source", "verdict")
        columns = [pc.struct_field(objects, name).to_pylist() for name in names]
        tracks = pc.struct_field(objects, "track").to_numpy()
        return [
            {
                "_id": ObjectId(),
                "_cls": "Detection",
                "attributes": {},
                "tags": [IGNORE] if verdict == IGNORE else [],
                "label": class_name,
                "bounding_box": box,
                "confidence": confidence,
                "index": track,
                "instance": instance,
                "score": score,
                "source": source,
                "verdict": verdict,
            }
            for box, instance, class_name, confidence, track, score, source, verdict in zip(
                boxes.tolist(), self._instances(places, tracks), *columns, strict=True
            )
        ]

    def _instances(self, places: np.ndarray, tracks: np.ndarray) -> list[Document]:
        """The document of each object's identity; boxes of one object share it."""
        pairs, which = np.unique(np.stack([places, tracks]), axis=1, return_inverse=True)
        documents = [
            {"_id": ObjectId(object_id(self._clips[place]["sequence"], track)), "_cls": "Instance"}
            for place, track in pairs.T.tolist()
        ]
        return [documents[at] for at in which.ravel().tolist()]


def _flatten(lists: pa.ChunkedArray) -> tuple[np.ndarray, pa.StructArray]:
    """For each object of all lists the row of its list, and the objects."""
    combined = lists.combine_chunks()
    lengths = pc.list_value_length(combined).to_numpy()
    return np.repeat(np.arange(len(combined)), lengths), combined.flatten()
