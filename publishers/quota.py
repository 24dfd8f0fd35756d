"""What a quota asked for and what it got: for dataset.json, the card and report, and as a list to render next."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.curation_options import QuotaOptions

MISSING_FILE = "missing.json"
_MOST_LISTED = 50


def summarise_quota(cells: pa.Table, options: QuotaOptions | None) -> dict[str, Any] | None:
    """The quota in numbers, with the cells that lack most; None without a quota.

    Args:
        cells: ``QUOTA_CELLS``.
        options: the recipe's quota.
    """
    if options is None:
        return None
    missing = list_missing(cells)
    return {
        **options.model_dump(mode="json"),
        "cells": len(cells),
        "filled": len(cells) - len(missing),
        "objects": pc.sum(cells["kept"]).as_py() or 0,
        "missing_objects": pc.sum(cells["missing"]).as_py() or 0,
        "missing": missing[:_MOST_LISTED],
    }


def list_missing(cells: pa.Table) -> list[dict[str, Any]]:
    """The cells that are short: class, attributes, wanted, available, kept and missing; those that lack most first."""
    short = cells.filter(pc.greater(cells["missing"], 0)).to_pylist()
    listed = [{"class": cell.pop("class_name"), **cell, "attributes": dict(cell["attributes"])} for cell in short]
    return sorted(listed, key=lambda cell: -cell["missing"])


def describe_missing(missing: Sequence[Mapping[str, Any]]) -> str:
    """The first of ``missing`` in a line of words: ``dog (fog, night): 12 of 500``."""
    named = (f"{_name(cell)}: {cell['kept']:,} of {cell['wanted']:,}" for cell in missing)
    return "; ".join(named)


def _name(cell: Mapping[str, Any]) -> str:
    values = ", ".join(cell["attributes"].values())
    return f"{cell['class']} ({values})" if values else str(cell["class"])
