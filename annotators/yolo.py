"""The `yolo` annotator: detection in batches across clips, a tracker for each sequence, refinement of its tracks."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from itertools import islice, pairwise, repeat

import numpy as np
import pyarrow as pa

from annotators import track_refinement
from annotators.boxes import corners_to_sizes
from annotators.detections import (
    Detections,
    detections_from_frames,
    detections_from_table,
    detections_to_table,
    join_detections,
    named_classes,
)
from annotators.detector import FUSED_IOU, MAX_CANDIDATES, MAX_DETECTIONS, NMS_IOU, VIEW_SCALE, Detector
from annotators.engine.exports import export_identity
from annotators.engine.network import check_engine
from annotators.engine.ordered_work import work_in_order
from annotators.frame_scores import FRAME_SCORES_VERSION
from annotators.rival_detections import SAME_THING_IOU, merge_rivals
from annotators.shots import find_cuts, shots_between
from annotators.track_association import associate_pieces
from annotators.track_linking import link_detections, pieces_of_tracker
from annotators.track_refinement import Tracks, join_tracks, plain_tracks, refine_tracks
from annotators.trackers import OFFLINE, follow_objects, load_tracker_config, observe_tracks
from annotators.weights import Weights
from schemas import tables
from schemas.annotator_options import CarriedOptions, YoloOptions
from schemas.errors import MediaError
from schemas.identity import digest
from schemas.records import ClipRecord, Failure
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames

VERSION = 3
WAITING_BATCHES = 6
"""Batches of frames that wait, decoded or searched: enough to keep the detector busy while a clip is tracked."""

MAX_BRIDGED_FRAMES = 60
"""Frames missing between two segments of a source that a tracker is walked through; every track is lost after fewer."""


class YoloAnnotator:
    """Labels clips with a YOLO detector, which is loaded at its first use and then kept.

    Attributes:
        weights: resolved and hashed.
        detection_fingerprint, fingerprint: see :class:`annotators.protocol.Annotator`.
    """

    def __init__(self, options: YoloOptions | CarriedOptions, weights: Weights, store: Store) -> None:
        """Label with ``weights``; nothing is loaded yet.

        Raises:
            EnvironmentFault: they cannot be run by the engine, or in the precision, that ``options`` name.
        """
        check_engine(weights, options.engine, options.precision)
        self._options = options
        self._store = store
        self._tracker = None if options.tracker == OFFLINE else load_tracker_config(options.tracker)
        self.weights = weights
        self.detection_fingerprint = digest(
            [
                "yolo", VERSION, weights.sha256, version("ultralytics"), options.image_size, options.score_floor,
                NMS_IOU, MAX_DETECTIONS, options.boxes, FUSED_IOU, VIEW_SCALE, MAX_CANDIDATES,
                options.engine, export_identity(options.precision),
            ]
        )  # fmt: skip
        refine = options.refine.model_dump() if options.refine else None
        linking = dict(self._tracker.settings) if self._tracker else OFFLINE
        self.fingerprint = digest(
            [
                self.detection_fingerprint, linking, refine, track_refinement.VERSION, SAME_THING_IOU,
                None if self._is_plain else FRAME_SCORES_VERSION,
            ]
        )  # fmt: skip

    @property
    def weights_sha256(self) -> str:
        """Hash of the detector's weights."""
        return self.weights.sha256

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The detector's classes; loads it."""
        return self.detector.class_names

    @cached_property
    def detector(self) -> Detector:
        """The loaded detector."""
        options = self._options
        return Detector(
            self.weights,
            score_floor=options.score_floor,
            image_size=options.image_size,
            device=options.device,
            boxes=options.boxes,
            engine=options.engine,
            precision=options.precision,
            batch=options.batch,
        )

    def detect(self, clips: Sequence[ClipRecord]) -> Iterator[tuple[ClipRecord, pa.Table | Failure]]:
        """``DETECTIONS`` of each clip in order; a clip that cannot be read ends as a Failure and holds nobody up."""
        if not clips:
            return
        found: list[list[np.ndarray]] = [[] for _ in clips]
        failures: dict[int, Failure] = {}
        detector = self.detector
        batches = _fill_batches(self._read(clips, failures), detector.batch)
        done = 0
        for batch, boxes in work_in_order(
            lambda batch: detector.detect([image for _, image in batch]), batches, detector.workers, WAITING_BATCHES
        ):
            for (place, _), rows in zip(batch, boxes, strict=True):
                found[place].append(rows)
            ready = batch[-1][0]  # batches come in order: nothing is missing of the clips before its last
            yield from (self._outcome(clips[one], found, one, failures) for one in range(done, ready))
            done = ready
        yield from (self._outcome(clips[one], found, one, failures) for one in range(done, len(clips)))

    def track(self, sequence: Sequence[tuple[ClipRecord, pa.Table]]) -> list[pa.Table]:
        """``TRACKS`` of each clip; ids run on from segment to segment."""
        names = self.class_names
        clips = [clip for clip, _ in sequence]
        starts = _start_frames(clips)
        size = (clips[0].width, clips[0].height)
        parts = [detections_from_table(table, names) for _, table in sequence]
        detections = join_detections([part.moved(start) for part, start in zip(parts, starts, strict=True)])
        labels = self._label(detections, self._images(clips, starts), size, self._shots(clips, starts))
        return [
            tracks_to_table(labels.between(start, start + clip.frames), names)
            for clip, start in zip(clips, starts, strict=True)
        ]

    def _shots(self, clips: Sequence[ClipRecord], starts: Sequence[int]) -> list[range]:
        """Stretches of the sequence without a cut; the whole of it where the plain loop's own output is wanted."""
        frames = starts[-1] + clips[-1].frames
        if self._is_plain:
            return [range(frames)]
        cuts = (start + cut for clip, start in zip(clips, starts, strict=True) for cut in find_cuts(self._store, clip))
        return shots_between(cuts, frames)

    @property
    def _is_plain(self) -> bool:
        return self._options.refine is None and self._tracker is not None

    def _label(
        self,
        detections: Detections,
        images: Iterator[np.ndarray | None],
        size: tuple[int, int],
        shots: Sequence[range],
    ) -> Tracks:
        """Label each shot for itself; ids run on."""
        first = detections.first_rows(shots[-1].stop)
        labelled = []
        for shot in shots:
            found = detections.rows(np.arange(first[shot.start], first[shot.stop])).moved(-shot.start)
            labelled.append(self._label_shot(found, islice(images, len(shot)), size, len(shot)))
        return join_tracks(labelled, [shot.start for shot in shots])

    def _label_shot(
        self, detections: Detections, images: Iterator[np.ndarray | None], size: tuple[int, int], frames: int
    ) -> Tracks:
        refine = self._options.refine
        if self._tracker and self._is_plain:
            return plain_tracks(follow_objects(self._tracker, detections, images, size, unconfirmed=False), size)
        merged = merge_rivals(detections)
        if self._tracker:
            seen = follow_objects(self._tracker, merged.kept, images, size, unconfirmed=True)
            pieces = pieces_of_tracker(seen, len(merged.kept))
        else:
            pieces = link_detections(merged.kept, frames)
        merged, tracks = associate_pieces(merged, pieces, frames)
        if refine is None:
            return plain_tracks(observe_tracks(tracks, merged.kept), size)
        return refine_tracks(tracks, merged, refine, size, frames)

    def _images(self, clips: Sequence[ClipRecord], starts: Sequence[int]) -> Iterator[np.ndarray | None]:
        """One item for each frame of the sequence, None where the tracker needs no pixels or the frame is missing."""
        end = 0
        for clip, start in zip(clips, starts, strict=True):
            yield from repeat(None, start - end)
            if self._tracker and self._tracker.uses_images:
                yield from (image for _, image in read_frames(media_path(self._store, clip)))
            else:
                yield from repeat(None, clip.frames)
            end = start + clip.frames

    def _read(self, clips: Sequence[ClipRecord], failures: dict[int, Failure]) -> Iterator[tuple[int, np.ndarray]]:
        """Every frame of every clip, with the clip's place; clips that cannot be read go to ``failures``."""
        for place, clip in enumerate(clips):
            try:
                for _, image in read_frames(media_path(self._store, clip)):
                    yield place, image
            except MediaError as fault:
                failures[place] = Failure(clip.clip_id, "detect", "unreadable", str(fault))

    def _outcome(
        self, clip: ClipRecord, found: list[list[np.ndarray]], place: int, failures: dict[int, Failure]
    ) -> tuple[ClipRecord, pa.Table | Failure]:
        boxes, found[place] = found[place], []
        if place in failures:
            return clip, failures[place]
        if len(boxes) != clip.frames:
            detail = f"{clip.clip_id}: {len(boxes)} frames decoded where its record says {clip.frames}."
            return clip, Failure(clip.clip_id, "detect", "frame_count", detail)
        return clip, detections_to_table(detections_from_frames(boxes), self.class_names)


def _fill_batches(frames: Iterable[tuple[int, np.ndarray]], size: int) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Frames gathered across clips: ``size`` of one shape to a batch, fewer where the shape changes or at the end."""
    batch: list[tuple[int, np.ndarray]] = []
    for place, image in frames:
        if batch and (len(batch) == size or batch[0][1].shape != image.shape):
            yield batch
            batch = []
        batch.append((place, image))
    if batch:
        yield batch


def tracks_to_table(tracks: Tracks, class_names: Sequence[str]) -> pa.Table:
    """As a ``TRACKS`` table."""
    sizes = corners_to_sizes(tracks.corners)
    unseen = np.isnan(tracks.score)
    source = pa.DictionaryArray.from_arrays(pa.array(unseen.astype(np.int32)), ["detected", "interpolated"])
    return tables.table_from_columns(
        tables.TRACKS,
        {
            "frame": tracks.frame,
            "track": tracks.track,
            "class_name": named_classes(tracks.class_index, class_names),
            **{side: sizes[:, column] for column, side in enumerate("xywh")},
            "score": pa.array(tracks.score, mask=unseen),
            "confidence": tracks.confidence,
            "source": source,
        },
    )


def _start_frames(clips: Sequence[ClipRecord]) -> list[int]:
    """The frame at which each clip begins, counted from the first; a missing stretch between two is kept short."""
    starts = [0]
    for before, clip in pairwise(clips):
        missing = clip.segment.start - before.segment.start - before.frames if clip.segment and before.segment else 0
        starts.append(starts[-1] + before.frames + min(max(missing, 0), MAX_BRIDGED_FRAMES))
    return starts
