"""Reading recipe files."""

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
    return _resolve_paths(recipe, path.absolute().parent)


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


def _resolve_paths(recipe: Recipe, folder: Path) -> Recipe:
    changes: dict[str, object] = {}
    if isinstance(recipe.prompts, PromptFile):
        changes["prompts"] = recipe.prompts.model_copy(update={"file": _beside(folder, recipe.prompts.file)})
    if isinstance(recipe.prompts, PromptTemplate) and recipe.prompts.extra:
        changes["prompts"] = recipe.prompts.model_copy(update={"extra": _beside(folder, recipe.prompts.extra)})
    near = recipe.curation.near_duplicates
    if near and near.embedder != DETECTOR:
        near = near.model_copy(update={"embedder": _if_present(folder, near.embedder)})
        changes["curation"] = recipe.curation.model_copy(update={"near_duplicates": near})
    if isinstance(recipe.generator, FootageOptions):
        changes["generator"] = recipe.generator.model_copy(update={"path": _beside(folder, recipe.generator.path)})
    if isinstance(recipe.generator, DiffusersOptions):
        changes["generator"] = _resolve_diffusers(recipe.generator, folder)
    if isinstance(recipe.annotator, DetectorOptions):
        weights = _if_present(folder, recipe.annotator.weights)
        changes["annotator"] = recipe.annotator.model_copy(update={"weights": weights})
    return recipe.model_copy(update=changes)


def _resolve_diffusers(options: DiffusersOptions, folder: Path) -> DiffusersOptions:
    paths = {"images": options.images, "source": options.source}
    changes: dict[str, object] = {name: _beside(folder, path) for name, path in paths.items() if isinstance(path, Path)}
    if options.model:
        changes["model"] = _if_present(folder, options.model)
    if options.lora:
        changes["lora"] = options.lora.model_copy(update={"model": _if_present(folder, options.lora.model)})
    return options.model_copy(update=changes)


def _beside(folder: Path, path: Path) -> Path:
    return folder / path.expanduser()


def _if_present(folder: Path, name: str) -> str:
    path = _beside(folder, Path(name))
    return str(path) if path.exists() else name
