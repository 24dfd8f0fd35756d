"""CARD.md and report.html: a version described to the people who will use it, from its summary alone."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from PIL import Image

from publishers.image_export import SPLITS
from publishers.summary import read_account
from schemas.markdown import without_tags

_MOST_CLASSES = 12


def write_card(summary: Mapping[str, Any]) -> str:
    """The text of CARD.md for a version's ``summary`` (see :mod:`publishers.summary`)."""
    return _environment(escape=False).get_template("card.md.j2").render(_context(summary))


def write_report(
    summary: Mapping[str, Any],
    *,
    sheet: Image.Image | None,
    rejected: Sequence[Mapping[str, Any]],
    confidence: Sequence[int],
    conditions: Sequence[Mapping[str, Any]],
) -> str:
    """The text of report.html, which needs no other file.

    Args:
        summary: see :mod:`publishers.summary`.
        sheet: the contact sheet.
        rejected: clip_id, rule, value, threshold and prompt of rejected clips.
        confidence: labels in equal steps of confidence from 0 to 1.
        conditions: axis, value, clips, accepted and boxes for each value that scenarios have on an axis.
    """
    bars = [
        {"low": place / len(confidence), "count": count, "share": count / max(*confidence, 1)}
        for place, count in enumerate(confidence)
    ]
    context = {"sheet": _embed(sheet), "rejected": rejected, "bars": bars, "conditions": conditions}
    return _environment(escape=True).get_template("report.html.j2").render({**_context(summary), **context})


def _environment(*, escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("publishers", ""),
        autoescape=escape,
        finalize=None if escape else _plain,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "nth": _nth,
        "share": _share,
        "spaced": _spaced,
        "plural": _plural,
        "number": _number,
        "cell": lambda text: f"{text} | ",
    }
    return environment


def _plain(value: object) -> object:
    return without_tags(value) if isinstance(value, str) else value


def _context(summary: Mapping[str, Any]) -> dict[str, Any]:
    boxes = summary["boxes_by_split"]
    with_labels = [name for name in summary["classes"] if any(name in split for split in boxes.values())]
    shown = summary["classes"] if len(summary["classes"]) <= _MOST_CLASSES else with_labels
    return {
        **summary,
        "shown_classes": shown,
        "split_rows": [_split_row(summary, split, shown) for split in SPLITS],
        "exports": [
            {"title": name.upper(), **summary["projections"][name]}
            for name in ("yolo", "coco")
            if name in summary["projections"]
        ],
        "synthetic": all(origin["synthetic"] for origin in summary["origins"]),
        "annotator_kind": summary["recipe"]["annotator"]["kind"],
        "device": read_account(summary),
        "quality_rows": _quality_rows(summary["expected_quality"]),
    }


def _quality_rows(expected: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """All labels, then each class, then each condition; none where nothing was measured."""
    if expected is None:
        return []
    whole = {"axis": "", "value": "all labels", "precision": expected["precision"], "recall": expected["recall"]}
    return [whole, *expected["classes"], *expected["conditions"]]


def _split_row(summary: Mapping[str, Any], split: str, classes: Sequence[str]) -> dict[str, Any]:
    frames = summary["frames_by_split"].get(split, {})
    boxes = summary["boxes_by_split"].get(split, {})
    return {
        "split": split,
        "clips": summary["clips_by_split"].get(split, {}).get("accepted", 0),
        **{use: frames.get(use, 0) for use in ("labelled", "background", "ignore")},
        "boxes": [boxes.get(name, 0) for name in classes],
        "total": sum(boxes.values()),
    }


def _embed(sheet: Image.Image | None) -> str:
    if sheet is None:
        return ""
    data = io.BytesIO()
    sheet.save(data, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def _share(share: Mapping[str, Any]) -> str:
    """``"0.938 (0.925 to 0.949)"``."""
    if share["value"] is None:
        return "too few"
    return f"{share['value']:.3f} ({share['low']:.3f} to {share['high']:.3f})"


def _nth(number: int) -> str:
    return "single" if number == 1 else f"{number}{ {2: 'nd', 3: 'rd'}.get(number, 'th') }"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _plural(word_count: int, word: str) -> str:
    return word if word_count == 1 else f"{word}s"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(value, float) else str(value)
