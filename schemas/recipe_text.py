"""From YAML text to a validated recipe, with errors that a user can act on; and the JSON Schema for editors."""

import json
import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.recipe import Recipe

_TEXT_TAG = "tag:yaml.org,2002:str"
_MERGE_TAG = "tag:yaml.org,2002:merge"

MAX_VALUES = 1_000_000
"""In a recipe with all its aliases written out; a few lines of aliases of aliases can stand for more than fits."""

# What pydantic calls a type, in the words of a recipe.
_WANTED = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "path_type": "must be a path",
    "too_short": "must hold at least one value",
    "string_too_short": "must not be empty",
}

_UNION_TAGS = {
    "generator": ("procedural", "footage", "diffusers"),
    "annotator": ("yolo", "carried", "truth"),
    "prompts": ("template", "file"),
}


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys in silence, and reads `on:` as true; in a recipe both are mistakes."""


def _construct_unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == _MERGE_TAG:
            continue
        if key.tag != _TEXT_TAG:
            shown = repr(key.value) if isinstance(key, yaml.ScalarNode) else "that stands here"
            fault = f"the key {shown} is not text; write it in quotes"
        elif key.value in seen:
            fault = f"the key {key.value!r} stands here twice"
        else:
            seen.add(key.value)
            continue
        raise yaml.constructor.ConstructorError(None, None, fault, key.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_unique_mapping)


def parse_recipe(text: str, where: str = "recipe") -> Recipe:
    """Validate the YAML ``text``; ``where`` names it in messages.

    Raises:
        RecipeError: not YAML, not a mapping, or a key, value or combination that is not allowed. All faults are
            listed, each with its field, its value and the nearest allowed one.
    """
    try:
        data = _load(text, where)
    except yaml.YAMLError as fault:
        raise RecipeError(f"{where}: not valid YAML: {_one_line(fault)}", "Fix the line it names.") from None
    except (ValueError, RecursionError) as fault:  # a date or a number that cannot be; nesting without end
        raise RecipeError(f"{where}: not valid YAML: {fault}.", "Write such values in quotes.") from None
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise RecipeError(
            f"{where}: a recipe is a mapping of keys, this holds {found}.", "See `framefoundry recipe new`."
        )
    return validate_recipe(data, where)


def validate_recipe(data: dict[str, Any], where: str = "recipe") -> Recipe:
    """Validate a mapping with text for its keys; see :func:`parse_recipe`.

    Types are taken strictly, as JSON knows them: ``"7"`` and ``true`` are not numbers.
    """
    try:
        return Recipe.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as fault:
        lines = [_describe(error) for error in _without_echoes(fault.errors())]
        heading = (
            f"{where}: {lines[0]}" if len(lines) == 1 else f"{where}: {len(lines)} faults:\n  - " + "\n  - ".join(lines)
        )
        raise RecipeError(heading, "Run `framefoundry recipe schema` for every key and its range.") from None


def recipe_json_schema() -> dict[str, Any]:
    """JSON Schema of a recipe, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}


def _load(text: str, where: str) -> Any:
    loader = _UniqueKeyLoader(text)
    try:
        root = loader.get_single_node()
        _refuse_endless_aliases(root, where)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _refuse_endless_aliases(root: yaml.Node | None, where: str) -> None:
    """RecipeError where ``root`` holds more than ``MAX_VALUES`` values once every alias stands for what it names."""
    if root is not None and _count_values(root, {}) > MAX_VALUES:
        raise RecipeError(
            f"{where}: its aliases, written out, hold over {MAX_VALUES} values, or one holds itself.",
            "Write it without aliases.",
        )


def _count_values(node: yaml.Node, known: dict[int, int]) -> int:
    """Values in ``node``, aliases written out; ``known`` are the counts of nodes seen, of those begun too many."""
    if id(node) not in known:
        known[id(node)] = MAX_VALUES + 1
        known[id(node)] = 1 + sum(_count_values(part, known) for part in _parts_of(node))
    return known[id(node)]


def _parts_of(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _describe(error: ErrorDetails) -> str:
    path = ".".join(str(part) for part in _visible(error["loc"]))
    return (f"{path}: " if path else "") + _fault(error)


def _one_line(fault: yaml.YAMLError) -> str:
    return " ".join(str(fault).replace('in "<unicode string>", ', "in ").split())


def _fault(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            parent, key = error["loc"][:-1], str(error["loc"][-1])
            return f"unknown key{closest_hint(key, _keys_at(Recipe, parent))}"
        case "missing":
            return "missing; it is required"
        case "union_tag_not_found":
            return f"`kind` is missing; one of: {', '.join(_UNION_TAGS[str(error['loc'][0])])}"
        case "union_tag_invalid" | "literal_error":
            allowed = str(context.get("expected_tags") or context.get("expected", ""))
            names = [name.strip(" '\"") for name in allowed.replace(" or ", ", ").split(",")]
            tag = str(context.get("tag", error["input"]))
            near = closest_hint(tag, names)
            listed = "" if near.startswith("; allowed") else f"; allowed: {', '.join(names)}"
            return f"{tag!r} is not allowed{near}{listed}"
        case "value_error":  # our own validators name the value themselves
            return error["msg"].removeprefix("Value error, ")
    shown = error["input"]
    scalar = isinstance(shown, str | int | float | bool) or shown is None
    wanted = _WANTED.get(error["type"], error["msg"].replace("Input should", "must", 1))
    return wanted + (f" (value: {shown!r})" if scalar else "")


def _without_echoes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """``errors`` without "holds too few" where the values are there and are themselves faulty."""
    places = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(len(place) > len(error["loc"]) and place[: len(error["loc"])] == error["loc"] for place in places)
    ]


def _visible(loc: tuple[int | str, ...]) -> list[int | str]:
    """``loc`` without the tag that pydantic adds, in second place, for a member of a union."""
    tagged = len(loc) > 1 and str(loc[1]) in _UNION_TAGS.get(str(loc[0]), ())
    return [loc[0], *loc[2:]] if tagged else list(loc)


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Keys that the model at ``loc`` below ``model`` allows."""
    kinds: list[Any] = [model]
    for part in loc:
        tagged = [kind for kind in kinds if str(part) in _tags_of(kind)]
        step = [field.annotation for kind in kinds if (field := kind.model_fields.get(str(part)))]
        if len(kinds) > 1 and tagged:
            kinds = tagged
        elif step:
            kinds = [found for annotation in step for found in _models_in(annotation)]
    return list(dict.fromkeys(key for kind in kinds for key in kind.model_fields))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Every model inside an annotation: members of unions, values of containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Annotated, Union, types.UnionType, dict, tuple, list}:
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []


def _tags_of(kind: type[BaseModel]) -> set[str]:
    field = kind.model_fields.get("kind")
    if field is not None:
        return set(get_args(field.annotation))
    return {"file"} if "file" in kind.model_fields else {"template"} if "template" in kind.model_fields else set()
