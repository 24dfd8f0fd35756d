"""Exact truth from masks: what of every actor is seen, measured on the canvas of instance numbers."""

from collections.abc import Sequence

import cv2
import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import Mask
from generators.procedural.canvas import Silhouette
from generators.procedural.scene import CLASSES, TruthObjects
from schemas.truth_limits import MIN_SIDE_PX, MIN_VISIBILITY


def stamp(ids: Mask, silhouette: Silhouette, number: int) -> None:
    """Write `number` where the silhouette covers the canvas."""
    window = silhouette.window(ids.shape[1], ids.shape[0])
    if window is not None:
        ids[window][silhouette.part(*window) > 0] = number


def measure_truth(
    actors: Sequence[Actor], ids: Mask, silhouettes: Sequence[Silhouette | None], scale: int
) -> TruthObjects:
    """The truth of one frame.

    Args:
        actors: The cast.
        ids: Per canvas pixel the index + 1 of the actor that is seen there, 0 elsewhere.
        silhouettes: Every actor's whole mask; None for an actor that is nowhere near the frame.
        scale: Canvas pixels per pixel of the frame.
    """
    rows = []
    for index, (actor, silhouette) in enumerate(zip(actors, silhouettes, strict=True)):
        window = silhouette.window(ids.shape[1], ids.shape[0]) if silhouette is not None else None
        if silhouette is None or window is None:
            continue
        # Not cv2.compare: it takes a number beside an array of four values for an array of four values.
        visible = (ids[window] == index + 1).view(np.uint8)
        pixels = cv2.countNonZero(visible)
        if not pixels:
            continue
        left, top, width, height = cv2.boundingRect(visible)
        box = (left + window[1].start, top + window[0].start, width, height)
        left, top, width, height = cv2.boundingRect(silhouette.mask)
        full_box = (left + silhouette.left, top + silhouette.top, width, height)
        whole = cv2.countNonZero(silhouette.mask)
        rows.append((index + 1, CLASSES.index(actor.class_name), *box, *full_box, pixels / whole))
    return _to_columns(np.array(rows, float).reshape(-1, 11), scale)


def _to_columns(table: np.ndarray, scale: int) -> TruthObjects:
    """Rows of track, class, box, full box (canvas pixels) and visibility as columns."""
    box = (table[:, 2:6] / scale).astype(np.float32)
    visibility = table[:, 10].astype(np.float32)
    return TruthObjects(
        track=table[:, 0].astype(np.int32),
        class_index=table[:, 1].astype(np.int8),
        box=box,
        full_box=(table[:, 6:10] / scale).astype(np.float32),
        visibility=visibility,
        difficult=(visibility < MIN_VISIBILITY) | (box[:, 2:].min(axis=1, initial=np.inf) < MIN_SIDE_PX),
    )
