"""`framefoundry plan --missing`: the clips that another round should render for a quota."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cli.session import Session
from schemas.errors import RecipeError

SHOWN = 20


def plan_missing_clips(session: Session, recipe: Path, dataset: str, target: Path | None) -> None:
    """Plan clips for the cells that ``dataset`` lacks; list them, and write them to ``target`` where one is named.

    What the recipe's own ``prompts.extra`` asks for already is kept in the file, so that it may be the same one.

    Raises:
        RecipeError: the recipe has no template, or no such dataset or quota.
    """
    from rich.markup import escape

    from generators.extra_clips import plan_missing, read_extra, write_extra
    from schemas.prompts import PromptTemplate
    from storage.recipes import read_recipe

    wanted = read_recipe(recipe)
    if not isinstance(wanted.prompts, PromptTemplate):
        raise RecipeError(
            f"{recipe}: clips for missing cells are planned from a template, and its prompts are none.",
            "Add rows to the prompt file; missing.json in the dataset's folder tells which.",
        )
    template = wanted.prompts
    planned = plan_missing(wanted, template, read_missing(session, dataset))
    together = Counter(read_extra(template.extra, template) if template.extra else {})
    together.update(planned.clips)
    if target is not None:
        target.write_text(write_extra(together, template), encoding="utf-8")
    rows = [dict(zip([*template.axes, "clips"], [*key, count], strict=True)) for key, count in planned.clips.items()]
    session.emit({"clips": rows, "out_of_reach": list(planned.out_of_reach), "file": str(target) if target else None})
    session.show(f"[bold]{sum(planned.clips.values()):,} more clips[/] of {len(rows):,} combinations")
    for key, count in Counter(planned.clips).most_common(SHOWN):
        session.show(f"  {count:>5,} x {escape(', '.join(key))}")
    for cell in planned.out_of_reach:
        session.note(f"[yellow]Warning:[/] no axis value promises {escape(str(cell['class']))}: nothing can be planned")
    if target is None:
        session.show("Nothing was written; --write FILE.csv does.")
    else:
        session.show(f"Written. Next: name {escape(str(target))} as `prompts.extra` in {escape(str(recipe))}; run it.")


def read_missing(session: Session, dataset: str) -> list[dict[str, Any]]:
    """The cells that a version of a dataset lacks, from its missing.json.

    Raises:
        RecipeError: no such version, or it was made without a quota.
    """
    from storage.datasets import find_version, parse_reference

    name, version = parse_reference(dataset)
    found = find_version(session.open_store(create=False), name, version)
    path = found.find_file("missing.json")
    if path is None:
        raise RecipeError(
            f"{found.name}@{found.version[:12]} was made without a quota, so nothing is known to be missing.",
            "Add curation.quota to its recipe and run `framefoundry publish`.",
        )
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return cells
