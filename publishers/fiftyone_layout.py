"""How the FiftyOne App shows our datasets: colours by class, as in our pictures; fields in groups by purpose."""

from collections.abc import Sequence
from typing import Any

from publishers.drawing import class_colour
from publishers.fiftyone_fields import SCORE_FIELDS, attribute_field, attribute_names
from publishers.rows import DatasetRows

_DECISION = ("verdict", "split", "rule", "value", "threshold", "duplicate_of", "labels", "lowest_confidence")
_ORIGIN = (
    *("prompt", "negative_prompt", "promised", "generator", "generator_version", "model", "revision", "licence"),
    *("synthetic", "seed", "attempt", "sequence", "segment", "source_name"),
)


def lay_out(fiftyone: Any, dataset: Any, rows: DatasetRows) -> None:
    """Set the dataset's colours and the groups of its sidebar; the caller saves it."""
    colours = [{"value": name, "color": class_colour(rows.class_names, name)} for name in rows.class_names]
    paths = ("frames.detections", "detections")  # of videos, and of the view of frames
    fields = [{"path": path, "colorByAttribute": "label", "valueColors": colours} for path in paths]
    dataset.app_config.color_scheme = fiftyone.ColorScheme(color_by="value", fields=fields)
    dataset.app_config.sidebar_groups = _groups(fiftyone, dataset, rows)


def _groups(fiftyone: Any, dataset: Any, rows: DatasetRows) -> list[Any]:
    known = dataset.get_field_schema()
    ours = {
        "scenario": [attribute_field(name) for name in attribute_names(rows)],
        "decision": list(_DECISION),
        "scores": list(SCORE_FIELDS),
        "origin": list(_ORIGIN),
    }
    standard = fiftyone.DatasetAppConfig.default_sidebar_groups(dataset)
    kept = {group.name: group for group in standard}
    grouped = {path for paths in ours.values() for path in paths}
    rest = [path for group in standard if group.name in {"primitives", "other"} for path in group.paths]
    group = fiftyone.SidebarGroupDocument
    return [
        *(kept[name] for name in ("tags", "labels", "frame labels") if name in kept),
        *(group(name=name, paths=_known(paths, known)) for name, paths in ours.items() if _known(paths, known)),
        group(name="metadata", paths=kept["metadata"].paths if "metadata" in kept else [], expanded=False),
        group(name="primitives", paths=[path for path in rest if path not in grouped], expanded=False),
    ]


def _known(paths: Sequence[str], known: Any) -> list[str]:
    return [path for path in paths if path in known]
