"""What every annotator offers to a flow."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from schemas.records import ClipRecord, Failure


class Annotator(Protocol):
    """Labels clips in two steps: detections, which cost the GPU, and tracks, which are cheap to make again.

    Results depend on the clips and on the fingerprints, which are known before any model is loaded: what the store
    already holds under them is not computed again.
    """

    @property
    def detection_fingerprint(self) -> str:
        """Identity of the detections; empty where labels need none."""

    @property
    def fingerprint(self) -> str:
        """Identity of the labels: everything that determines them but the clip."""

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights that look at the clips; empty where none do."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class that a label may have."""

    def detect(self, clips: Sequence[ClipRecord]) -> Iterator[tuple[ClipRecord, pa.Table | Failure]]:
        """``DETECTIONS`` of each clip, or why there are none, in order; streamed, batches may span clips."""

    def track(self, sequence: Sequence[tuple[ClipRecord, pa.Table]]) -> list[pa.Table]:
        """``TRACKS`` of each clip of one sequence: segments of one source in order, or a single clip."""
