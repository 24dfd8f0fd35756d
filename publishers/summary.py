"""dataset.json: what a version holds, what was left out and why, and what it was made from."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from publishers.image_export import SPLITS, flatten_objects
from publishers.quota import summarise_quota
from publishers.rows import DatasetRows
from schemas.budget import DeviceAccount
from schemas.calibration import LabelQuality
from schemas.recipe import Recipe
from schemas.tables import ACCEPT, ACCEPTED, IGNORE
from schemas.version import SCHEMA_VERSION

_ORIGIN = ["generator", "generator_version", "model", "revision", "licence", "synthetic"]


def summarise(
    rows: DatasetRows,
    recipe: Recipe,
    version: str,
    annotator_fingerprint: str,
    projections: Mapping[str, Mapping[str, Any]],
    label_quality: LabelQuality | None = None,
    device_account: DeviceAccount | None = None,
    weights_sha256: str = "",
) -> dict[str, Any]:
    """A JSON-ready description of a version: the same rows and recipe give the same text, but for ``device_account``.

    ``projections`` is the account of each form that the version is written in, by its name; ``label_quality`` what may
    be said of the labels, by default that they are unmeasured; ``device_account`` what the run that made it spent;
    ``weights_sha256`` is of the detector that made the labels, if one did.
    """
    objects = objects_by(rows, "split", "verdict", "class_name")
    labels = {key: count for key, count in objects.items() if key[1] == ACCEPT}
    frames = _count(rows.frames, ["split", "use"])
    doubted = {key: count for key, count in objects.items() if key[1] == IGNORE}
    clips = _count(rows.clips, ["split", "verdict"])
    accepted = rows.clips["clip_id"].filter(pc.equal(rows.clips["verdict"].cast(pa.string()), ACCEPTED))
    in_accepted = pc.is_in(rows.box_decisions["clip_id"], value_set=accepted.combine_chunks())
    return {
        "name": recipe.name,
        "version": version,
        "schema_version": SCHEMA_VERSION,
        "classes": list(rows.class_names),
        "clips": sum(count for (_, verdict), count in clips.items() if verdict == ACCEPTED),
        "frames": len(rows.frames),
        "boxes": sum(labels.values()),
        "ignore_regions": sum(doubted.values()),
        "tracks": len(rows.tracks),
        "clips_by_split": _nested(clips),
        "frames_by_split": _nested(frames),
        "boxes_by_split": _nested({(split, name): count for (split, _, name), count in labels.items()}),
        "ignore_regions_by_split": _nested({(split, name): count for (split, _, name), count in doubted.items()}),
        "quota": summarise_quota(rows.quota, recipe.curation.quota),
        "missing": [split for split in SPLITS if split not in {split for split, _, _ in labels}],
        "decisions": {
            "clips": _records(rows.clip_decisions, ["verdict", "rule"], "count"),
            "boxes": _records(rows.box_decisions.filter(in_accepted), ["verdict", "rule"], "count"),
            "boxes_in_rejected_clips": pc.sum(pc.invert(in_accepted)).as_py() or 0,
        },
        **describe_quality(label_quality or LabelQuality()),
        "origins": _records(rows.clips, _ORIGIN, "clips"),
        "annotator": {"fingerprint": annotator_fingerprint, "weights_sha256": weights_sha256},
        "device_account": device_account.model_dump(mode="json") if device_account else None,
        "projections": dict(projections),
        "recipe": recipe.model_dump(mode="json"),
    }


def read_account(summary: Mapping[str, Any]) -> DeviceAccount | None:
    """What the run that made a version spent on devices, by its ``summary``; None where that is not known."""
    told = summary.get("device_account")
    return DeviceAccount.model_validate(told) if told else None


def describe_quality(quality: LabelQuality) -> dict[str, Any]:
    """What dataset.json says of the labels: their quality in a word, what their confidence is, and measured figures."""
    return {
        "label_quality": quality.status,
        "confidence": quality.confidence,
        "expected_quality": quality.expected.model_dump(mode="json") if quality.expected else None,
    }


def objects_by(rows: DatasetRows, *keys: str) -> dict[tuple[str, ...], int]:
    """Labels and ignore regions of accepted clips, counted by ``split`` and columns of OBJECT, in sorted order."""
    objects = flatten_objects(rows.frames)
    split = rows.frames["split"].cast(pa.string()).take(objects["row"])
    return _count(objects.append_column("split", split), list(keys))


def _count(table: pa.Table, keys: list[str]) -> dict[tuple[str, ...], int]:
    plain = pa.table({key: table[key].cast(pa.string()) for key in keys})
    counted = plain.group_by(keys).aggregate([([], "count_all")]).sort_by([(key, "ascending") for key in keys])
    return {tuple(row[key] for key in keys): row["count_all"] for row in counted.to_pylist()}


def _nested(counts: Mapping[tuple[str, ...], int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (outer, inner), count in counts.items():
        nested.setdefault(outer, {})[inner] = count
    return nested


def _records(table: pa.Table, keys: list[str], count: str) -> list[dict[str, Any]]:
    plain = pa.table({key: _undictionary(table[key]) for key in keys})
    counted = plain.group_by(keys).aggregate([([], "count_all")]).sort_by([(key, "ascending") for key in keys])
    return [{**{key: row[key] for key in keys}, count: row["count_all"]} for row in counted.to_pylist()]


def _undictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
