"""A clip's scores: its frames, detections and tracks summed up, and whether they show what its scenario promised."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotators.agreement_scores import compare_with_promise
from annotators.detection_scores import score_detections
from annotators.quality import rate_quality
from schemas import tables
from schemas.records import ClipRecord

CLIP_SCORES_VERSION = "5"


def score_clip(
    record: ClipRecord,
    frame_scores: pa.Table,
    tracks: pa.Table,
    *,
    detections: pa.Table | None = None,
    drift: float | None = None,
) -> pa.Table:
    """One row of ``CLIP_SCORES``.

    Args:
        record: the clip.
        frame_scores: its ``FRAME_SCORES``.
        tracks: its ``TRACKS``.
        detections: its ``DETECTIONS``; None where labels come from elsewhere.
        drift: of its tracks' colours, by :mod:`annotators.track_drift`.
    """
    detections = detections if detections is not None else tables.empty(tables.DETECTIONS)
    steadiness = score_detections(detections, record.frames, (record.width, record.height))
    scores: dict[str, float | None] = {
        **_sum_up_frames(frame_scores, record.fps),
        "boxes": tracks.num_rows,
        "tracks": pc.count_distinct(tracks["track"]).as_py(),
        **asdict(steadiness),
        "drift": drift,
    }
    agreement = compare_with_promise(record.scenario.objects, tracks, _evidence(frame_scores))
    scores |= {
        "agreement": agreement.share if agreement else None,
        "surplus": agreement.surplus if agreement else None,
    }
    scores["quality"] = rate_quality(scores)
    return tables.table_from_columns(
        tables.CLIP_SCORES,
        {
            "clip_id": [record.clip_id],
            "shown_by_class": _counts(agreement.shown_by_class if agreement else None),
            "surplus_by_class": _counts(agreement.surplus_by_class if agreement else None),
            **{
                name: pa.array([value], tables.CLIP_SCORES.field(name).type, from_pandas=False)
                for name, value in scores.items()
            },
        },
    )


def _sum_up_frames(frame_scores: pa.Table, fps: float) -> dict[str, float | None]:
    column = {name: frame_scores[name].to_numpy() for name in frame_scores.column_names}
    later = {name: values[1:] for name, values in column.items()}
    steady = ~later["cut"]
    return {
        "brightness": _mean(column["brightness"]),
        "contrast": _median(column["contrast"]),
        "sharpness": _median(column["sharpness"]),
        "blur": _median(column["blur"]),
        "clipped": _median(column["clipped"]),
        "motion": _median(later["change"]),
        "moving_share": _mean(later["moved"]),
        "camera_motion": _mean(later["camera_motion"][steady]) * fps,
        "object_motion": _mean(later["object_motion"][steady]) * fps,
        "warp_error": _mean(later["warp_error"][steady]),
        "flicker": _mean(later["flicker"][steady]),
        "cuts": int(later["cut"].sum()),
        "black_share": _mean(column["black"]),
        "frozen_share": _mean(later["repeated"]),
    }


def _evidence(frame_scores: pa.Table) -> np.ndarray:
    """Frames that show something, and something new."""
    return np.asarray(~(frame_scores["black"].to_numpy() | frame_scores["repeated"].to_numpy()))


def _counts(counts: Mapping[str, int] | None) -> pa.Array:
    return pa.array([None if counts is None else list(counts.items())], tables.COUNTS)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0
