"""`framefoundry gc`: remove the clips that no dataset version refers to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.session import Session
from cli.sizes import show_size

if TYPE_CHECKING:
    from storage.store import Store


def gc(
    context: typer.Context,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it. Without this, it is only listed.")] = False,
    days: Annotated[
        float, typer.Option("--days", min=0, help="Keep what was written within so many days.", show_default=True)
    ] = 7.0,
    keep: Annotated[
        list[Path] | None,
        typer.Option(help="A recipe whose clips stay, published or not. May be given again.", show_default=False),
    ] = None,
) -> None:
    """Show how much space clips take that no dataset version refers to; free it with --delete.

    Versions, models, calibrations and reviews stay, with every clip that they
    refer to. A recipe that is run again renders what was removed again. Of a
    remote store, copies on this machine that nobody read go too, and uploads
    that a killed process left.

    Example:  framefoundry gc --days 30 --keep recipes/nightly.yaml
    """
    from storage.garbage import find_garbage, remove_garbage
    from storage.leftovers import find_leftovers, remove_leftovers

    session: Session = context.obj
    store = session.open_store(create=False)
    kept = [clip_id for recipe in keep or [] for clip_id in _clips_of(recipe, store)]
    found = (remove_garbage if delete else find_garbage)(store, keep=kept, grace_days=days)
    done = "removed" if delete else "not referred to"
    session.show(f"{done:<16} {found.clips:,} clips, {len(found.keys):,} files, {show_size(found.size)}")
    session.show(f"{'kept':<16} {found.kept_clips:,} clips, {found.young_clips:,} of them for being new")
    left = (remove_leftovers if delete else find_leftovers)(store, days=days)
    if store.address:
        copies = f"{len(left.copies):,} copies on this machine, {show_size(left.size)}"
        session.show(f"{done if delete else 'not read':<16} {copies}; {len(left.uploads):,} uploads never completed")
    if (found.keys or left.copies or left.uploads) and not delete:
        session.show("Nothing was removed. To remove it:  framefoundry gc --delete")
    session.emit(
        {
            "deleted": delete,
            "clips": found.clips,
            "files": len(found.keys),
            "bytes": found.size,
            "kept_clips": found.kept_clips,
            "young_clips": found.young_clips,
            "copies": len(left.copies),
            "copies_bytes": left.size,
            "uploads": len(left.uploads),
        }
    )


def _clips_of(recipe: Path, store: "Store") -> list[str]:
    from generators.build import build_generator
    from storage.recipes import read_recipe

    generator = build_generator(read_recipe(recipe), store)
    try:
        return [job.clip_id for job in generator.jobs()]
    finally:
        generator.close()
