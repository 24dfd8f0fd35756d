"""`framefoundry recipe`: write, check and describe recipes."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import RecipeArgument
from cli.session import Session
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from schemas.recipe import Recipe

TEMPLATE = "new_recipe.yaml"
TEMPLATE_NAME = "my-dataset"

app = typer.Typer(help="Write, check and describe recipes.", no_args_is_help=True)


@app.command("new")
def new(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it. Default: print it.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset. Default: the file's name.")] = None,
) -> None:
    """Write a commented recipe that runs as it is.

    Example:  framefoundry recipe new street.yaml
    """
    session: Session = context.obj
    chosen = name or (file.stem if file else TEMPLATE_NAME)
    text = recipe_text(chosen)
    if file is None:
        session.emit({"name": chosen, "recipe": text})
        if not session.json:
            typer.echo(text, nl=False)
        return
    write_new(file, text)
    session.emit({"name": chosen, "path": file.resolve()})
    session.show(f"{file} is written. Next:  framefoundry plan {file}")


@app.command("validate")
def validate(context: typer.Context, recipe: RecipeArgument) -> None:
    """Check a recipe: every key, value, range and combination; nothing is rendered.

    Example:  framefoundry recipe validate street.yaml
    """
    from storage.recipes import read_recipe

    session: Session = context.obj
    valid = read_recipe(recipe)
    session.emit({"valid": True, "recipe": valid.model_dump(mode="json")})
    session.show(f"[green]{recipe} is valid:[/] {summarise(valid)}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of a recipe, for editors that complete and check YAML.

    Example:  framefoundry recipe schema > recipe.schema.json
    """
    import json

    from schemas.recipe_text import recipe_json_schema

    typer.echo(json.dumps(recipe_json_schema(), indent=2))


def recipe_text(name: str) -> str:
    """The recipe that newcomers start from, with its comments, for a dataset called ``name``.

    Raises:
        RecipeError: ``name`` cannot name a dataset.
    """
    from schemas.recipe import check_name

    try:
        check_name(name)
    except ValueError as fault:
        raise RecipeError(f"{fault}.", "Choose one with --name.") from None
    text = files("cli").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return text.replace(f"name: {TEMPLATE_NAME}", f"name: {name}", 1)


def write_new(file: Path, text: str) -> None:
    """Write ``text`` to ``file``, which must not exist.

    Raises:
        RecipeError: it exists, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise RecipeError(f"{file} exists already.", "Choose another name, or remove it first.") from None
    except OSError as fault:
        raise RecipeError(f"{file}: cannot be written: {fault.strerror}.", "Check the folder.") from None


def summarise(recipe: "Recipe") -> str:
    """One line: what the recipe makes, from what, labelled by whom."""
    clip = recipe.clip
    forms = [name for name in ("parquet", "fiftyone", "yolo", "coco") if getattr(recipe.publish, name) is not None]
    classes = ", ".join(recipe.class_names) or "all that the detector knows"
    return (
        f"{recipe.name}: {recipe.generator.kind} clips of {clip.frames} frames at {clip.width}x{clip.height}, "
        f"labelled by {recipe.annotator.kind}; classes: {classes}; published as {', '.join(forms)}"
    )
