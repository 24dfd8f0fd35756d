"""The loop that everybody writes first, ``YOLO(weights).track(clip, stream=True)``, at many settings at little cost.

A clip is detected in once for each look (input size, augmentation); the trackers then run over what is above each
threshold. That gives the boxes of ``YOLO.track`` bit for bit (``tests/annotators/test_plain_loop.py``), and
:func:`check_loop` runs the loop itself beside it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotators.boxes import clip_corners
from annotators.detections import Detections, detections_from_frames
from annotators.offline import prepare_ultralytics
from annotators.trackers import follow_objects, load_tracker_config
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames

from .scoring import LabelledClip

TRACKERS = ("bytetrack", "botsort", "ocsort")
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Look:
    """How the plain loop looks at a frame."""

    name: str
    image_size: int
    augment: bool = False


@dataclass(frozen=True)
class PlainSetting:
    """One way to run the plain loop."""

    look: Look
    tracker: str
    threshold: float

    def __str__(self) -> str:
        return f"{self.look.name}, {self.tracker}, {self.threshold}"


class PlainLoop:
    """The plain loop over clips of a store; detections and camera motion are kept between settings."""

    def __init__(self, weights: Path, store: Store, records: Sequence[ClipRecord]) -> None:
        prepare_ultralytics()
        from ultralytics.models import YOLO

        self._model = YOLO(weights, task="detect")
        self._store = store
        self._records = records
        self._seen: dict[Look, list[Detections]] = {}
        self._motion: list[list[np.ndarray]] = [[] for _ in records]

    def run(self, setting: PlainSetting) -> list[LabelledClip]:
        """Labels of every clip; the boxes' own scores are their confidence."""
        if setting.look not in self._seen:
            self._seen[setting.look] = [self._detect(setting.look, record) for record in self._records]
        config = load_tracker_config(setting.tracker)
        labelled = []
        for place, (record, detections) in enumerate(zip(self._records, self._seen[setting.look], strict=True)):
            kept = detections.rows(detections.score > setting.threshold)
            size = (record.width, record.height)
            images = self._images(place, record) if config.uses_images else iter([None] * record.frames)
            with _remembered_motion(self._motion[place]):
                seen = follow_objects(config, kept, images, size, unconfirmed=False)
            corners = clip_corners(seen.corners, *size)
            labelled.append(LabelledClip(seen.frame, seen.track, seen.class_index, corners, seen.score))
        return labelled

    def check_loop(self, setting: PlainSetting, place: int) -> bool:
        """Whether ``YOLO.track`` itself gives the same boxes for the clip at ``place``."""
        record, rows = self._records[place], []
        for frame, result in enumerate(
            self._model.track(
                str(media_path(self._store, record)), stream=True, persist=False, conf=setting.threshold,
                tracker=str(load_tracker_config(setting.tracker).path), imgsz=setting.look.image_size,
                augment=setting.look.augment, verbose=False,
            )
        ):  # fmt: skip
            if result.boxes.is_track:
                rows += [(frame, *box) for box in result.boxes.data.cpu().numpy()]
        theirs = np.array(sorted(rows), np.float32)
        mine = self.run(setting)[place]
        ours = np.column_stack([mine.frame, mine.corners, mine.track, mine.confidence, mine.class_index])
        same: bool = theirs.shape == ours.shape and np.allclose(theirs, sorted(ours.tolist()), atol=1e-3)
        return same

    def _detect(self, look: Look, record: ClipRecord) -> Detections:
        found = self._model.predict(
            str(media_path(self._store, record)), stream=True, conf=THRESHOLDS[0], imgsz=look.image_size,
            augment=look.augment, verbose=False,
        )  # fmt: skip
        return detections_from_frames([result.boxes.data.cpu().numpy() for result in found])

    def _images(self, place: int, record: ClipRecord) -> Iterator[np.ndarray | None]:
        if len(self._motion[place]) == record.frames:
            return iter([np.zeros((1, 1, 3), np.uint8)] * record.frames)
        self._motion[place].clear()
        return (image for _, image in read_frames(media_path(self._store, record)))


@contextmanager
def _remembered_motion(known: list[np.ndarray]) -> Iterator[None]:
    """BoT-SORT's estimate of the camera's motion depends on pixels alone: made once for a clip, then kept."""
    from ultralytics.trackers.utils.gmc import GMC

    estimate, complete = GMC.apply, iter(tuple(known))

    def apply(self: Any, raw_frame: np.ndarray, detections: Any = None) -> np.ndarray:
        warp = next(complete, None)
        if warp is None:
            warp = estimate(self, raw_frame, detections)
            known.append(warp)
        return warp.copy()

    GMC.apply = apply
    try:
        yield
    finally:
        GMC.apply = estimate
