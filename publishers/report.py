"""What report.html shows beyond the summary: rejected clips, the spread of confidence, and the conditions covered."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from publishers.card import write_report
from publishers.image_export import flatten_objects
from publishers.rows import DatasetRows
from schemas.tables import ACCEPT, ACCEPTED, REJECTED

_MOST_REJECTED = 50
_MOST_CONDITIONS = 60
_CONFIDENCE_STEPS = 40


def describe_version(rows: DatasetRows, summary: dict[str, Any], sheet: Image.Image | None) -> str:
    """The text of report.html for ``rows`` and their summary."""
    return write_report(
        summary,
        sheet=sheet,
        rejected=list_rejected(rows),
        confidence=spread_of_confidence(rows),
        conditions=list_conditions(rows),
    )


def list_rejected(rows: DatasetRows) -> list[dict[str, Any]]:
    """The first rejected clips, each with the rule that decided."""
    rejected = rows.clips.filter(pc.equal(rows.clips["verdict"].cast(pa.string()), REJECTED))
    columns = ["clip_id", "rule", "value", "threshold", "duplicate_of", "prompt"]
    listed: list[dict[str, Any]] = rejected.select(columns).slice(0, _MOST_REJECTED).to_pylist()
    return listed


def spread_of_confidence(rows: DatasetRows) -> list[int]:
    """Labels in equal steps of confidence from 0 to 1."""
    objects = flatten_objects(rows.frames)
    confidence = objects.filter(pc.equal(objects["verdict"], ACCEPT))["confidence"].to_numpy()
    return [int(count) for count in np.histogram(confidence, bins=_CONFIDENCE_STEPS, range=(0, 1))[0]]


def list_conditions(rows: DatasetRows) -> list[dict[str, Any]]:
    """For each value that scenarios have on an axis: its clips, how many were accepted, and their labels.

    Axes with a value of their own for nearly every clip, such as a free text, are left out.
    """
    labels = rows.tracks.group_by("clip_id").aggregate([("boxes", "sum")])
    at = pc.index_in(rows.clips["clip_id"], value_set=labels["clip_id"].combine_chunks())
    boxes = pc.fill_null(labels["boxes_sum"].take(at), 0).to_pylist()
    verdicts = rows.clips["verdict"].to_pylist()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for attributes, verdict, count in zip(rows.clips["attributes"].to_pylist(), verdicts, boxes, strict=True):
        for axis, value in attributes:
            row = found.setdefault((axis, value), {"axis": axis, "value": value, "clips": 0, "accepted": 0, "boxes": 0})
            row["clips"] += 1
            row["accepted"] += verdict == ACCEPTED
            row["boxes"] += count
    per_axis = {axis: sum(other == axis for other, _ in found) for axis, _ in found}
    return [row for (axis, _), row in sorted(found.items()) if per_axis[axis] <= _MOST_CONDITIONS]
