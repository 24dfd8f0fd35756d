"""The fields of our FiftyOne datasets: which there are, and what a clip fills them with."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from publishers.rows import DatasetRows
from schemas.tables import CLIP_SCORES

CONTENT = "content"
"""The field that holds a hash of all that a sample shows; written when its frames are in the database too."""

UNFINISHED = "unfinished"
"""What CONTENT holds until then."""

# Columns of clips that become fields as they are.
_TEXT_FIELDS = (
    *("clip_id", "split", "verdict", "rule", "duplicate_of", "prompt", "negative_prompt", "sequence", "source_name"),
    *("generator", "generator_version", "model", "revision", "licence"),
)
_INT_FIELDS = ("segment", "seed", "attempt")
SCORE_FIELDS = tuple(field.name for field in list(CLIP_SCORES)[1:] if not pa.types.is_map(field.type))
_RESERVED = {
    *(*_TEXT_FIELDS, *_INT_FIELDS, *SCORE_FIELDS, "value", "threshold", "synthetic", "promised", "labels", CONTENT),
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
    fields |= {"synthetic": flag, "promised": text, CONTENT: text}
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


def clip_fields(clip: Mapping[str, Any], labels: int, lowest_confidence: float | None) -> dict[str, Any]:
    """What the fields of a clip's sample hold; None where a field stays empty.

    Args:
        clip: its row of PUBLISHED_CLIPS.
        labels: how many labels its frames have.
        lowest_confidence: the least among them.
    """
    names = (*_TEXT_FIELDS, *_INT_FIELDS, *SCORE_FIELDS, "value", "threshold", "synthetic")
    return {
        **{name: clip[name] for name in names},
        **{attribute_field(name): value for name, value in clip["attributes"]},
        "promised": ", ".join(f"{count} {name}" for name, count in clip["objects"]),
        "labels": labels,
        "lowest_confidence": lowest_confidence,
        CONTENT: UNFINISHED,
    }


def clip_tags(clip: Mapping[str, Any]) -> list[str]:
    """The tags of a clip's sample."""
    return [clip["split"], clip["verdict"]]


def clip_metadata(clip: Mapping[str, Any], video: Path) -> dict[str, Any]:
    """The fields of FiftyOne's VideoMetadata: what ffprobe would find, from what is known already."""
    return {
        "size_bytes": video.stat().st_size,
        "mime_type": "video/mp4",
        "encoding_str": "h264",
        "frame_width": clip["width"],
        "frame_height": clip["height"],
        "frame_rate": clip["fps"],
        "total_frame_count": clip["frames"],
        "duration": clip["frames"] / clip["fps"],
    }


def object_id(sequence: str, track: int) -> str:
    """The identity of an object, the same in every clip of its sequence and at every push."""
    return hashlib.sha256(f"{sequence}/{track}".encode()).hexdigest()[:24]


def as_stored(moment: datetime) -> datetime:
    """``moment`` as MongoDB keeps it: whole milliseconds of UTC, without a time zone."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=None)
