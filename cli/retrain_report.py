"""What a retraining prints at its end: the verdict, the evidence, and where the weights are."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.session import Session
from cli.sizes import show_duration

if TYPE_CHECKING:
    from rich.table import Table

    from trainers.retrain import RetrainReport, Score

COLOURS = {"promoted": "green", "kept": "yellow", "no evidence": "yellow"}


def show_retraining(session: Session, report: "RetrainReport") -> None:
    """Print ``report``, or emit it as JSON."""
    from rich.markup import escape

    session.emit(asdict(report))
    colour = COLOURS[report.verdict]
    session.show(f"[bold]{escape(report.model)}[/]: [{colour}]{report.verdict}[/]")
    session.show(f"  {escape(report.reason)}")
    session.show(f"  trained on {escape(report.dataset)}: {report.images:,} images, {show_duration(report.seconds)}")
    if report.holdout:
        session.show(f"  judged on {escape(report.holdout)}: {report.clips:,} clips, {report.frames:,} frames")
        session.show(score_table([score for score in (report.candidate, report.incumbent) if score is not None]))
    session.show(f"  weights  {escape(str(report.weights))}")
    session.show(f"  use it   annotator: {{kind: yolo, weights: {escape(report.model)}}}")


def score_table(scores: list["Score"]) -> "Table":
    """One row a detector."""
    from rich.table import Table

    table = Table("detector", "mAP50-95", "mAP50", "precision", "recall", box=None, padding=(0, 2, 0, 0))
    for score in scores:
        figures = (score.map50_95, score.map50, score.precision, score.recall)
        table.add_row(score.detector, *(f"{figure:.3f}" for figure in figures))
    return table
