"""A clip's detections as arrays, to and from their table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotators.boxes import corners_to_sizes, sizes_to_corners
from schemas import tables


@dataclass(frozen=True)
class Detections:
    """Detections of a stretch of frames, sorted by frame, in the detector's order within a frame.

    Attributes:
        frame: ``(N,)`` int32, frame index from 0.
        corners: ``(N, 4)`` float32, x1, y1, x2, y2 in pixels.
        score: ``(N,)`` float32, 0 to 1.
        class_index: ``(N,)`` int32 into the detector's class names.
    """

    frame: np.ndarray
    corners: np.ndarray
    score: np.ndarray
    class_index: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, chosen: np.ndarray) -> "Detections":
        """Those that the mask or the sorted indexes ``chosen`` pick."""
        return Detections(self.frame[chosen], self.corners[chosen], self.score[chosen], self.class_index[chosen])

    def moved(self, frames: int) -> "Detections":
        """The same, ``frames`` later."""
        return Detections((self.frame + frames).astype(np.int32), self.corners, self.score, self.class_index)

    def first_rows(self, frames: int) -> np.ndarray:
        """``(frames + 1,)`` row at which each frame begins; frame ``i`` is ``rows[first[i]:first[i + 1]]``."""
        return np.searchsorted(self.frame, np.arange(frames + 1))


def no_detections() -> Detections:
    """Detections with no rows."""
    return Detections(
        np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
    )


def join_detections(parts: Sequence[Detections]) -> Detections:
    """One after the other; ``parts`` must be in order of frames."""
    if not parts:
        return no_detections()
    return Detections(
        np.concatenate([part.frame for part in parts]),
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.class_index for part in parts]),
    )


def detections_from_frames(found: Sequence[np.ndarray]) -> Detections:
    """From one ``(N, 6)`` float32 array a frame: x1, y1, x2, y2, score, class index."""
    if not found:
        return no_detections()
    counts = [len(rows) for rows in found]
    flat = np.concatenate(found).astype(np.float32, copy=False).reshape(-1, 6)
    frame = np.repeat(np.arange(len(found), dtype=np.int32), counts)
    return Detections(frame, flat[:, :4], flat[:, 4], flat[:, 5].astype(np.int32))


def detections_to_table(detections: Detections, class_names: Sequence[str]) -> pa.Table:
    """As a ``DETECTIONS`` table."""
    sizes = corners_to_sizes(detections.corners)
    return tables.table_from_columns(
        tables.DETECTIONS,
        {
            "frame": detections.frame,
            "class_name": named_classes(detections.class_index, class_names),
            **{side: sizes[:, column] for column, side in enumerate("xywh")},
            "score": detections.score,
        },
    )


def detections_from_table(table: pa.Table, class_names: Sequence[str]) -> Detections:
    """The inverse of :func:`detections_to_table`; rows of classes that ``class_names`` lacks are left out."""
    sizes = np.stack([table[side].to_numpy() for side in "xywh"], axis=1)
    names = table["class_name"].combine_chunks().cast(pa.string())
    index = pc.index_in(names, value_set=pa.array(class_names, pa.string()))
    classes = index.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    found = Detections(
        table["frame"].to_numpy().astype(np.int32), sizes_to_corners(sizes), table["score"].to_numpy(), classes
    )
    return found.rows(classes >= 0)


def named_classes(class_index: np.ndarray, class_names: Sequence[str]) -> pa.DictionaryArray:
    """Class indexes as a dictionary column of names."""
    return pa.DictionaryArray.from_arrays(pa.array(class_index, pa.int32()), pa.array(class_names, pa.string()))
