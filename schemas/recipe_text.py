"""From YAML text to a validated recipe, with errors that a user can act on; and the JSON Schema for editors."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.recipe import Recipe


_UNION_TAGS = {
    "generator": ("procedural", "footage", "diffusers"),
    "annotator": ("yolo", "truth"),
    "prompts": ("template", "file"),
}


class _UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys in silence; a recipe with a key twice is a mistake."""


def _construct_unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands here twice", key.start_mark)
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_unique_mapping)


def parse_recipe(text: str, where: str = "recipe") -> Recipe:
    """Validate the YAML ``text``; ``where`` names it in messages.

    Raises:
        RecipeError: not YAML, not a mapping, or a key, value or combination that is not allowed. All faults are
            listed, each with its field, its value and the nearest allowed one.
    """
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as fault:
        raise RecipeError(f"{where}: not valid YAML: {' '.join(str(fault).split())}", "Fix the line it names.") from None
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise RecipeError(f"{where}: a recipe is a mapping of keys, this holds {found}.", "See `framefoundry recipe new`.")
    return validate_recipe(data, where)


def validate_recipe(data: dict[str, Any], where: str = "recipe") -> Recipe:
    """Validate a mapping; see :func:`parse_recipe`."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as fault:
        lines = [_describe(error) for error in fault.errors()]
        heading = f"{where}: {lines[0]}" if len(lines) == 1 else f"{where}: {len(lines)} faults:\n  - " + "\n  - ".join(lines)
        raise RecipeError(heading, "Run `framefoundry recipe schema` for every key and its range.") from None


def recipe_json_schema() -> dict[str, Any]:
    """JSON Schema of a recipe, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}


def _describe(error: ErrorDetails) -> str:
    path = ".".join(str(part) for part in _visible(error["loc"])) or "recipe"
    if error["type"] == "extra_forbidden":
        parent, key = error["loc"][:-1], str(error["loc"][-1])
        return f"{path}: unknown key{closest_hint(key, _keys_at(Recipe, parent))}"
    if error["type"] == "missing":
        return f"{path}: missing; it is required"
    if error["type"] in {"union_tag_invalid", "literal_error"}:
        allowed = str(error.get("ctx", {}).get("expected_tags") or error.get("ctx", {}).get("expected", ""))
        names = [name.strip(" '\"") for name in allowed.replace(" or ", ", ").split(",")]
        tag = str(error.get("ctx", {}).get("tag", error["input"]))
        return f"{path}: {tag!r} is not allowed{closest_hint(tag, names)}; allowed: {', '.join(names)}"
    message = error["msg"].removeprefix("Value error, ")
    shown = error["input"]
    scalar = isinstance(shown, str | int | float | bool) or shown is None
    return f"{path}: {message}" + (f" (value: {shown!r})" if scalar and repr(shown) not in message else "")


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
