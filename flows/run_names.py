"""What a run is called in Prefect's pages: its recipe, and the round of growth that the recipe is in."""

from pathlib import Path
from typing import Any

from schemas.errors import RecipeError, StoreError
from storage.datasets import list_datasets
from storage.recipes import read_recipe
from storage.store import Store


def name_recipe_run(verb: str, parameters: dict[str, Any]) -> str:
    """``build street, round 3``: the third version of the dataset is what comes of it, if anything new does.

    Args:
        verb: what the flow does.
        parameters: of the flow: ``recipe``, a path, and ``store``.
    """
    path = Path(str(parameters["recipe"]))
    try:
        name = read_recipe(path).name
    except RecipeError:  # the flow's body meets the same fault, and fails with what to do about it
        return f"{verb} {path.stem}"
    return f"{verb} {name}, round {find_round(name, parameters.get('store'))}"


def find_round(dataset: str, store: str | None) -> int:
    """One more than the versions of ``dataset`` in the store; 1 where there is no store yet."""
    try:
        opened = Store.open(store, create=False)
    except StoreError:
        return 1
    return 1 + sum(version.name == dataset for version in list_datasets(opened))
