"""The user's own prompts: a CSV or JSONL file, one scenario a row."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.closest import closest_hint
from schemas.errors import RecipeError

MAX_BYTES = 256 << 20
"""Of a prompt file: millions of prompts. A link to a device would have no end."""

PROMPT, NEGATIVE, OBJECTS = "prompt", "negative", "objects"


@dataclass(frozen=True)
class PromptRow:
    """One row of a prompt file.

    Attributes:
        line: where it stands in the file, from 1.
        prompt: its text, not empty.
        negative: text to steer away from; None when the row has none of its own.
        attributes: the further columns, name -> value; empty cells are left out.
        objects: promised class name -> count.
    """

    line: int
    prompt: str
    negative: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)


def read_prompt_file(path: Path) -> list[PromptRow]:
    """Read a ``.csv`` or ``.jsonl`` file.

    Columns: ``prompt`` (needed), ``negative``, ``objects`` (promised counts, as ``car=1;person=2`` or JSON); every
    other one is an attribute.

    Raises:
        RecipeError: the file is missing, unreadable, not UTF-8, empty or malformed; with line and column.
    """
    try:
        text = read_limited(path).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise RecipeError(f"{path}: not UTF-8 text (byte {fault.start}).", "Save the file as UTF-8.") from None
    except OSError as fault:
        raise RecipeError(f"{path}: cannot be read: {fault.strerror}.", "Check prompts.file in the recipe.") from None
    return parse_prompt_rows(text, path)


def parse_prompt_rows(text: str, path: Path) -> list[PromptRow]:
    """The rows of ``text``, in the form that the suffix of ``path`` names; see :func:`read_prompt_file`."""
    is_csv = path.suffix.lower() == ".csv"
    rows = [_row(cells, f"{path}, line {line}", line) for line, cells in (_csv if is_csv else _jsonl)(text, path)]
    if not rows:
        raise RecipeError(f"{path}: holds no prompts.", "Add at least one row with a `prompt`.")
    return rows


def read_limited(path: Path) -> bytes:
    """The bytes of a file that a recipe names; RecipeError where it is no file, or larger than ``MAX_BYTES``."""
    if path.exists() and not path.is_file():
        raise RecipeError(f"{path}: not a file.", "Check the recipe.")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise RecipeError(f"{path}: {size} bytes; the limit is {MAX_BYTES}.", "Split it over several recipes.")
    return path.read_bytes()


def _csv(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if header:
            _check_header(header, path)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise RecipeError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells where the header has {len(header)} columns.",
                    "Put cells that hold a comma into double quotes.",
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as fault:
        raise RecipeError(f"{path}, line {reader.line_num}: not valid CSV: {fault}.", "Fix that line.") from None


def _check_header(header: list[str], path: Path) -> None:
    if PROMPT not in header:
        raise RecipeError(
            f"{path}: no column {PROMPT!r} in its first line{closest_hint(PROMPT, header)}.",
            "Name the column that holds the text `prompt`.",
        )
    odd = next((name for place, name in enumerate(header) if not name or name in header[:place]), None)
    if odd is not None:
        what = f"the column {odd!r} stands there twice" if odd else "a column has no name"
        raise RecipeError(f"{path}, line 1: {what}.", "Give every column a name of its own.")


def _jsonl(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            data = json.loads(content)
        except ValueError as fault:
            raise RecipeError(
                f"{path}, line {line}: not valid JSON: {fault}.", 'Write one object a line: {"prompt": "…"}.'
            ) from None
        if not isinstance(data, dict):
            raise RecipeError(f"{path}, line {line}: holds no JSON object.", 'Write {"prompt": "…"}.')
        if PROMPT not in data:
            raise RecipeError(
                f"{path}, line {line}: no key {PROMPT!r}{closest_hint(PROMPT, data)}.", "Name the text `prompt`."
            )
        yield line, data


def _row(cells: Mapping[str, Any], where: str, line: int) -> PromptRow:
    words = {name: _words(value, f"{where}, column {name!r}") for name, value in cells.items() if name != OBJECTS}
    if not words[PROMPT]:
        raise RecipeError(f"{where}, column {PROMPT!r}: empty.", "Write the prompt, or remove the line.")
    return PromptRow(
        line=line,
        prompt=words[PROMPT],
        negative=words.get(NEGATIVE) or None,
        attributes={name: value for name, value in words.items() if value and name not in {PROMPT, NEGATIVE}},
        objects=_promise(cells.get(OBJECTS), f"{where}, column {OBJECTS!r}"),
    )


def _words(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value).strip()
    raise RecipeError(f"{where}: {type(value).__name__} {value!r} is no text.", "Write a text or a number.")


def _promise(given: Any, where: str) -> dict[str, int]:
    """Counts from a mapping, from JSON text, or from ``car=1;person=2``."""
    if isinstance(given, str) and given.strip().startswith("{"):
        try:
            given = json.loads(given)
        except ValueError as fault:
            raise RecipeError(f"{where}: not valid JSON: {fault}.", "Write car=1;person=2.") from None
    if isinstance(given, str):
        given = dict(_pair(part, where) for part in given.split(";") if part.strip())
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise RecipeError(f"{where}: {given!r} is no set of counts.", "Write car=1;person=2.")
    for name, count in given.items():
        if not name.strip() or isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise RecipeError(f"{where}: {name!r}: {count!r} is no count.", "Write whole numbers from 1, as in car=1.")
    return {name.strip(): count for name, count in given.items()}


def _pair(part: str, where: str) -> tuple[str, int | str]:
    name, sign, count = part.partition("=")
    if not sign:
        raise RecipeError(f"{where}: {part.strip()!r} has no count.", "Write car=1;person=2.")
    count = count.strip()
    return name.strip(), int(count) if count.isascii() and count.isdigit() else count
