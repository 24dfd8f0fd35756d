"""From a recipe to its scenarios: what shall be rendered, as words and as data."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from generators.clip_identity import scenario_identity
from generators.coverage import Coverage, MissingPair, coverage
from generators.extra_clips import read_extra
from generators.prompt_files import PromptRow, read_prompt_file
from generators.strategies import choose_combinations
from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.identity import stable_seed
from schemas.prompts import AxisValue, PromptFile, PromptTemplate
from schemas.recipe import Recipe
from schemas.records import Scenario

__all__ = ["Coverage", "MissingPair", "coverage", "plan_scenarios", "scenarios_of_rows", "scenarios_of_template"]


class _Content(NamedTuple):
    prompt: str
    negative: str
    attributes: Mapping[str, str]
    objects: Mapping[str, int]


def plan_scenarios(recipe: Recipe) -> list[Scenario]:
    """The scenarios of ``recipe``, all different, in a fixed order; none for a recipe without prompts.

    The same recipe always gives the same list. A scenario's identity and seed depend on itself and the recipe's seed
    alone, so that changes elsewhere in the recipe leave it as it is.

    Raises:
        RecipeError: an impossible pair of strategy and ``variations``, or a fault in the prompt file.
    """
    match recipe.prompts:
        case PromptTemplate() as template:
            return scenarios_of_template(template, recipe.seed)
        case PromptFile() as source:
            rows = read_prompt_file(source.file)
            _check_rows(rows, source, recipe)
            return scenarios_of_rows(rows, source, recipe.seed)
        case None:
            return []


def scenarios_of_template(template: PromptTemplate, seed: int) -> list[Scenario]:
    """The scenarios that ``template`` asks for by its strategy, each ``repeats`` times; then those of its ``extra``.

    Raises:
        RecipeError: see :func:`generators.strategies.choose_combinations` and
            :func:`generators.extra_clips.read_extra`.
    """
    planned = (
        [value[place] for value, place in zip(template.axes.values(), combination, strict=True)]
        for combination in choose_combinations(template, seed).tolist()
    )
    contents = [(_content_of(template, values), repeat) for values in planned for repeat in range(template.repeats)]
    if template.extra:
        by_name = [{value.value: value for value in values} for values in template.axes.values()]
        for combination, clips in read_extra(template.extra, template).items():
            values = [known[name] for known, name in zip(by_name, combination, strict=True)]
            # Counted on from the planned repeats, so that an extra clip is never one that is planned anyway.
            contents += [(_content_of(template, values), template.repeats + more) for more in range(clips)]
    return _scenarios(contents, seed)


def scenarios_of_rows(rows: Sequence[PromptRow], source: PromptFile, seed: int) -> list[Scenario]:
    """One scenario for each different row of a prompt file, each ``repeats`` times."""
    contents = (
        _Content(row.prompt, source.negative if row.negative is None else row.negative, row.attributes, row.objects)
        for row in rows
    )
    return _scenarios(((content, repeat) for content in contents for repeat in range(source.repeats)), seed)


def _content_of(template: PromptTemplate, values: Sequence[AxisValue]) -> _Content:
    chosen = dict(zip(template.axes, values, strict=True))
    promised: Counter[str] = Counter()
    for value in values:
        if value.count:
            promised.update(value.count)
    return _Content(
        template.template.format_map({axis: value.text for axis, value in chosen.items()}),
        template.negative,
        {axis: value.value for axis, value in chosen.items()},
        dict(promised),
    )


def _scenarios(contents: Iterable[tuple[_Content, int]], seed: int) -> list[Scenario]:
    """One scenario for each different pair of content and repeat."""
    scenarios: dict[str, Scenario] = {}
    for content, repeat in contents:
        identity = scenario_identity(*content, repeat)
        if identity not in scenarios:
            scenarios[identity] = Scenario(
                scenario_id=identity,
                prompt=content.prompt,
                negative_prompt=content.negative,
                attributes=content.attributes,
                objects=content.objects,
                repeat=repeat,
                seed=stable_seed(seed, identity),
            )
    return list(scenarios.values())


def _check_rows(rows: Sequence[PromptRow], source: PromptFile, recipe: Recipe) -> None:
    """What the recipe checks for a template can only be checked here for a file: promises and split axes."""
    known = {name for sources in recipe.classes.values() for name in sources}
    for row in rows:
        for name in row.objects:
            if known and name not in known:
                raise RecipeError(
                    f"{source.file}, line {row.line}, column 'objects': {name!r} is not among `classes`"
                    f"{closest_hint(name, known)}.",
                    "Add it to the recipe's classes, or remove the promise.",
                )
    columns = {name for row in rows for name in row.attributes}
    quota = recipe.curation.quota
    for field, axes in (("split.by", recipe.split.by), ("curation.quota.per", quota.per if quota else ())):
        for axis in axes:
            if axis not in columns:
                raise RecipeError(
                    f"{source.file}: {field} names {axis!r}, which is no column of it{closest_hint(axis, columns)}.",
                    f"Add the column, or change {field}.",
                )
