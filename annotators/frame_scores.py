"""What each frame looks like, in figures: light, sharpness, change; black and repeated frames."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas import tables
from schemas.errors import MediaError
from storage.video import read_frames

FRAME_SCORES_VERSION = "1"

LIT_LUMA = 24
"""Luma, of 255, from which on a pixel is lit; black in limited-range video decodes to a few levels above 0."""

LIT_SHARE = 0.001
"""A frame with a smaller share of lit pixels is black. The darkest night with a lamp in it has more."""

REPEAT_LEVELS = 2.0
"""Frames whose every block of 8 x 8 pixels differs by fewer levels of mean luma are the same: encoders dither a frozen
picture by less, and anything that moves changes some block by more."""

_BLOCK = 8


def score_frames(path: Path, frames: int) -> pa.Table:
    """``FRAME_SCORES`` of the video at ``path``.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al., 2000).

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
    """``FRAME_SCORES`` of consecutive uint8 ``(H, W, 3)`` RGB images of one size."""
    import cv2

    rows: list[tuple[float, float, float, float, bool, bool]] = []
    before: np.ndarray | None = None
    blocks_before: np.ndarray | None = None
    for image in images:
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        mean, deviation = cv2.meanStdDev(luma)
        _, edges = cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_32F))
        blocks = cv2.resize(luma.astype(np.float32), _block_grid(luma.shape), interpolation=cv2.INTER_AREA)
        change = 0.0 if before is None else float(cv2.mean(cv2.absdiff(luma, before))[0]) / 255
        lit = np.count_nonzero(luma >= LIT_LUMA) / luma.size
        repeated = blocks_before is not None and float(np.abs(blocks - blocks_before).max()) < REPEAT_LEVELS
        rows.append(
            (mean.item() / 255, deviation.item() / 255, edges.item() ** 2, change, bool(lit < LIT_SHARE), repeated)
        )
        before, blocks_before = luma, blocks
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    names = ("brightness", "contrast", "sharpness", "change", "black", "repeated")
    return tables.table_from_columns(
        tables.FRAME_SCORES, {"frame": np.arange(len(rows)), **dict(zip(names, map(list, columns), strict=True))}
    )


def _block_grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Columns and rows of blocks."""
    return max(1, shape[1] // _BLOCK), max(1, shape[0] // _BLOCK)
