"""`framefoundry doctor`: what this machine lacks, before any work is done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.session import Session, quiet_stdout

if TYPE_CHECKING:
    from rich.table import Table

    from cli.checks import Check


def doctor(
    context: typer.Context,
    recipe: Annotated[
        Path | None, typer.Argument(help="Also check what this recipe needs.", metavar="[RECIPE]", show_default=False)
    ] = None,
    weights: Annotated[str, typer.Option(help="Detector weights to check: a name or a path.")] = "starter",
) -> None:
    """Check packages, device, weights, database, codec, disk, store and Prefect; say what to do about each fault.

    Example:  framefoundry doctor recipes/quickstart.yaml
    """
    from cli.checks import Verdict
    from schemas.errors import EnvironmentFault

    session: Session = context.obj
    with quiet_stdout(session):
        checks = gather_checks(session, recipe, weights)
    session.show(checks_table(checks))
    faults = [check for check in checks if check.verdict is Verdict.FAULT]
    session.emit({"healthy": not faults, "checks": [vars(check) for check in checks]})
    if not faults:
        session.show("[green]Ready.[/]")
        return
    named = ", ".join(check.subject for check in faults)
    session.note(f"[bold red]{len(faults)} of {len(checks)} checks failed:[/] {named}")
    raise typer.Exit(EnvironmentFault.exit_code)


def gather_checks(session: Session, recipe: Path | None, weights: str) -> list["Check"]:
    """Every check, in the order in which they are shown.

    Raises:
        RecipeError: ``recipe`` is not a valid recipe.
    """
    from cli import machine_checks, package_checks
    from cli.recipe_checks import check_recipe, check_weights

    return [
        package_checks.check_python(),
        *package_checks.check_packages(package_checks.declared_requirements()),
        *package_checks.check_prefect_breakers(),
        *package_checks.check_rivals(),
        machine_checks.check_device(),
        machine_checks.check_codec(),
        machine_checks.check_mongod(),
        *machine_checks.check_store(session.store),
        machine_checks.check_prefect_api(),
        *([check_weights(weights, session.store)] if recipe is None else check_recipe(recipe, session)),
    ]


def checks_table(checks: list["Check"]) -> "Table":
    """One row a check; the remedy below the fault."""
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "warning": "yellow", "fault": "red"}
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        found = escape(check.found) + (f"\n[bold]→ {escape(check.remedy)}[/]" if check.remedy else "")
        table.add_row(f"[{colours[check.verdict]}]{check.verdict}[/]", check.subject, found)
    return table
