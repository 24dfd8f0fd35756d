"""`framefoundry fetch`: bring a diffusion model to this machine."""

from typing import Annotated

import typer

from cli.session import Session


def fetch(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A preset, such as wan2.1-1.3b, or a hub id, such as owner/name.")],
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit. Default: the preset's, else the newest.", show_default=False),
    ] = None,
    lora: Annotated[
        str | None, typer.Option(help="Only this .safetensors file: weights that a recipe adds by `lora`.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before downloading.")] = False,
) -> None:
    """Show a model's size and licence, download what is missing, and verify it. Nothing else here ever downloads.

    Example:  framefoundry fetch wan2.1-1.3b
    """
    from generators.diffusers_video.fetch import cache_folder, carry_out, plan_fetch

    session: Session = context.obj
    plan = plan_fetch(model, revision, lora)
    session.note(f"{plan.model} at {plan.revision}{'' if plan.pinned else ' (newest of its branch now)'}")
    session.note(f"licence of outputs: {plan.licence}")
    if plan.trains_freely is False:
        session.note("[yellow]its licence sets terms for models that are trained on its outputs[/yellow]")
    session.note(
        f"{plan.bytes_missing / 1e9:.1f} of {plan.bytes_total / 1e9:.1f} GB to download, into {cache_folder()}"
    )
    if plan.bytes_missing and not yes:
        typer.confirm("Download?", abort=True, err=True)
    place = carry_out(plan)
    session.show(f"{plan.model}: complete and verified, {place}")
    session.emit({"model": plan.model, "revision": plan.revision, "folder": str(place), "licence": plan.licence})
