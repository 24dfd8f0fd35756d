"""What happens between two frames, by optical flow: camera motion, object motion, flicker, lost touch.

Flow is DIS (Kroeger et al., 2016) on small luma pictures, both ways. A pixel is *matched* where the two agree (Sundaram
et al., 2010); elsewhere something was hidden, uncovered, or is not the same scene. What is left of a matched pixel's
change once the frame before was moved along the flow is the warping error of Lai et al. (2018).

No figure here rewards a still picture for being still: that is what the two motions are for.
"""

from dataclasses import dataclass
from functools import cache
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOW_SIDE = 160
"""Longer side, pixels, of the pictures that flow is measured on: cost does not grow with the clip's size."""

Floats = NDArray[np.float32]
Luma = NDArray[np.uint8]

# Sundaram et al.: forward and backward flow may differ by this share of their squared lengths, and this much besides.
_DISAGREEMENT_SHARE, _DISAGREEMENT_PIXELS_SQUARED = 0.01, 0.5
# Flow is believed to be motion where it explains this share of a neighbourhood's change, and at least so many levels:
# on noise, flow finds matches too, but they explain next to nothing.
_EXPLAINED_SHARE, _EXPLAINED_LEVELS = 0.4, 1.0
_NEIGHBOURHOOD = (9, 9)
# The camera moves where motion explains so much of the frame, edges and texture that is; less is the objects'.
_CAMERA_SHARE = 0.02
# The fastest pixels of a frame stand for its objects: a distant person covers no more of it.
_FASTEST_SHARE = 0.005
_BLOCK = 8
# Weber fractions of a picture that is nearly black say nothing; luma levels.
_DIMMEST = 8.0


@dataclass(frozen=True)
class FlowScores:
    """Two consecutive frames compared.

    Attributes:
        camera_motion: length of the median flow, frame diagonals.
        object_motion: mean flow of the fastest 0.5 % of the pixels, less the camera's, frame diagonals.
        warp_error: mean absolute luma difference of matched pixels after motion compensation, 0 to 1.
        flicker: the same over means of blocks of 8 x 8 pixels, as a share of the frame's mean luma (a Weber fraction):
            what snow, rain and grain change pixel by pixel averages out, brightness that pumps does not.
        unmatched: share of pixels for which the frame before has no match, 0 to 1.
    """

    camera_motion: float
    object_motion: float
    warp_error: float
    flicker: float
    unmatched: float


def compare_frames(before: Luma, after: Luma) -> FlowScores:
    """Scores of two uint8 ``(H, W)`` luma pictures of one size, at least 16 pixels a side."""
    import cv2

    back, forth = _flow(after, before), _flow(before, after)
    source = _pixel_grid(before.shape) + back
    warped = _sample(before, source)
    matched = _match(back, _sample(forth, source), source)
    if not matched.any():
        return FlowScores(0.0, 0.0, 0.0, 0.0, 1.0)
    residual = np.where(matched, cv2.subtract(after, warped, dtype=cv2.CV_32F), 0)
    height, width = after.shape
    blocks = cv2.resize(residual, (max(1, width // _BLOCK), max(1, height // _BLOCK)), interpolation=cv2.INTER_AREA)
    share = np.count_nonzero(matched) / matched.size
    camera, objects = _motions(back, matched & _is_explained(before, after, warped))
    diagonal = float(np.hypot(height, width))
    return FlowScores(
        camera_motion=camera / diagonal,
        object_motion=objects / diagonal,
        warp_error=float(np.abs(residual).mean()) / share / 255,
        flicker=float(np.abs(blocks).mean()) / share / max(cv2.mean(after)[0], _DIMMEST),
        unmatched=1 - share,
    )


def _flow(first: Luma, second: Luma) -> Floats:
    """For each pixel of ``first``, the way to its place in ``second``, pixels; ``(H, W, 2)``, x before y."""
    return np.asarray(_solver(get_ident()).calc(first, second, None), np.float32)


@cache
def _solver(_thread: int) -> Any:
    """One solver a thread: it keeps buffers between calls, and two threads in them end the process."""
    import cv2

    # Of the whole process: clips are scored side by side, and OpenCV's own threads make each cost a third more.
    cv2.setNumThreads(1)
    solver = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    solver.setFinestScale(1)  # the preset's 2 overlooks a dog across the street
    solver.setGradientDescentIterations(6)
    return solver


@cache
def _pixel_grid(shape: tuple[int, int]) -> Floats:
    height, width = shape
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)


def _sample(picture: np.ndarray, source: Floats) -> np.ndarray:
    """``picture`` at the places ``source``, ``(H, W, 2)``."""
    import cv2

    x, y = cv2.split(source)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _match(back: Floats, forth: Floats, source: Floats) -> NDArray[np.bool_]:
    """Pixels whose way back and forth ends where it began, inside the frame."""
    height, width = back.shape[:2]
    x, y = source[..., 0], source[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    allowed = _DISAGREEMENT_SHARE * (_squared(back) + _squared(forth)) + _DISAGREEMENT_PIXELS_SQUARED
    return np.asarray(inside & (_squared(back + forth) < allowed))


def _is_explained(before: Luma, after: Luma, warped: Luma) -> NDArray[np.bool_]:
    """Pixels around which moving the frame before along the flow takes away most of the change."""
    import cv2

    change = cv2.blur(cv2.absdiff(before, after).astype(np.float32), _NEIGHBOURHOOD)
    left = cv2.blur(cv2.absdiff(warped, after).astype(np.float32), _NEIGHBOURHOOD)
    return np.asarray(change - left > np.maximum(_EXPLAINED_SHARE * change, _EXPLAINED_LEVELS))


def _motions(flow: Floats, moving: NDArray[np.bool_]) -> tuple[float, float]:
    """Motion of camera and objects, pixels; ``moving`` marks the pixels whose flow is to be believed."""
    camera = np.zeros(2, np.float32)
    if np.count_nonzero(moving) >= _CAMERA_SHARE * moving.size:
        camera = np.median(flow.reshape(-1, 2), axis=0)
    speeds = np.sqrt(_squared(flow[moving] - camera))
    fastest = max(1, int(_FASTEST_SHARE * moving.size))
    if len(speeds) > fastest:
        speeds = np.partition(speeds, len(speeds) - fastest)[-fastest:]
    return float(np.hypot(*camera)), float(speeds.sum()) / fastest


def _squared(flow: Floats) -> Floats:
    return flow[..., 0] ** 2 + flow[..., 1] ** 2
