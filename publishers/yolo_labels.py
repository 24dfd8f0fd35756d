"""Boxes as lines of a YOLO label file: class, centre and size, as shares of the image."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DECIMALS = 6


def normalise_boxes(boxes: np.ndarray, widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Pixel boxes (N, 4; x y w h) as YOLO's (N, 4; centre x, centre y, width, height) in 0..1.

    Boxes are clipped to images of ``widths`` x ``heights`` (N,) pixels.
    """
    size = np.stack([widths, heights], axis=1).astype(np.float64)
    corner = np.clip(boxes[:, :2].astype(np.float64), 0, size)
    opposite = np.clip(boxes[:, :2].astype(np.float64) + boxes[:, 2:], 0, size)
    return np.concatenate([(corner + opposite) / 2 / size, (opposite - corner) / size], axis=1)


def restore_boxes(normalised: np.ndarray, widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """The inverse of :func:`normalise_boxes` for boxes that lie inside their image."""
    size = np.stack([widths, heights], axis=1).astype(np.float64)
    extent = normalised[:, 2:] * size
    return np.concatenate([normalised[:, :2] * size - extent / 2, extent], axis=1)


def write_label_lines(class_index: np.ndarray, normalised: np.ndarray) -> pa.Array:
    """One line of text for each of N boxes: ``class cx cy w h`` with six decimals."""
    columns = [pa.array(class_index).cast(pa.string())]
    columns += [_fixed_point(normalised[:, at]) for at in range(4)]
    return pc.binary_join_element_wise(*columns, " ")


def join_lines(rows: np.ndarray, lines: pa.Array, count: int) -> tuple[Sequence[str], int]:
    """The text of ``count`` label files, and how many lines were left out because the file had them already.

    ``rows`` (N,) says, in ascending order, which file each of the N lines belongs to. A training framework takes two
    equal lines for a mistake; two tracks at one place are still one object to it.
    """
    codes = pc.dictionary_encode(lines).indices.to_numpy().astype(np.int64)
    _, first = np.unique(rows * (len(lines) + 1) + codes, return_index=True)
    first.sort()
    offsets = np.searchsorted(rows[first], np.arange(count + 1))
    texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), lines.take(pa.array(first))), "\n")
    return texts.to_pylist(), len(lines) - len(first)


def _fixed_point(values: np.ndarray) -> pa.Array:
    """Decimal text of values in 0..1."""
    scale = 10**_DECIMALS
    whole = np.rint(values * scale).astype(np.int64)
    fraction = pc.utf8_lpad(pa.array(whole % scale).cast(pa.string()), _DECIMALS, "0")
    return pc.binary_join_element_wise(pa.array(whole // scale).cast(pa.string()), fraction, ".")
