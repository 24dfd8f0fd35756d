"""The tables of `framefoundry plan`: scenarios, coverage of axes and pairs, cost."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli.sizes import show_duration, show_size

if TYPE_CHECKING:
    from rich.table import Table

    from annotators.weights import Weights
    from cli.estimates import Estimate
    from generators.coverage import Coverage
    from schemas.recipe import Recipe
    from schemas.records import ClipJob

SHOWN_MISSING_PAIRS = 10


def heading(listed: int, total: int) -> str:
    """How many clips there are, and whether all are listed."""
    return f"[bold]{total:,} clips[/]" + (f" (the first {listed:,}; --all lists them)" if listed < total else "")


def scenario_table(jobs: Sequence["ClipJob"]) -> "Table":
    """One row a clip: what it shows and what it promises."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("shows", overflow="fold")
    table.add_column("promises", overflow="fold")
    for number, job in enumerate(jobs, 1):
        promised = ", ".join(f"{count} {name}" for name, count in job.scenario.objects.items())
        table.add_row(str(number), escape(_describe(job)), escape(promised))
    return table


def axis_table(coverage: "Coverage") -> "Table":
    """One row an axis: how many clips show each of its values."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("axis")
    table.add_column("clips by value", overflow="fold")
    for axis, counts in coverage.values.items():
        shown = [
            f"{escape(value)} {count}" if count else f"[red]{escape(value)} 0[/]" for value, count in counts.items()
        ]
        table.add_row(escape(axis), ", ".join(shown))
    return table


def pair_lines(coverage: "Coverage") -> Iterator[str]:
    """How many pairs of axis values occur, and which do not."""
    from rich.markup import escape

    yield f"Pairs of values: {coverage.pairs_covered:,} of {coverage.pairs_possible:,} occur."
    for pair in coverage.missing_pairs[:SHOWN_MISSING_PAIRS]:
        yield f"  never together: {escape(str(pair))}"
    more = coverage.pairs_possible - coverage.pairs_covered - SHOWN_MISSING_PAIRS
    if more > 0:
        yield f"  … and {more:,} more pairs"


def estimate_lines(estimate: "Estimate") -> Iterator[str]:
    """Cost of what the store does not have yet, and where the figures come from."""
    yield f"In the store already: {estimate.stored:,} of {estimate.clips:,} clips."
    rendering = "an unknown time" if estimate.render_seconds is None else show_duration(estimate.render_seconds)
    yield (
        f"To do: {estimate.clips - estimate.stored:,} clips; {estimate.frames:,} frames in all; about "
        f"{rendering} to render, {show_duration(estimate.label_seconds)} to label, "
        f"{show_size(estimate.bytes_needed)} of disk."
    )
    if estimate.memory_gb is not None:
        yield f"GPU memory: about {estimate.memory_gb:g} GB with profile balanced, one clip at a time."
    yield f"[dim]Rendering estimated from {estimate.basis}; labelling from a constant.[/]"


def plan_as_json(
    recipe: "Recipe",
    jobs: Sequence["ClipJob"],
    coverage: "Coverage | None",
    estimate: "Estimate",
    weights: "Weights | None" = None,
) -> dict[str, Any]:
    """The whole plan for machines."""
    return {
        "recipe": recipe.name,
        "clips": [asdict(job) for job in jobs],
        "coverage": asdict(coverage) if coverage is not None else None,
        "estimate": asdict(estimate),
        "weights": {"path": str(weights.path), "sha256": weights.sha256} if weights else None,
    }


def _describe(job: "ClipJob") -> str:
    if job.segment is not None:
        return f"{job.segment.name}, from frame {job.segment.start}"
    repeat = f" (repeat {job.scenario.repeat + 1})" if job.scenario.repeat else ""
    return job.scenario.prompt + repeat
