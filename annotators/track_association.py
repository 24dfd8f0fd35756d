"""From pieces of tracks to tracks: what runs side by side is joined, then what was hidden for a while."""

import numpy as np

from annotators.rival_detections import MergedDetections
from annotators.track_parallels import join_parallels
from annotators.track_stitching import stitch_pieces


def associate_pieces(merged: MergedDetections, piece: np.ndarray, frames: int) -> tuple[MergedDetections, np.ndarray]:
    """Join pieces of tracks, both ways in turn, twice: what was stitched may run beside more than its parts did.

    Args:
        merged: detections and the votes on their classes.
        piece: ``(N,)`` of ``merged.kept``; no piece has two detections in a frame.
        frames: number of frames.

    Returns:
        The detections that are left, and the ids of their tracks, ``(M,)`` int32, from 1 in the order of their first
        sighting.
    """
    for _ in range(2):
        merged, piece = join_parallels(merged, piece, frames)
        piece = stitch_pieces(merged, piece) - 1
    return merged, (piece + 1).astype(np.int32)
