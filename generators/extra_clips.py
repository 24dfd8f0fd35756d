"""More clips of combinations that a dataset still lacks: planned from its missing cells, kept as a CSV beside a recipe.

The file has a column for each axis of the template and `clips`, how many more to render of that combination. A recipe
names it as `prompts.extra`; everything rendered before stays as it is, and the new clips join it.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from generators.prompt_files import read_limited
from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.identity import stable_seed
from schemas.prompts import AxisValue, PromptTemplate
from schemas.recipe import Recipe

CLIPS = "clips"
MAX_CLIPS = 100_000
"""Most clips that one round plans; a quota that needs more is filled in several."""

Combination = tuple[str, ...]
"""A value of each axis, in the order of the template."""


@dataclass(frozen=True)
class NextRound:
    """What to render for the missing cells.

    Attributes:
        clips: combination -> how many clips of it.
        out_of_reach: the cells for which nothing can be rendered: no axis value promises their class.
    """

    clips: Mapping[Combination, int]
    out_of_reach: tuple[Mapping[str, Any], ...]


def plan_missing(recipe: Recipe, template: PromptTemplate, missing: Sequence[Mapping[str, Any]]) -> NextRound:
    """Plan the clips that fill ``missing``, if every promise is kept.

    For each cell, those first that the fewest values can serve, clips are added until their promises cover it. Of the
    values that promise objects those are taken that serve most of what the condition still lacks; the other axes are
    drawn by weight, from the recipe's seed.

    Args:
        recipe: its published classes gather the promised ones.
        template: its prompts.
        missing: cells as in missing.json: ``class``, ``attributes`` and ``missing``.
    """
    lacks = {(str(cell["class"]), _condition(cell)): int(cell["missing"]) for cell in missing}
    offers_of = {condition: _offers(recipe, template, dict(condition)) for _, condition in lacks}

    def ways(cell: Mapping[str, Any]) -> int:
        return sum(gives[str(cell["class"])] > 0 for _, gives in offers_of[_condition(cell)])

    clips: Counter[Combination] = Counter()
    for cell in sorted(filter(ways, missing), key=ways):
        wanted, condition = str(cell["class"]), _condition(cell)
        offers = offers_of[condition]
        while lacks[wanted, condition] > 0 and clips.total() < MAX_CLIPS:
            values, gives = max(offers, key=lambda offer: _served(offer[1], wanted, condition, lacks))
            for name, count in gives.items():
                if (name, condition) in lacks:
                    lacks[name, condition] -= count
            clips[_fill_up(template, values, stable_seed(recipe.seed, CLIPS, list(condition), clips.total()))] += 1
    return NextRound(dict(clips), tuple(cell for cell in missing if not ways(cell)))


def write_extra(clips: Mapping[Combination, int], template: PromptTemplate) -> str:
    """The text of a file that :func:`read_extra` reads, in a fixed order.

    Raises:
        RecipeError: an axis has the name of the file's own column.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_columns(template))
    writer.writerows([*values, count] for values, count in sorted(clips.items()))
    return text.getvalue()


def read_extra(path: Path, template: PromptTemplate) -> dict[Combination, int]:
    """Combination -> how many more clips of it.

    Raises:
        RecipeError: the file is missing, not a CSV with these columns, or holds a value that its axis has not.
    """
    columns = _columns(template)
    try:
        rows = list(csv.DictReader(io.StringIO(read_limited(path).decode("utf-8-sig")), restval="", strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise RecipeError(f"{path}: cannot be read: {fault}.", "Check prompts.extra in the recipe.") from None
    extra: Counter[Combination] = Counter()
    for line, row in enumerate(rows, start=2):
        if set(row) != set(columns):
            raise RecipeError(
                f"{path}, line {line}: columns are {', '.join(str(name) for name in row)}.",
                f"They must be the template's axes and `{CLIPS}`: {', '.join(columns)}.",
            )
        for axis, values in template.axes.items():
            known = [value.value for value in values]
            if row[axis] not in known:
                raise RecipeError(
                    f"{path}, line {line}: axis {axis!r} has no value {row[axis]!r}{closest_hint(row[axis], known)}.",
                    "Use the values of the recipe's axes.",
                )
        if not row[CLIPS].isascii() or not row[CLIPS].isdigit():
            raise RecipeError(f"{path}, line {line}: {CLIPS} is {row[CLIPS]!r}.", "Write a whole number from 0.")
        extra[tuple(row[axis] for axis in template.axes)] += int(row[CLIPS])
    return dict(extra)


def _columns(template: PromptTemplate) -> list[str]:
    if CLIPS in template.axes:
        raise RecipeError(f"An axis is called {CLIPS!r}, and so is the column that counts clips.", "Rename the axis.")
    return [*template.axes, CLIPS]


def _condition(cell: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(axis), str(value)) for axis, value in cell["attributes"].items())


def _offers(
    recipe: Recipe, template: PromptTemplate, fixed: Mapping[str, str]
) -> list[tuple[dict[str, str], Counter[str]]]:
    """Every way to set the axes that promise objects, with the published objects that it promises; ``fixed`` holds."""
    choices: dict[str, list[AxisValue]] = {}
    for axis, values in template.axes.items():
        if axis in fixed:
            choices[axis] = [value for value in values if value.value == fixed[axis]]
        elif any(value.count for value in values):
            choices[axis] = list(values)
    offers = []
    for chosen in product(*choices.values()):
        gives: Counter[str] = Counter()
        for value in chosen:
            for name, count in value.count.items():
                gives[recipe.published_class(name) or ""] += count
        offers.append(({axis: value.value for axis, value in zip(choices, chosen, strict=True)}, gives))
    return offers


def _served(
    gives: Mapping[str, int],
    wanted: str,
    condition: tuple[tuple[str, str], ...],
    lacks: Mapping[tuple[str, tuple[tuple[str, str], ...]], int],
) -> tuple[bool, int, int]:
    """How well an offer serves: the class at all, then missing objects that it brings, then few that nobody needs."""
    served = sum(min(count, max(lacks.get((name, condition), 0), 0)) for name, count in gives.items())
    return bool(gives.get(wanted)), served, -sum(gives.values())


def _fill_up(template: PromptTemplate, values: Mapping[str, str], seed: int) -> Combination:
    """``values``, and a draw by weight for each axis that has none yet."""
    draws = np.random.Generator(np.random.PCG64(seed)).random(len(template.axes))
    drawn = []
    for (axis, options), draw in zip(template.axes.items(), draws, strict=True):
        shares = np.cumsum([option.weight for option in options])
        place = int(np.searchsorted(shares, draw * shares[-1], side="right"))
        drawn.append(values.get(axis, options[min(place, len(options) - 1)].value))
    return tuple(drawn)
