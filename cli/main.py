"""The command `framefoundry`: its commands, its global options, and what happens when something goes wrong."""

import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import bootstrap, calibrate, doctor, fetch, gc, label, plan, publish, recipes, retrain, serve, status, view
from cli import run as run_recipe
from cli.faults import report_fault
from cli.session import Session

EPILOG = (
    "Start with:  framefoundry recipe new my.yaml   then   framefoundry plan my.yaml   "
    "and   framefoundry run my.yaml.   The global options --store, --json and --verbose may stand anywhere."
)
_GLOBAL_FLAGS = ("--json", "--verbose")
_GLOBAL_VALUES = ("--store",)


class Framefoundry(TyperGroup):
    """The root command: takes global options anywhere, and turns exceptions into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args`` with the global options in front."""
        return super().parse_args(ctx, hoist_global_options(args))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an exception becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as fault:
            if _is_typers_own(fault):
                raise
            raise typer.Exit(report_fault(fault, ctx.obj or Session())) from None


def hoist_global_options(args: Sequence[str]) -> list[str]:
    """``args`` with the global options, wherever they stood before ``--``, moved to the front."""
    front: list[str] = []
    rest: list[str] = []
    remaining = list(args)
    while remaining:
        word = remaining.pop(0)
        if word == "--":
            return [*front, *rest, word, *remaining]
        if word in _GLOBAL_FLAGS or word.startswith(tuple(f"{name}=" for name in _GLOBAL_VALUES)):
            front.append(word)
        elif word in _GLOBAL_VALUES and remaining:
            front += [word, remaining.pop(0)]
        else:
            rest.append(word)
    return front + rest


def _is_typers_own(fault: BaseException) -> bool:
    """Whether Typer itself handles ``fault``: usage errors, exits, aborts, a closed pipe."""
    return type(fault).__module__.startswith("typer") or isinstance(fault, BrokenPipeError)


app = typer.Typer(
    name="framefoundry",
    cls=Framefoundry,
    help="A synthetic dataset factory: recipes in; versioned, labelled, measured detection datasets out.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"framefoundry {version('framefoundry')}")
        raise typer.Exit


@app.callback()
def read_global_options(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(help="Folder of the store. Default: $FRAMEFOUNDRY_STORE, else ./foundry.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and only that, on stdout.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show tracebacks and Prefect's own messages.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Keep the global options for the command that follows."""
    context.obj = Session(store=store, json=json, verbose=verbose)
    # Torch's idle threads spin by default: on cores that are shared with anything else, two of them labelled at a
    # twentieth of the speed of one. Read once, when torch is first imported; servers and workers inherit it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("DO_NOT_TRACK", "1")  # heard by Prefect and Hugging Face; rooms switch off the others
    os.umask(os.umask(0o077) | 0o002)  # nothing that we or our children make is writable for everybody


PLANNING, MAKING, LOOKING, SERVING = "Plan and check", "Make datasets", "Look and learn", "Machinery"

app.add_typer(recipes.app, name="recipe", rich_help_panel=PLANNING)
app.command("plan", rich_help_panel=PLANNING)(plan.plan)
app.command("doctor", rich_help_panel=PLANNING)(doctor.doctor)
app.command("fetch", rich_help_panel=PLANNING)(fetch.fetch)
app.command("run", rich_help_panel=MAKING)(run_recipe.run)
app.command("label", rich_help_panel=MAKING)(label.label)
app.command("publish", rich_help_panel=MAKING)(publish.publish)
app.command("calibrate", rich_help_panel=MAKING)(calibrate.calibrate)
app.command("status", rich_help_panel=LOOKING)(status.status)
app.command("view", rich_help_panel=LOOKING)(view.view)
app.command("retrain", rich_help_panel=LOOKING)(retrain.retrain)
app.command("serve", rich_help_panel=SERVING)(serve.serve)
app.command("gc", rich_help_panel=SERVING)(gc.gc)
app.command("bootstrap", rich_help_panel=SERVING)(bootstrap.bootstrap)


def run() -> None:
    """The console script."""
    app()
