"""The ``CLIPS`` table of committed records."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.records import ClipJob, ClipRecord
from schemas.tables import CLIPS, table_from_columns


def clips_table(records: Sequence[ClipRecord]) -> pa.Table:
    """One row of ``CLIPS`` for each record, in their order."""
    return table_from_columns(
        CLIPS,
        {
            "clip_id": [r.clip_id for r in records],
            "scenario_id": [r.scenario.scenario_id for r in records],
            "media_id": [r.media_id for r in records],
            "sequence": [sequence_of(r) for r in records],
            "segment": [r.segment.index if r.segment else 0 for r in records],
            "family": [r.family for r in records],
            "frames": [r.frames for r in records],
            "fps": [r.fps for r in records],
            "width": [r.width for r in records],
            "height": [r.height for r in records],
            "prompt": [r.scenario.prompt for r in records],
            "negative_prompt": [r.scenario.negative_prompt for r in records],
            "attributes": pa.array(
                [sorted(r.scenario.attributes.items()) for r in records], CLIPS.field("attributes").type
            ),
            "objects": pa.array([sorted(r.scenario.objects.items()) for r in records], CLIPS.field("objects").type),
            "seed": [r.scenario.seed for r in records],
            "attempt": [r.attempt for r in records],
            "generator": [r.origin.generator for r in records],
            "generator_version": [r.origin.version for r in records],
            "model": [r.origin.model for r in records],
            "revision": [r.origin.revision for r in records],
            "licence": [r.origin.licence for r in records],
            "synthetic": [r.origin.synthetic for r in records],
            "has_truth": [r.has_truth for r in records],
            "source_name": [r.segment.name if r.segment else "" for r in records],
        },
    )


def sequence_of(clip: ClipRecord | ClipJob) -> str:
    """Clips with the same sequence share track ids: the segments of one source; a rendered clip is its own."""
    return clip.segment.sha256 if clip.segment else clip.clip_id
