import re
from dataclasses import replace

import pyarrow as pa
import pytest
from publishers_inputs import make_recipe, make_rows

from publishers.card import write_card
from publishers.quota import describe_missing, list_missing, summarise_quota
from publishers.report import describe_version
from publishers.summary import summarise
from schemas.tables import QUOTA_CELLS, table_from_columns

RECIPE = make_recipe(
    generator={"kind": "procedural"},
    prompts={
        "template": "{o} {light}",
        "axes": {"o": [{"text": "all", "count": {"person": 1, "car": 1, "dog": 1}}], "light": ["day", "night"]},
    },
    curation={"quota": {"per_class": 10, "per": ["light"]}},
)


@pytest.fixture
def cells():
    rows = [("person", "day", 12), ("dog", "day", 7), ("person", "night", 10), ("dog", "night", 2)]
    return table_from_columns(
        QUOTA_CELLS,
        {
            "class_name": [row[0] for row in rows],
            "attributes": pa.array([{"light": row[1]} for row in rows], QUOTA_CELLS.field("attributes").type),
            "wanted": [10] * 4,
            "available": [20, 7, 10, 2],
            "kept": [row[2] for row in rows],
            "missing": [max(10 - row[2], 0) for row in rows],
        },
    )


def test_the_missing_cells_are_listed_the_emptiest_first(cells):
    assert list_missing(cells)[0] == {
        "class": "dog", "attributes": {"light": "night"}, "wanted": 10, "available": 2, "kept": 2, "missing": 8
    }  # fmt: skip
    assert describe_missing(list_missing(cells)) == "dog (night): 2 of 10; dog (day): 7 of 10"


def test_the_summary_counts_cells_and_objects(cells):
    summary = summarise_quota(cells, RECIPE.curation.quota)
    assert {key: summary[key] for key in ("cells", "filled", "objects", "missing_objects")} == {
        "cells": 4, "filled": 2, "objects": 31, "missing_objects": 11
    }  # fmt: skip
    assert summarise_quota(cells, None) is None


def test_card_and_report_tell_what_is_missing(cells):
    rows = replace(make_rows(recipe=RECIPE), quota=cells)
    summary = summarise(rows, RECIPE, "abc", "", {})
    card = write_card(summary)
    assert "**Quota: 10 labelled objects (tracks) of each class per light.** 2 of 4 cells are full; 11 objects" in card
    assert "| dog | night | 2 | 10 |" in card
    for table in re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1, table
    assert "2 of 4 cells are full, 11 objects are missing" in describe_version(rows, summary, None)


def test_a_full_quota_is_told_without_a_table(cells):
    rows = replace(make_rows(recipe=RECIPE), quota=cells.slice(0, 1))
    assert "1 of 1 cells are full; 0 objects are missing." in write_card(summarise(rows, RECIPE, "abc", "", {}))


def test_without_a_quota_nothing_is_said_of_it(rows):
    summary = summarise(rows, make_recipe(), "abc", "", {})
    assert summary["quota"] is None and "quota" not in write_card(summary).lower()
