"""Preflight of one recipe: its prompts, its sources, its detector, the room it takes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cli.checks import Check, fault, ok, warning
from cli.machine_checks import check_disk
from cli.session import Session
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import FramefoundryError
from schemas.recipe import Recipe
from storage.recipes import read_recipe
from storage.store import Store


def check_recipe(path: Path, session: Session) -> list[Check]:
    """What the recipe in ``path`` needs, beyond what every run needs.

    Raises:
        RecipeError: not a valid recipe.
    """
    recipe = read_recipe(path)
    store = Store.planned(session.store)
    clips = attempt("clips", lambda: _describe_clips(recipe))
    checks = [
        ok("recipe", str(path)),
        *_check_licence(recipe),
        clips,
        attempt("annotator", lambda: _describe_annotator(recipe, store)),
    ]
    return [*checks, attempt_check("room", lambda: _check_room(recipe, store))] if clips.verdict == "ok" else checks


def check_weights(name: str, location: str | None) -> Check:
    """Whether the detector weights ``name`` are there and are weights."""
    from annotators.weights import resolve_weights

    def describe() -> str:
        found = resolve_weights(name, Store.planned(location))
        return f"{found.path}\nsha256 {found.sha256}"

    return attempt("weights", describe)


def attempt(subject: str, describe: Callable[[], str]) -> Check:
    """``describe`` as a check: our own errors become faults with their hints."""
    return attempt_check(subject, lambda: ok(subject, describe()))


def attempt_check(subject: str, check: Callable[[], Check]) -> Check:
    """``check``, with our own errors as faults of ``subject``."""
    try:
        return check()
    except FramefoundryError as refused:
        return fault(subject, refused.message, refused.hint)


def _describe_clips(recipe: Recipe) -> str:
    from generators.build import build_generator

    generator = build_generator(recipe)
    try:
        return f"{len(generator.jobs()):,} {recipe.generator.kind} clips of {recipe.clip.frames} frames"
    finally:
        generator.close()


def _check_licence(recipe: Recipe) -> list[Check]:
    """What the licence of a diffusion preset says about training on its outputs; nothing for other generators."""
    if not isinstance(recipe.generator, DiffusersOptions) or not recipe.generator.preset:
        return []
    from generators.diffusers_video.presets import find_preset

    try:
        preset = find_preset(recipe.generator.preset)
    except FramefoundryError:
        return []  # told by the check of the clips
    if preset.trains_freely:
        return [ok("licence", preset.licence)]
    return [warning("licence", preset.licence, "Read it before you train on these clips, or choose a Wan preset.")]


def _describe_annotator(recipe: Recipe, store: Store) -> str:
    from annotators.build import build_annotator

    annotator = build_annotator(recipe, store)
    weights = getattr(recipe.annotator, "weights", "")
    described = f"{recipe.annotator.kind} {weights} ({annotator.fingerprint[:12]})".replace("  ", " ")
    return described + (f"\nsha256 {annotator.weights_sha256}" if annotator.weights_sha256 else "")


def _check_room(recipe: Recipe, store: Store) -> Check:
    from cli.estimates import estimate_recipe

    existing = next(folder for folder in (store.root, *store.root.parents) if folder.exists())
    return replace(check_disk(existing, needed=estimate_recipe(recipe, store).bytes_needed), subject="room")
