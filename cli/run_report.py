"""What a run prints at its end: the table of outcomes, where the dataset is, and how to look at it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.faults import report_fault
from cli.session import Session
from schemas.errors import EmptyResultError

if TYPE_CHECKING:
    from rich.table import Table

    from schemas.run_report import RunReport, StageTally


SHOWN_FAILURES = 5
SHOWN_DIGITS = 12  # of a version; any beginning that no other version shares names it


def finish_run(session: Session, report: "RunReport") -> None:
    """Print ``report``; a run in which nothing was accepted ends the command with that error.

    Raises:
        typer.Exit: nothing was accepted; the exit code is that of ``EmptyResultError``.
    """
    from rich.markup import escape

    session.show(outcome_table(report))
    for line in closing_lines(report):
        session.show(line)
    for warning in report.warnings:
        session.note(f"[yellow]Warning:[/] {escape(warning)}")
    for remark in report.remarks:
        session.note(escape(remark))
    body = report.model_dump(mode="json")
    if is_empty(report):
        raise typer.Exit(report_fault(_nothing_accepted(report), session, beside=body))
    session.emit(body)


def is_empty(report: "RunReport") -> bool:
    """Whether no clip, or no box, was accepted."""
    return report.accepted_clips == 0 or sum(report.boxes.values()) == 0


def outcome_table(report: "RunReport") -> "Table":
    """Every input of the run with its outcome, counted."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"[bold]{report.recipe}[/]", title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    if report.scenarios:
        table.add_row("scenarios", f"{report.scenarios:,}")
    table.add_row("clips", f"{report.clips:,}  ({_outcomes('rendered', report.render)})")
    if report.missing_clips:
        table.add_row(
            "[yellow]left out[/]", f"{report.missing_clips:,} clips, not in the store; `framefoundry run` makes them"
        )
    table.add_row("labelled", _outcomes("labelled", report.label))
    table.add_row("frames", _with_parts(report.frames, report.frame_uses))
    table.add_row("clip verdicts", _counts(report.clip_verdicts) or "none")
    table.add_row("box verdicts", _counts(report.box_verdicts) or "none")
    table.add_row("labels", _box_table(report))
    if report.label_quality:
        table.add_row("label quality", _quality(report))
    if report.weights_sha256:
        table.add_row("weights", f"sha256 {report.weights_sha256}")
    table.add_row("seconds", _seconds(report.seconds))
    if report.busy:
        table.add_row("at work", "  ".join(f"{stage} {share:.0%}" for stage, share in report.busy.items()))
    if report.device is not None:
        table.add_row("spent", escape(report.device.in_words))
    for failure in report.failures[:SHOWN_FAILURES]:
        table.add_row("[red]failed[/]", escape(failure))
    if len(report.failures) > SHOWN_FAILURES:
        table.add_row("", f"… and {len(report.failures) - SHOWN_FAILURES} more; --json lists all")
    return table


def closing_lines(report: "RunReport") -> list[str]:
    """Whether anything was made at all, where the dataset is, and how to look at it."""
    from rich.markup import escape

    lines = []
    if report.render.done == 0 and report.label.done == 0:
        lines.append(f"[green]Nothing was rendered or labelled again:[/] all {report.clips:,} clips were in the store.")
    if report.dataset:
        made = "New version" if report.new_version else "The version is the same as before:"
        path = Path(report.path)
        name, _, version = report.dataset.partition("@")
        lines.append(f"{made} [bold]{name}@{version[:SHOWN_DIGITS]}[/]")
        lines.append(f"  folder   {escape(str(path))}")
        lines += [f"  {label:<8} {escape(str(path / part))}" for label, part in _LANDMARKS if (path / part).exists()]
        lines.append(f"  browse   framefoundry view {name}")
    return lines


_LANDMARKS = (("train on", "yolo/data.yaml"), ("COCO", "coco"), ("report", "report.html"))


def _nothing_accepted(report: "RunReport") -> EmptyResultError:
    verdicts = {**report.clip_verdicts, **report.box_verdicts}
    rejections = {verdict: count for verdict, count in verdicts.items() if verdict not in _TAKEN}
    why = f" ({_counts(rejections)})" if rejections else ""
    return EmptyResultError(
        f"{report.recipe}: nothing was accepted{why}.",
        "Try a lower threshold (`framefoundry publish RECIPE --accept 0.4`) or other weights, and look at the clips.",
    )


_TAKEN = ("accept", "accepted")


def _outcomes(done: str, stage: "StageTally") -> str:
    parts = [f"{stage.done:,} {done}", f"{stage.reused:,} reused"]
    failed = f"{stage.failures:,} failed"
    if stage.failed:
        failed = f"[red]{failed}: {_counts(stage.failed)}[/]"
    return ", ".join([*parts, failed])


def _with_parts(total: int, parts: Mapping[str, int]) -> str:
    return f"{total:,}" + (f"  ({_counts(parts)})" if parts else "")


def _counts(counts: Mapping[str, int]) -> str:
    from rich.markup import escape

    return ", ".join(f"{escape(name)} {count:,}" for name, count in counts.items())


def _quality(report: "RunReport") -> str:
    from rich.markup import escape

    known = not report.label_quality.startswith("unmeasured")
    return escape(report.label_quality) + ("; see CARD.md" if known else "; see `framefoundry calibrate`")


def _seconds(stages: Mapping[str, float]) -> str:
    return "  ".join(f"{stage} {seconds:.1f}" for stage, seconds in stages.items()) or "not measured"


def _box_table(report: "RunReport") -> "Table":
    from rich.table import Table

    splits = list(report.boxes_by_split)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("class")
    for heading in ("all", *splits):
        table.add_column(heading, justify="right")
    for name, count in report.boxes.items():
        table.add_row(name, f"{count:,}", *(f"{report.boxes_by_split[split].get(name, 0):,}" for split in splits))
    return table
