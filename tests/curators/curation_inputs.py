"""Small literal inputs for curation, and nothing else."""

import pyarrow as pa

from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Origin, Scenario, SourceSegment
from schemas.tables import CLIP_SCORES, TRACKS, table_from_columns
from storage.clip_table import clips_table


def make_recipe(**parts) -> Recipe:
    return validate_recipe({"name": "r", "generator": {"kind": "footage", "path": "."}, **parts})


def make_clips(*clips: str | tuple[str, str] | tuple[str, str, int]) -> pa.Table:
    """Clips by id; with a second item the prompt or, with a third, the source and its segment's place."""
    records = []
    for clip in clips:
        clip_id, family, place = clip if len(clip) == 3 and not isinstance(clip, str) else (*_named(clip), None)
        segment = SourceSegment(family, f"{family}.mp4", place, 10 * place) if place is not None else None
        scenario = Scenario(clip_id, family, attributes={"weather": family} if family else {})
        records.append(ClipRecord(clip_id, scenario, clip_id, 10, 12.0, 64, 48, 1, Origin("g", "1"), segment))
    return clips_table(records)


def _named(clip: str | tuple[str, str]) -> tuple[str, str]:
    return (clip, "") if isinstance(clip, str) else clip


def make_tracks(*rows: tuple) -> pa.Table:
    """Rows of (clip_id, frame, track, class_name, confidence[, source[, (x, y, w, h)]])."""
    full = [(*row, *("detected", (1.0, 2.0, 10.0, 20.0))[len(row) - 5 :]) for row in rows]
    table = table_from_columns(
        TRACKS,
        {
            "frame": [row[1] for row in full],
            "track": [row[2] for row in full],
            "class_name": pa.array([row[3] for row in full], pa.string()),
            **{side: [row[6][place] for row in full] for place, side in enumerate("xywh")},
            "score": [row[4] if row[5] == "detected" else None for row in full],
            "confidence": [row[4] for row in full],
            "source": pa.array([row[5] for row in full], pa.string()),
        },
    )
    return table.add_column(0, pa.field("clip_id", pa.string()), pa.array([row[0] for row in full], pa.string()))


def make_scores(clips: pa.Table, **columns) -> pa.Table:
    """Scores of good clips; ``columns`` replace whole columns."""
    good = {
        "brightness": 0.5, "contrast": 0.2, "sharpness": 100.0, "blur": 0.2, "clipped": 0.0, "motion": 0.1,
        "moving_share": 1.0, "camera_motion": 0.0, "object_motion": 0.05, "warp_error": 0.01, "flicker": 0.01,
        "cuts": 0, "black_share": 0.0, "frozen_share": 0.0, "boxes": 1, "tracks": 1, "quality": 1.0,
    }  # fmt: skip
    values = {field.name: pa.array([good.get(field.name)] * len(clips), field.type) for field in list(CLIP_SCORES)[1:]}
    return table_from_columns(CLIP_SCORES, {"clip_id": clips["clip_id"], **values, **columns})
