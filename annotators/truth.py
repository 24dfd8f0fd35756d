"""The renderer's own labels, for generators that know the truth."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import tables, truth_limits
from schemas.identity import digest
from schemas.records import ClipRecord, Failure
from storage.clips import read_truth
from storage.store import Store

VERSION = 1


class TruthAnnotator:
    """Labels a clip with the truth stored beside it.

    Attributes:
        detection_fingerprint, weights_sha256: empty: nothing is detected.
        fingerprint: of the rule by which truth becomes labels.
        class_names: as the recipe lists them.
    """

    detection_fingerprint = ""
    weights_sha256 = ""
    fingerprint: str
    class_names: tuple[str, ...]

    def __init__(self, store: Store, class_names: Sequence[str]) -> None:
        self._store = store
        self.class_names = tuple(class_names)
        self.fingerprint = digest(["truth", VERSION, truth_limits.MIN_VISIBILITY, truth_limits.MIN_SIDE_PX])

    def detect(self, clips: Sequence[ClipRecord]) -> Iterator[tuple[ClipRecord, pa.Table | Failure]]:
        """No detections for each clip."""
        for clip in clips:
            yield clip, tables.empty(tables.DETECTIONS)

    def track(self, sequence: Sequence[tuple[ClipRecord, pa.Table]]) -> list[pa.Table]:
        """``TRACKS`` of each clip.

        Raises:
            StoreError: a clip has no stored truth.
        """
        return [tracks_from_truth(read_truth(self._store, clip.clip_id)) for clip, _ in sequence]


def tracks_from_truth(truth: pa.Table) -> pa.Table:
    """A ``TRUTH`` table as ``TRACKS``: source `truth`, confidence 1, no score; difficult rows are left out."""
    labels = truth.filter(pc.invert(truth["difficult"])).sort_by([("frame", "ascending"), ("track", "ascending")])
    return tables.table_from_columns(
        tables.TRACKS,
        {
            **{name: labels[name] for name in ("frame", "track", "class_name", "x", "y", "w", "h")},
            "score": pa.nulls(len(labels), pa.float32()),
            "confidence": np.ones(len(labels), np.float32),
            "source": pa.array(["truth"] * len(labels), pa.string()),
        },
    )
