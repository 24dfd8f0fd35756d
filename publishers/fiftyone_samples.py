"""A clip as a FiftyOne video sample: conversions to FiftyOne's conventions are made here and nowhere else."""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.image_export import StoredImages
from publishers.rows import DatasetRows
from publishers.version import digest_rows
from schemas.identity import digest
from schemas.tables import ACCEPT, ACCEPTED, CLIP_SCORES, IGNORE

PROJECTION = 2
"""Raised when samples are made in another way, so that those in a database are made again."""

MediaPath = Callable[[str], Path]
"""Clip id -> its video file."""

# Columns of clips that become fields as they are.
_TEXT_FIELDS = (
    *("clip_id", "split", "verdict", "rule", "duplicate_of", "prompt", "negative_prompt", "sequence", "source_name"),
    *("generator", "generator_version", "model", "revision", "licence"),
)
_INT_FIELDS = ("segment", "seed", "attempt")
SCORE_FIELDS = tuple(field.name for field in list(CLIP_SCORES)[1:] if not pa.types.is_map(field.type))
_RESERVED = {
    *(*_TEXT_FIELDS, *_INT_FIELDS, *SCORE_FIELDS, "value", "threshold", "synthetic", "promised", "labels", "content"),
    *("id", "filepath", "tags", "metadata", "frames", "media_type", "created_at", "last_modified_at", "dataset_id"),
    *("lowest_confidence", "has_truth", "support"),
}


def declare_fields(fiftyone: Any, dataset: Any, rows: DatasetRows) -> None:
    """Give ``dataset`` every field that samples of ``rows`` may fill, so that all can be filtered on in the App."""
    text, number, whole, flag = (
        fiftyone.StringField,
        fiftyone.FloatField,
        fiftyone.IntField,
        fiftyone.BooleanField,
    )
    fields = dict.fromkeys(_TEXT_FIELDS, text) | dict.fromkeys(_INT_FIELDS, whole)
    fields |= {name: whole if pa.types.is_integer(CLIP_SCORES.field(name).type) else number for name in SCORE_FIELDS}
    fields |= {"value": number, "threshold": number, "lowest_confidence": number, "labels": whole}
    fields |= {"synthetic": flag, "promised": text, "content": text}
    fields |= dict.fromkeys(map(attribute_field, attribute_names(rows)), text)
    known = dataset.get_field_schema()
    for name, kind in fields.items():
        if name not in known:
            dataset.add_sample_field(name, kind)
    if "detections" not in dataset.get_frame_field_schema():
        dataset.add_frame_field("filepath", text)
        dataset.add_frame_field("use", text)
        dataset.add_frame_field("detections", fiftyone.EmbeddedDocumentField, embedded_doc_type=fiftyone.Detections)
        for name, kind in (("score", number), ("source", text), ("verdict", text)):
            dataset.add_frame_field(f"detections.detections.{name}", kind)


def attribute_names(rows: DatasetRows) -> list[str]:
    """Names of the axes that scenarios of ``rows`` have values on, sorted."""
    return sorted({key for pairs in rows.clips["attributes"].to_pylist() for key, _ in pairs})


def attribute_field(name: str) -> str:
    """The field that shows the scenario attribute ``name``: the name itself, unless FiftyOne or we use that already."""
    plain = re.sub(r"\W", "_", name).strip("_").lower() or "axis"
    return f"axis_{plain}" if plain in _RESERVED or plain[0].isdigit() else plain


def to_relative(box: Mapping[str, float], width: int, height: int) -> list[float]:
    """A box in pixels as FiftyOne's [x, y, width, height], top left, in shares of the frame."""
    return [box["x"] / width, box["y"] / height, box["w"] / width, box["h"] / height]


class SampleMaker:
    """Makes the video sample of any clip of a dataset's rows.

    Attributes:
        frame_counts: clip id -> frames.
    """

    def __init__(
        self,
        fiftyone: Any,
        rows: DatasetRows,
        media_path: MediaPath,
        stored_images: StoredImages | None,
    ) -> None:
        self._fiftyone = fiftyone
        self._media_path = media_path
        self._stored_images = stored_images
        self._clips = rows.clips
        ids = rows.clips["clip_id"].to_pylist()
        self._row_of = {clip: row for row, clip in enumerate(ids)}
        self.frame_counts = dict(zip(ids, rows.clips["frames"].to_pylist(), strict=True))
        self._frames = pa.concat_tables([rows.frames, rows.rejected_frames]).combine_chunks()
        encoded = pc.run_end_encode(self._frames["clip_id"].combine_chunks())
        ends = encoded.run_ends.to_pylist()
        starts = [0, *ends[:-1]]
        self._frames_of = dict(zip(encoded.values.to_pylist(), zip(starts, ends, strict=True), strict=True))

    def make(self, clip_id: str) -> Any:
        """The ``fiftyone.Sample`` of a clip, with a frame document for each of its frames, numbered from 1."""
        clip = self._clip(clip_id).to_pylist()[0]
        frames = self._frames_in(clip_id).select(["frame", "use", "objects"]).to_pylist()
        images = self._images_of(clip_id)
        sample = self._fiftyone.Sample(
            filepath=str(self._media_path(clip_id)),
            metadata=self._metadata(clip),
            tags=[clip["split"], clip["verdict"]],
            **_sample_fields(clip, frames),
        )
        instances: dict[int, Any] = {}
        for frame in frames:
            image = images.get(frame["frame"])
            sample.frames[frame["frame"] + 1] = self._fiftyone.Frame(
                filepath=str(image) if image else None,
                use=frame["use"],
                detections=self._fiftyone.Detections(
                    detections=[self._detection(one, clip, instances) for one in frame["objects"]]
                ),
            )
        return sample

    def content_of(self, clip_id: str) -> str:
        """A hash of all that the sample of a clip shows."""
        rows = [digest_rows(self._clip(clip_id)), digest_rows(self._frames_in(clip_id))]
        images = [[frame, str(path)] for frame, path in self._images_of(clip_id).items()]
        return digest([PROJECTION, rows, str(self._media_path(clip_id)), images])

    def _clip(self, clip_id: str) -> pa.Table:
        return self._clips.slice(self._row_of[clip_id], 1)

    def _frames_in(self, clip_id: str) -> pa.Table:
        start, end = self._frames_of[clip_id]
        return self._frames.slice(start, end - start)

    def _images_of(self, clip_id: str) -> Mapping[int, Path]:
        """Images are kept of accepted clips only."""
        if self._stored_images is None or self._clip(clip_id)["verdict"][0].as_py() != ACCEPTED:
            return {}
        return self._stored_images(clip_id)

    def _metadata(self, clip: Mapping[str, Any]) -> Any:
        """What ffprobe would find, from what is known already."""
        return self._fiftyone.VideoMetadata(
            size_bytes=self._media_path(clip["clip_id"]).stat().st_size,
            mime_type="video/mp4",
            encoding_str="h264",
            frame_width=clip["width"],
            frame_height=clip["height"],
            frame_rate=clip["fps"],
            total_frame_count=clip["frames"],
            duration=clip["frames"] / clip["fps"],
        )

    def _detection(self, one: Mapping[str, Any], clip: Mapping[str, Any], instances: dict[int, Any]) -> Any:
        track = one["track"]
        if track not in instances:
            instances[track] = self._fiftyone.Instance(id=_object_id(clip["sequence"], track))
        return self._fiftyone.Detection(
            label=one["class_name"],
            bounding_box=to_relative(one, clip["width"], clip["height"]),
            confidence=one["confidence"],
            index=track,
            instance=instances[track],
            tags=[IGNORE] if one["verdict"] == IGNORE else [],
            score=one["score"],
            source=one["source"],
            verdict=one["verdict"],
        )


def _sample_fields(clip: Mapping[str, Any], frames: list[dict[str, Any]]) -> dict[str, Any]:
    labels = [one["confidence"] for frame in frames for one in frame["objects"] if one["verdict"] == ACCEPT]
    names = (*_TEXT_FIELDS, *_INT_FIELDS, *SCORE_FIELDS, "value", "threshold", "synthetic")
    return {
        **{name: clip[name] for name in names},
        **{attribute_field(name): value for name, value in clip["attributes"]},
        "promised": ", ".join(f"{count} {name}" for name, count in clip["objects"]),
        "labels": len(labels),
        "lowest_confidence": float(np.min(labels)) if labels else None,
    }


def _object_id(sequence: str, track: int) -> str:
    """The identity of an object, the same in every clip of its sequence and at every push."""
    return hashlib.sha256(f"{sequence}/{track}".encode()).hexdigest()[:24]
