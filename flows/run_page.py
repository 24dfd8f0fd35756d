"""What a run shows in the Prefect UI: a table of outcomes and a summary with links."""

import base64
import io
from pathlib import Path

from PIL import Image
from prefect.artifacts import create_markdown_artifact

from flows.outcome_table import OutcomeTable, Row
from schemas.markdown import without_tags
from schemas.run_report import RunReport, StageTally

CONTACT_SHEET = "contact_sheet.jpg"
SHEET_SIDE, SHEET_QUALITY = 900, 70


def show_run(report: RunReport, outcomes: OutcomeTable | None = None) -> None:
    """Show how a run ended: ``outcomes``, the table that followed it if one did, in full, and a summary."""
    (outcomes or OutcomeTable(report.recipe)).show(outcome_rows(report))
    recipe = report.recipe.replace("_", "-")  # keys of artifacts know no underscore
    create_markdown_artifact(run_markdown(report), key=f"{recipe}-summary", description=report.dataset)


def outcome_rows(report: RunReport) -> list[Row]:
    """One row for each outcome that occurred, with how often it did."""
    rows = [*_stage_rows("render", report.render), *_stage_rows("label", report.label)]
    for stage, counts in (
        ("clips", report.clip_verdicts),
        ("boxes", report.box_verdicts),
        ("frames", report.frame_uses),
        ("labels", report.boxes),
    ):
        rows += [{"stage": stage, "outcome": name, "count": count} for name, count in counts.items()]
    return rows


def _stage_rows(stage: str, tally: StageTally) -> list[Row]:
    counts = {"done": tally.done, "reused": tally.reused, **{f"failed: {why}": n for why, n in tally.failed.items()}}
    return [{"stage": stage, "outcome": name, "count": count} for name, count in counts.items() if count]


def run_markdown(report: RunReport) -> str:
    """The summary of a run: what there is, how long it took, where to look."""
    path = Path(report.path)
    labels = "\n".join(_label_line(name, total, report) for name, total in report.boxes.items() if total)
    stages = "\n".join(_stage_line(stage, report) for stage in [*report.seconds, *report.busy])
    warnings = "".join(f"\n> {warning}\n" for warning in report.warnings)
    spent = f"\nSpent: {report.device.in_words}.\n" if report.device else ""
    name, _, version = report.dataset.partition("@")
    return without_tags(f"""# {name}

Version `{version}`

{report.clips} clips, {report.frames} frames; {report.accepted_clips} clips accepted.
{warnings}
{contact_sheet(path)}
| class | labels | {" | ".join(_SPLITS)} |
|---|---|{"---|" * len(_SPLITS)}
{labels}

| stage | seconds | at work |
|---|---|---|
{stages}
{spent}

- Browse the labels in FiftyOne: `framefoundry view {report.recipe}`
- Report with labelled frames, for the browser's address bar: `{(path / "report.html").as_uri()}`
- Train: `yolo detect train data={path / "yolo" / "data.yaml"}`
""")


def contact_sheet(version: Path) -> str:
    """The contact sheet in the folder of a version, small enough to lie in Prefect's database; empty if it has none."""
    try:
        with Image.open(version / CONTACT_SHEET) as image:
            image.thumbnail((SHEET_SIDE, SHEET_SIDE))
            data = io.BytesIO()
            image.convert("RGB").save(data, "JPEG", quality=SHEET_QUALITY)
    except FileNotFoundError:
        return ""
    return f"![Labelled frames](data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()})\n"


def _stage_line(stage: str, report: RunReport) -> str:
    """Seconds of a stage; of one that worked beside others, the share of their common time in which it did."""
    if stage not in report.busy:
        return f"| {stage} | {report.seconds[stage]:.1f} | |"
    share = report.busy[stage]
    return f"| {stage} | {share * report.seconds['produce']:.1f} | {share:.0%} |"


def _label_line(name: str, total: int, report: RunReport) -> str:
    by_split = (report.boxes_by_split.get(split, {}).get(name, 0) for split in _SPLITS)
    return f"| {name} | {total} | " + " | ".join(map(str, by_split)) + " |"


_SPLITS = ("train", "val", "test")
