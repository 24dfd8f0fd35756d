"""Reading recipe files."""

from collections.abc import Callable
from pathlib import Path

from schemas.annotator_options import DetectorOptions
from schemas.curation_options import DETECTOR
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import RecipeError
from schemas.generator_options import FootageOptions
from schemas.prompts import PromptFile, PromptTemplate
from schemas.recipe import Recipe
from schemas.recipe_text import parse_recipe

MAX_RECIPE_BYTES = 5_000_000


def read_recipe(path: Path) -> Recipe:
    """The validated recipe in the file ``path``; relative paths in it are made absolute, from the recipe's folder.

    ``annotator.weights`` and ``generator.model`` may be names as well: they become paths only where such a file or
    folder lies beside the recipe.

    Raises:
        RecipeError: no such file, not readable, not UTF-8, or not a valid recipe.
    """
    path = Path(path)
    recipe = parse_recipe(_read_text(path), str(path))
    folder = path.absolute().parent
    return replace_inputs(
        recipe, path=lambda given: _beside(folder, given), name=lambda given: _if_present(folder, given)
    )


def _read_text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size > MAX_RECIPE_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_RECIPE_BYTES} bytes.", "That is no recipe; check the path.")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file.", "Check the path; `framefoundry recipe new` writes one.") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: is a folder.", "Name the recipe's file in it.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is not UTF-8 text.", "Save it as UTF-8; check that it is a recipe.") from None
    except OSError as fault:
        raise RecipeError(f"{path}: cannot be read: {fault.strerror}.", "Check the path and its permissions.") from None


def replace_inputs(recipe: Recipe, *, path: Callable[[Path], Path], name: Callable[[str], str]) -> Recipe:
    """``recipe`` with every file and folder that it reads replaced.

    Args:
        recipe: not changed.
        path: takes what can only be a file or a folder: prompts, footage, pictures.
        name: takes what may be the name of a model as well: weights, pipelines, adapters, embedders.
    """
    changes: dict[str, object] = {}
    if isinstance(recipe.prompts, PromptFile):
        changes["prompts"] = recipe.prompts.model_copy(update={"file": path(recipe.prompts.file)})
    if isinstance(recipe.prompts, PromptTemplate) and recipe.prompts.extra:
        changes["prompts"] = recipe.prompts.model_copy(update={"extra": path(recipe.prompts.extra)})
    near = recipe.curation.near_duplicates
    if near and near.embedder != DETECTOR:
        near = near.model_copy(update={"embedder": name(near.embedder)})
        changes["curation"] = recipe.curation.model_copy(update={"near_duplicates": near})
    if isinstance(recipe.generator, FootageOptions):
        changes["generator"] = recipe.generator.model_copy(update={"path": path(recipe.generator.path)})
    if isinstance(recipe.generator, DiffusersOptions):
        changes["generator"] = _replace_diffusers(recipe.generator, path, name)
    if isinstance(recipe.annotator, DetectorOptions):
        weights = name(recipe.annotator.weights)
        changes["annotator"] = recipe.annotator.model_copy(update={"weights": weights})
    return recipe.model_copy(update=changes)


def _replace_diffusers(
    options: DiffusersOptions, path: Callable[[Path], Path], name: Callable[[str], str]
) -> DiffusersOptions:
    given = {"images": options.images, "source": options.source}
    changes: dict[str, object] = {field: path(value) for field, value in given.items() if isinstance(value, Path)}
    if options.model:
        changes["model"] = name(options.model)
    if options.lora:
        changes["lora"] = options.lora.model_copy(update={"model": name(options.lora.model)})
    return options.model_copy(update=changes)


def _beside(folder: Path, path: Path) -> Path:
    return folder / path.expanduser()


def _if_present(folder: Path, name: str) -> str:
    path = _beside(folder, Path(name))
    return str(path) if path.exists() else name
