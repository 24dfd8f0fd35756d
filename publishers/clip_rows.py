"""The rows of a version by clip, for projections that are brought up to date clip by clip."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.rows import DatasetRows
from schemas.identity import DIGEST_LENGTH


class ClipRows:
    """Clips with their frames, rejected ones too.

    Attributes:
        frame_counts: clip id -> frames.
    """

    def __init__(self, rows: DatasetRows) -> None:
        self._clips = rows.clips
        ids = rows.clips["clip_id"].to_pylist()
        self._row_of = {clip: row for row, clip in enumerate(ids)}
        self.frame_counts = dict(zip(ids, rows.clips["frames"].to_pylist(), strict=True))
        self._tables = (rows.frames, rows.rejected_frames)
        self._span_of = {
            clip: (number, start, end)
            for number, table in enumerate(self._tables)
            for clip, start, end in _spans(table["clip_id"])
        }

    def clips(self, clip_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Rows of PUBLISHED_CLIPS."""
        rows: list[dict[str, Any]] = self._clips.take([self._row_of[clip] for clip in clip_ids]).to_pylist()
        return rows

    def frames(self, clip_ids: Iterable[str]) -> pa.Table:
        """FRAMES of all ``clip_ids``, one clip after the other."""
        spans = (self._span_of[clip] for clip in clip_ids)
        return pa.concat_tables([self._tables[table].slice(start, end - start) for table, start, end in spans])

    def digests(self, seed: str) -> dict[str, str]:
        """Clip id -> 32 hexadecimal digits over ``seed`` and all that the rows of the clip say.

        Equal rows give equal digits, whatever stands beside them in their tables. Columns are encoded as a whole, one
        at a time, so that a million frames take seconds.
        """
        names = sorted(set(self._clips.column_names) - {"clip_id"})
        texts = zip(*(_as_text(self._clips[name]) for name in names), strict=True)
        hashes = {
            clip: hashlib.sha256(f"{seed}\n{clip}\n{text}".encode())
            for clip, text in zip(self._row_of, texts, strict=True)
        }
        for number, table in enumerate(self._tables):
            spans = [(clip, start, end) for clip, (at, start, end) in self._span_of.items() if at == number]
            objects = table["objects"].combine_chunks()
            bounds = np.concatenate([[0], np.cumsum(pc.list_value_length(objects).to_numpy())]).astype(np.int64)
            for name in ("frame", "use"):
                codes = _fixed_width(table[name].combine_chunks())
                for clip, start, end in spans:
                    hashes[clip].update(codes[start:end].data)
            lengths = np.diff(bounds)
            for clip, start, end in spans:
                hashes[clip].update(lengths[start:end].data)
            flat = objects.flatten()
            for place in range(flat.type.num_fields):
                codes = _fixed_width(pc.struct_field(flat, place))
                for clip, start, end in spans:
                    hashes[clip].update(codes[bounds[start] : bounds[end]].data)
        return {clip: one.hexdigest()[:DIGEST_LENGTH] for clip, one in hashes.items()}


def _spans(clip_ids: pa.ChunkedArray) -> Sequence[tuple[str, int, int]]:
    """(clip id, first row, row behind the last) of each clip in a column that is sorted by it."""
    encoded = pc.run_end_encode(clip_ids.combine_chunks())
    ends = encoded.run_ends.to_pylist()
    return list(zip(encoded.values.to_pylist(), [0, *ends][:-1], ends, strict=True))


def _as_text(column: pa.ChunkedArray) -> list[str]:
    """Each value as text; the pairs of a map in sorted order, for a map has none of its own."""
    values = column.to_pylist()
    if pa.types.is_map(column.type):
        values = [None if pairs is None else sorted(pairs) for pairs in values]
    return [repr(value) for value in values]


def _fixed_width(array: pa.Array) -> np.ndarray:
    """An array of numbers, one a value, that depend on the values alone: text becomes 64 bits of its hash."""
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = array.dictionary_encode()
    if pa.types.is_dictionary(array.type):
        hashes = [hashlib.sha256(text.encode()).digest()[:8] for text in array.dictionary.to_pylist()]
        codes: np.ndarray = np.frombuffer(b"".join(hashes), np.uint64)[array.indices.to_numpy()]
        return codes
    # NumPy reads a null of a float column as NaN. Adding zero turns -0.0 into 0.0, which is the same number.
    return np.ascontiguousarray(array.to_numpy(zero_copy_only=False) + 0)
