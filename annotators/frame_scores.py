"""What each frame looks like, in figures: light, sharpness, motion, flicker; black, repeated and cut frames."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from annotators.flow_scores import FLOW_SIDE, FlowScores, compare_frames
from annotators.picture_scores import measure_blur, measure_clipping, shrink
from schemas import tables
from schemas.errors import MediaError
from storage.video import read_frames

FRAME_SCORES_VERSION = "3"

PICTURE_SIDE = 320
"""Longer side, pixels, that larger frames are scored at: cost does not grow with the clip's size."""

LIT_LUMA = 24
"""Luma, of 255, from which on a pixel is lit; black in limited-range video decodes to a few levels above 0."""

LIT_SHARE = 0.001
"""A frame with a smaller share of lit pixels is black. The darkest night with a lamp in it has more."""

REPEAT_LEVELS = 2.0
"""Frames whose every block of 8 x 8 pixels differs by fewer levels of mean luma are the same: encoders dither a frozen
picture by less, and anything that moves changes some block by more."""

MOVED_SIGMAS = 7.0
"""Something moved where the mean of a block changes by this many standard deviations of all blocks' changes, and by
``REPEAT_LEVELS``. Grain changes every block alike, and brightness that pumps most of them; a dog across the street
changes two or three, by more than flow can follow."""

CUT_UNMATCHED, CUT_COLOURS, CUT_CONTRAST = 0.8, 0.05, 4.0
"""A cut: flow finds no match for this share of the frame, this share of the pixels changed colour, and both pictures
have a contrast of so many levels of luma, without which there is nothing to match: a fade is no cut. PySceneDetect's
detectors look at colours alone; a light that is switched on then looks like a cut."""

_BLOCK = 8
_FIRST = FlowScores(camera_motion=0.0, object_motion=0.0, warp_error=0.0, flicker=0.0, unmatched=0.0)


@dataclass(frozen=True)
class _Picture:
    """A frame, and what the next one is compared with."""

    luma: NDArray[np.uint8]
    blocks: NDArray[np.float32]
    small: NDArray[np.uint8]
    colours: NDArray[np.float32]


def score_frames(path: Path, frames: int) -> pa.Table:
    """``FRAME_SCORES`` of the video at ``path``.

    Raises:
        MediaError: it cannot be decoded, or does not hold ``frames`` frames.
    """
    rows = score_images(image for _, image in read_frames(path))
    if len(rows) != frames:
        raise MediaError(
            f"{path}: {len(rows)} frames decoded where its record says {frames}.", "The file is truncated."
        )
    return rows


def score_images(images: Iterable[np.ndarray]) -> pa.Table:
    """``FRAME_SCORES`` of consecutive uint8 ``(H, W, 3)`` RGB images of one size.

    Larger frames are scored at ``PICTURE_SIDE``. Sharpness is the variance of the Laplacian (Pech-Pacheco et al.,
    2000); blur is explained in :mod:`annotators.picture_scores`, motion and flicker in :mod:`annotators.flow_scores`.
    """
    rows = list(_score_each(images))
    names = [name for name in tables.FRAME_SCORES.names if name != "frame"]
    columns = {name: [row[name] for row in rows] for name in names}
    return tables.table_from_columns(tables.FRAME_SCORES, {"frame": np.arange(len(rows)), **columns})


def _score_each(images: Iterable[np.ndarray]) -> Iterator[dict[str, float | bool]]:
    import cv2

    before: _Picture | None = None
    for image in images:
        picture = _prepare(image)
        mean, deviation = cv2.meanStdDev(picture.luma)
        _, edges = cv2.meanStdDev(cv2.Laplacian(picture.luma, cv2.CV_32F))
        flow = _FIRST if before is None else compare_frames(before.small, picture.small)
        yield {
            "brightness": mean.item() / 255,
            "contrast": deviation.item() / 255,
            "sharpness": edges.item() ** 2,
            "blur": measure_blur(picture.luma),
            "clipped": measure_clipping(picture.luma),
            "change": 0.0 if before is None else cv2.mean(cv2.absdiff(picture.luma, before.luma))[0] / 255,
            **asdict(flow),
            "moved": before is not None and (flow.camera_motion > 0 or _has_mover(before, picture)),
            "cut": before is not None and _is_cut(before, picture, flow),
            "black": bool(np.count_nonzero(picture.luma >= LIT_LUMA) < LIT_SHARE * picture.luma.size),
            "repeated": before is not None and bool(np.abs(picture.blocks - before.blocks).max() < REPEAT_LEVELS),
        }
        before = picture


def _prepare(image: np.ndarray) -> _Picture:
    import cv2

    image = shrink(image, PICTURE_SIDE)
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    small = shrink(image, FLOW_SIDE)
    colours = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3)
    return _Picture(
        luma=luma,
        blocks=_shrink_to_blocks(luma),
        small=shrink(luma, FLOW_SIDE),
        colours=colours / (small.shape[0] * small.shape[1]),
    )


def _has_mover(before: _Picture, after: _Picture) -> bool:
    """Whether some block changed by more than the spread of all, estimated robustly, explains."""
    change = after.blocks - before.blocks
    change = np.abs(change - np.median(change))
    spread = 1.4826 * float(np.median(change))
    return bool(change.max() >= max(MOVED_SIGMAS * spread, REPEAT_LEVELS))


def _is_cut(before: _Picture, after: _Picture, flow: FlowScores) -> bool:
    """Whether two consecutive frames show different scenes."""
    if flow.unmatched < CUT_UNMATCHED or np.abs(after.colours - before.colours).sum() / 2 < CUT_COLOURS:
        return False
    return bool(min(before.small.std(), after.small.std()) >= CUT_CONTRAST)


def _shrink_to_blocks(luma: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    height, width = luma.shape
    grid = max(1, width // _BLOCK), max(1, height // _BLOCK)
    return np.asarray(cv2.resize(luma.astype(np.float32), grid, interpolation=cv2.INTER_AREA), np.float32)
