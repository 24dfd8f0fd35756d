"""The `carried` annotator: the exact labels of a restyled source, each held against what a detector sees of it."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotators import carried_agreement
from annotators.boxes import corners_to_sizes, sizes_to_corners
from annotators.carried_agreement import measure_agreement
from annotators.carried_evidence import CarriedBoxes, find_sightings
from annotators.carried_surplus import find_surplus
from annotators.detections import detections_from_table, named_classes
from annotators.rival_detections import merge_rivals
from annotators.yolo import YoloAnnotator
from schemas import tables
from schemas.errors import EnvironmentFault
from schemas.identity import digest
from schemas.records import ClipRecord, Failure
from storage.clips import read_source_truth
from storage.store import Store

VERSION = 1


class CarriedAnnotator:
    """Labels a clip with the stored labels of the source that it was restyled from.

    Every box of the source stays in the labels, whatever the detector says of it; its ``confidence`` is how far the
    detector agrees (see :mod:`annotators.carried_agreement`). Things that the detector tracks and the source does not
    explain are added as ``detected`` and ``interpolated`` rows, under track ids of their own. Curation makes labels of
    the boxes with enough agreement, and regions to ignore of the rest and of whatever was added.

    Attributes:
        detection_fingerprint: as of the `yolo` annotator with these weights, whose stored detections are shared.
        fingerprint: see :class:`annotators.protocol.Annotator`.
    """

    def __init__(self, detecting: YoloAnnotator, store: Store, wanted: Sequence[str] = ()) -> None:
        """Check with ``detecting``'s eyes.

        Args:
            detecting: detector, tracker and refinement.
            store: where the labels of sources lie.
            wanted: classes that the recipe publishes, by their names in the source; empty: all that the detector knows.
        """
        self._detecting = detecting
        self._store = store
        self._wanted = tuple(wanted)
        self.detection_fingerprint = detecting.detection_fingerprint
        self.fingerprint = digest(["carried", VERSION, carried_agreement.VERSION, detecting.fingerprint])

    @property
    def weights_sha256(self) -> str:
        """Hash of the detector's weights."""
        return self._detecting.weights_sha256

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The detector's classes; loads it. What it does not know cannot be checked, and is not labelled."""
        return self._detecting.class_names

    def detect(self, clips: Sequence[ClipRecord]) -> Iterator[tuple[ClipRecord, pa.Table | Failure]]:
        """As the `yolo` annotator."""
        return self._detecting.detect(clips)

    def track(self, sequence: Sequence[tuple[ClipRecord, pa.Table]]) -> list[pa.Table]:
        """``TRACKS`` of each clip.

        Raises:
            StoreError: a clip has no labels of a source beside it.
            EnvironmentFault: the detector does not know a class that the recipe publishes.
        """
        unknown = [name for name in self._wanted if name not in self.class_names]
        if unknown:
            raise EnvironmentFault(
                f"annotator.weights: the detector knows no {unknown[0]!r}, so that carried labels of it cannot be "
                f"checked; it knows {', '.join(self.class_names)}.",
                "Use weights that know the class, or leave it out of `classes`.",
            )
        tracked = self._detecting.track(sequence)
        return [
            carry_labels(read_source_truth(self._store, clip), detections, seen, self.class_names)
            for (clip, detections), seen in zip(sequence, tracked, strict=True)
        ]


def carry_labels(source: pa.Table, detections: pa.Table, seen: pa.Table, class_names: Sequence[str]) -> pa.Table:
    """``TRACKS`` of one clip: the boxes of its source, and what the source does not explain.

    Args:
        source: ``TRUTH`` of the source, on the clip's frames and size. Difficult objects are no labels, as everywhere:
            where the detector sees one, it is unexplained.
        detections: ``DETECTIONS`` of the clip, down to the score floor.
        seen: ``TRACKS`` that the detector and its tracker made of them.
        class_names: of the detector.
    """
    labels = source.filter(pc.invert(source["difficult"])).sort_by([("frame", "ascending"), ("track", "ascending")])
    boxes, merged = _boxes_of(labels, class_names), merge_rivals(detections_from_table(detections, class_names))
    sightings = find_sightings(boxes, merged)
    agreement = measure_agreement(boxes, sightings)
    surplus = find_surplus(_boxes_of(seen, class_names), boxes, agreement)
    first_free = int(pc.max(source["track"]).as_py() or 0)
    added = seen.set_column(
        seen.schema.get_field_index("track"),
        seen.schema.field("track"),
        pa.chunked_array([(seen["track"].to_numpy() + first_free).astype(np.int32)]),
    ).filter(pa.array(surplus))
    carried = _as_tracks(boxes, class_names, sightings.support, agreement)
    joined = pa.concat_tables([carried, added]).unify_dictionaries()
    return joined.sort_by([("frame", "ascending"), ("track", "ascending")])


def _boxes_of(table: pa.Table, class_names: Sequence[str]) -> CarriedBoxes:
    """Rows of ``TRUTH`` or ``TRACKS`` whose classes the detector knows."""
    names = table["class_name"].cast(pa.string()).combine_chunks()
    index = pc.index_in(names, value_set=pa.array(class_names, pa.string()))
    known = table.filter(pc.is_valid(index))
    return CarriedBoxes(
        frame=known["frame"].to_numpy(),
        track=known["track"].to_numpy(),
        class_index=index.drop_null().to_numpy().astype(np.int32),
        corners=sizes_to_corners(np.stack([known[side].to_numpy() for side in "xywh"], axis=1)),
    )


def _as_tracks(boxes: CarriedBoxes, class_names: Sequence[str], support: np.ndarray, agreement: np.ndarray) -> pa.Table:
    sizes = corners_to_sizes(boxes.corners)
    return tables.table_from_columns(
        tables.TRACKS,
        {
            "frame": boxes.frame,
            "track": boxes.track,
            "class_name": named_classes(boxes.class_index, class_names),
            **{side: sizes[:, column] for column, side in enumerate("xywh")},
            "score": pa.array(support, mask=support == 0),
            "confidence": agreement,
            "source": pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(boxes), np.int32)), ["carried"]),
        },
    )
