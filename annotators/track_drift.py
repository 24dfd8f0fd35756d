"""Does the bus stay the same bus: how far a track's colours wander over the clip."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.video import read_frames

SAMPLED_FRAMES = 12
"""Frames of a clip, evenly spread, that tracks are looked at in."""

MIN_SAMPLES = 4
"""A track that is seen in fewer of them is not judged: it is too short to have drifted."""

MIN_CONFIDENCE, MIN_SIDE_PIXELS = 0.5, 12.0
"""Boxes below are no evidence: another object may be in them, or hardly any pixel of it."""

_CROP = 24
_COLOUR_BINS = 12
_CENTRE_SHARE = 0.6


def measure_drift(path: Path, tracks: pa.Table, frames: int) -> float | None:
    """The drift of the worst track of a clip; None where no track lasts long enough. See :func:`drift_in_images`.

    Raises:
        MediaError: ``path`` cannot be decoded.
    """
    stride = max(1, frames // SAMPLED_FRAMES)
    believed = _believed(tracks)
    if not len(believed):
        return None
    return drift_in_images(read_frames(path, stride=stride), believed)


def drift_in_images(images: Iterable[tuple[int, np.ndarray]], tracks: pa.Table) -> float | None:
    """The largest drift among ``TRACKS``, 0 to 1, over (frame index, uint8 ``(H, W, 3)`` RGB).

    A box is described by the chromaticities (a and b of CIELAB) of its central part, whatever its size and light, as
    a smoothed histogram. Two boxes are as far apart as the Hellinger distance of their histograms, a metric from 0 to 1
    (Comaniciu et al., 2003, track by it). A track has drifted by the median distance between the boxes of its first and
    those of its last third, less the median distance between neighbours: what merely flickers, or is occluded for a
    moment, has not drifted.
    """
    believed = _believed(tracks)
    frame, track = believed["frame"].to_numpy(), believed["track"].to_numpy()
    boxes = np.stack([believed[side].to_numpy() for side in "xywh"], axis=1)
    looks: dict[int, list[NDArray[np.float64]]] = {}
    for index, image in images:
        for row in np.flatnonzero(frame == index):
            looks.setdefault(int(track[row]), []).append(describe_colours(image, boxes[row]))
    drifts = [_drift_of(np.stack(seen)) for seen in looks.values() if len(seen) >= MIN_SAMPLES]
    return max(drifts, default=None)


def describe_colours(image: np.ndarray, box: np.ndarray) -> NDArray[np.float64]:
    """Square roots of the smoothed histogram of chromaticities in the middle of ``box`` (x, y, w, h)."""
    import cv2

    centre, half = box[:2] + box[2:] / 2, box[2:] * (_CENTRE_SHARE / 2)
    left, top = np.maximum(np.floor(centre - half), 0).astype(int)
    right, bottom = np.ceil(centre + half).astype(int)
    crop = cv2.resize(image[top:bottom, left:right], (_CROP, _CROP), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # Chroma of everyday objects lies within 60 of grey; more is more of the same.
    ab = np.clip(lab[..., 1:], -59, 59).astype(np.float32)
    counts = cv2.calcHist([ab], [0, 1], None, [_COLOUR_BINS] * 2, [-60, 60] * 2)
    smooth = cv2.GaussianBlur(counts, (0, 0), 1.0).astype(np.float64).ravel()
    return np.asarray(np.sqrt(smooth / smooth.sum()))


def _believed(tracks: pa.Table) -> pa.Table:
    side = pc.min_element_wise(tracks["w"], tracks["h"])
    seen = pc.not_equal(tracks["source"].cast(pa.string()), "interpolated")
    sure = pc.and_(pc.greater_equal(tracks["confidence"], MIN_CONFIDENCE), pc.greater_equal(side, MIN_SIDE_PIXELS))
    return tracks.filter(pc.and_(seen, sure)).sort_by([("frame", "ascending"), ("track", "ascending")])


def _drift_of(looks: NDArray[np.float64]) -> float:
    """Drift of one track from its square-root histograms in the order of time."""
    third = max(1, len(looks) // 3)
    across = _distances(looks[:third, None], looks[None, -third:])
    beside = _distances(looks[1:], looks[:-1])
    return max(0.0, float(np.median(across) - np.median(beside)))


def _distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.maximum(0, 1 - (one * other).sum(axis=-1))))
