"""`framefoundry calibrate`: how good a recipe's labels are, and what their confidence is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import RecipeArgument
from cli.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from schemas.calibration import ExpectedQuality, Share
    from schemas.calibration_report import CalibrationReport
    from schemas.recipe import Recipe

WIDEST = 0.03


def calibrate(
    context: typer.Context,
    recipe: RecipeArgument,
    clips: Annotated[
        int | None,
        typer.Option(min=10, help="Clips with known truth to render and label. Default: 200.", show_default=False),
    ] = None,
    from_reviews: Annotated[
        str | None,
        typer.Option(
            metavar="fiftyone|FILE",
            help="Reviewed frames are the truth: those marked in FiftyOne, or a COCO file. Nothing is rendered.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure precision and recall of a recipe's labels, and turn their confidence into a probability.

    Renders clips whose truth is known over the recipe's own scenarios, labels
    them as a run does, and compares. The next `run` or `publish` of the recipe
    uses it: confidence 0.8 then means that eight labels in ten are right, and
    the dataset's card states what to expect.

    Example:  framefoundry calibrate recipes/quickstart.yaml
    """
    from cli import flow_calls
    from schemas.calibration import CALIBRATION_CLIPS
    from storage.recipes import read_recipe

    session: Session = context.obj
    wanted, count = read_recipe(recipe), clips or CALIBRATION_CLIPS
    if from_reviews is None:
        session.note(announce_cost(wanted, count, session))
    elif from_reviews != "fiftyone":
        from storage.coco_reviews import read_coco_review

        read_coco_review(_path(from_reviews), wanted.class_names)  # a wrong file is refused before Prefect starts
        from_reviews = str(_path(from_reviews))
    with flow_calls.flow_surroundings(session) as store:
        from flows.calibrate import calibrate_labels

        report = calibrate_labels(str(recipe.resolve()), store=store.location, clips=count, from_reviews=from_reviews)
    show_calibration(session, report)


def announce_cost(recipe: "Recipe", clips: int, session: Session) -> str:
    """What will be rendered and labelled, and for how long.

    Raises:
        FramefoundryError: the recipe cannot be calibrated in this way.
    """
    from annotators.build import build_annotator
    from cli.estimates import estimate_jobs
    from cli.sizes import show_duration
    from generators.calibration_scenarios import calibration_jobs

    store = session.open_store()
    jobs = calibration_jobs(recipe, clips)
    build_annotator(recipe, store)  # missing weights are refused before Prefect starts
    estimate = estimate_jobs(recipe, jobs, store)
    seconds = (estimate.render_seconds or 0.0) + estimate.label_seconds
    counted = " if the stored ones are labelled" if estimate.stored else ""
    return (
        f"Measuring on {estimate.clips:,} clips with known truth, {estimate.frames:,} frames; {estimate.stored:,} of "
        f"them are in the store. Rendering and labelling takes about {show_duration(seconds)}{counted}."
    )


def show_calibration(session: Session, report: "CalibrationReport") -> None:
    """Print ``report``, or emit it as JSON."""
    from rich.markup import escape

    session.emit(report.model_dump(mode="json"))
    for failure in report.failures[:5]:
        session.note(f"[yellow]failed[/] {escape(failure)}")
    session.show(f"[bold]{escape(report.recipe)}[/]: labels of {escape(report.generator)}, against {report.basis}")
    if report.expected is None:
        session.show(f"  [yellow]unmeasured[/]: {report.boxes:,} of {report.wanted_boxes:,} boxes reviewed")
        return
    expected = report.expected
    session.show(
        f"  {report.boxes:,} boxes in {report.frames:,} frames of {report.clips:,} clips; labels are boxes with a "
        f"confidence of at least {expected.accept:g}"
    )
    session.show(f"  expected calibration error {expected.calibration_error:.3f}, on clips that it never saw")
    session.show(quality_table(expected))
    widths = [share.half_width for share in (expected.precision, expected.recall) if share.half_width is not None]
    if widths and max(widths) > WIDEST:
        session.note(
            f"The intervals are wide (± {max(widths):.3f}); more clips narrow them: --clips {2 * report.clips}"
        )
    session.show(f"  calibration {report.calibration[:12]}; the next run or publish of the recipe uses it")


def quality_table(expected: "ExpectedQuality") -> "Table":
    """Precision and recall with their intervals, one row a cell."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for heading in ("precision (95 %)", "recall (95 %)", "clips"):
        table.add_column(heading, no_wrap=True)
    rows = [("all", expected.precision, expected.recall)]
    rows += [
        (one.value if one.axis == "class" else f"{one.axis}: {one.value}", one.precision, one.recall)
        for one in (*expected.classes, *expected.conditions)
    ]
    for name, precision, recall in rows:
        table.add_row(name, _figures(precision), _figures(recall), f"{max(precision.clips, recall.clips):,}")
    return table


def _figures(share: "Share") -> str:
    return "too few" if share.value is None else f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f})"


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()
