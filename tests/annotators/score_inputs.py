"""Small literal inputs of clip scores, and nothing else."""

import numpy as np
import pyarrow as pa

from schemas import tables
from schemas.records import ClipRecord, Origin, Scenario


def make_tracks(*spans: tuple[str, int, int], confidence: float = 0.9, source: str = "detected") -> pa.Table:
    """``TRACKS``: one track for each (class, first frame, frames)."""
    rows = [
        (frame, track, name)
        for track, (name, first, count) in enumerate(spans, 1)
        for frame in range(first, first + count)
    ]
    frame, track, name = zip(*rows, strict=True) if rows else ((), (), ())
    ones = np.ones(len(rows))
    return tables.table_from_columns(
        tables.TRACKS,
        {
            "frame": list(frame), "track": list(track), "class_name": pa.array(list(name), pa.string()),
            "x": ones, "y": ones, "w": ones, "h": ones, "score": ones, "confidence": ones * confidence,
            "source": pa.array([source] * len(rows), pa.string()),
        },
    )  # fmt: skip


def make_detections(*rows: tuple[int, str, float, float, float, float, float]) -> pa.Table:
    """``DETECTIONS``: (frame, class, x, y, w, h, score)."""
    names = ("frame", "class_name", "x", "y", "w", "h", "score")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    columns["class_name"] = pa.array(columns["class_name"], pa.string())
    return tables.table_from_columns(tables.DETECTIONS, columns)


def make_frame_scores(frames: int, **columns: object) -> pa.Table:
    """``FRAME_SCORES`` of a good, moving clip; ``columns`` replace whole columns."""
    good = {
        "brightness": 0.4, "contrast": 0.2, "sharpness": 100.0, "blur": 0.2, "clipped": 0.0, "change": 0.02,
        "camera_motion": 0.0, "object_motion": 0.01, "warp_error": 0.0, "flicker": 0.01, "unmatched": 0.02,
        "moved": True, "cut": False, "black": False, "repeated": False,
    }  # fmt: skip
    values = {name: [value] * frames for name, value in good.items()}
    return tables.table_from_columns(tables.FRAME_SCORES, {"frame": np.arange(frames), **values, **columns})


def make_record(objects: dict[str, int], frames: int = 4) -> ClipRecord:
    return ClipRecord("c", Scenario("s", "", objects=objects), "m", frames, 12.0, 64, 64, 1, Origin("procedural", "1"))
