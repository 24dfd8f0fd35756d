"""The six trackers of ultralytics, run over stored detections, with our own versioned settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import yaml

from annotators.detections import Detections
from annotators.offline import prepare_ultralytics
from schemas.closest import closest_hint
from schemas.errors import RecipeError

CONFIG_FOLDER = Path(__file__).parent / "tracker_configs"
OFFLINE = "offline"
"""Instead of a tracker: our own association, which sees the whole clip; see :mod:`annotators.track_linking`."""


@dataclass(frozen=True)
class TrackerConfig:
    """A tracker's settings.

    Attributes:
        name: of the tracker.
        path: its YAML, which ``YOLO.track(tracker=...)`` also takes.
        settings: the YAML's content; part of a label's identity.
    """

    name: str
    path: Path
    settings: Mapping[str, Any]

    @property
    def uses_images(self) -> bool:
        """Whether the tracker looks at pixels, to take camera motion out."""
        return str(self.settings.get("gmc_method", "none")).lower() != "none"


@dataclass(frozen=True)
class Observations:
    """What a tracker made of detections: one row for each track seen in a frame, sorted by frame.

    Attributes:
        frame: ``(N,)`` int32, from 0.
        track: ``(N,)`` int32, from 1.
        corners: ``(N, 4)`` float32, the tracker's filtered box, x1, y1, x2, y2; may leave the frame.
        score: ``(N,)`` float32.
        class_index: ``(N,)`` int32, the class of this frame's detection.
        detection: ``(N,)`` int32, row of the detection behind it; -1 for one that is not among those given.
    """

    frame: np.ndarray
    track: np.ndarray
    corners: np.ndarray
    score: np.ndarray
    class_index: np.ndarray
    detection: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def rows(self, chosen: np.ndarray) -> "Observations":
        """Those that the mask or the indexes ``chosen`` pick, in that order."""
        return Observations(
            self.frame[chosen], self.track[chosen], self.corners[chosen], self.score[chosen],
            self.class_index[chosen], self.detection[chosen],
        )  # fmt: skip


def load_tracker_config(name: str) -> TrackerConfig:
    """The settings of the tracker ``name``.

    Raises:
        RecipeError: no tracker of that name.
    """
    path = CONFIG_FOLDER / f"{name}.yaml"
    known = sorted(file.stem for file in CONFIG_FOLDER.glob("*.yaml"))
    if name not in known:
        raise RecipeError(
            f"annotator.tracker: {name!r} is not a tracker{closest_hint(name, known)}",
            f"Use one of: {', '.join(known)}.",
        )
    return TrackerConfig(name, path, yaml.safe_load(path.read_text(encoding="utf-8")))


def follow_objects(
    config: TrackerConfig,
    detections: Detections,
    images: Iterable[np.ndarray | None],
    size: tuple[int, int],
    *,
    unconfirmed: bool,
) -> Observations:
    """Run one fresh tracker over consecutive frames.

    Args:
        config: the tracker's settings.
        detections: of all frames.
        images: one item a frame, in order; uint8 ``(H, W, 3)`` RGB, or None where the tracker needs no pixels.
        size: width and height of the frames, pixels.
        unconfirmed: whether tracks count from their first sighting. A tracker at work on a live stream hides a track
            until it was seen again; offline, what turned out not to last can be dropped afterwards.

    Returns:
        With ``unconfirmed`` off, exactly what ``YOLO.track`` emits for these detections, before it clips boxes.
    """
    prepare_ultralytics()
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers.track import TRACKER_MAP

    # ultralytics' own namespace for settings iterates; the trackers read attributes only.
    tracker: Any = TRACKER_MAP[config.name](args=SimpleNamespace(**config.settings, device="cpu"))
    shape = (size[1], size[0])
    gathered = _Gathered()
    begin = 0
    for frame, image in enumerate(images):
        end = begin + int(np.searchsorted(detections.frame[begin:], frame, side="right"))
        seen = Boxes(_as_rows(detections, begin, end), shape)
        bgr = None if image is None else np.ascontiguousarray(image[..., ::-1])
        rows = tracker.update(seen, bgr)
        gathered.add(frame, _all_rows(tracker) if unconfirmed else rows, begin)
        begin = end
    return gathered.observations()


def observe_tracks(track: np.ndarray, detections: Detections) -> Observations:
    """Detections, each with the id of its ``track``, in the form of a tracker's output."""
    return Observations(
        detections.frame, track, detections.corners, detections.score, detections.class_index,
        np.arange(len(detections), dtype=np.int32),
    )  # fmt: skip


def _as_rows(detections: Detections, begin: int, end: int) -> np.ndarray:
    """``(N, 6)`` x1, y1, x2, y2, score, class: the array that ultralytics' ``Boxes`` wraps."""
    part = slice(begin, end)
    return np.concatenate(
        [detections.corners[part], detections.score[part, None], detections.class_index[part, None]],
        axis=1,
        dtype=np.float32,
    )


def _all_rows(tracker: Any) -> np.ndarray:
    """Rows of every track matched in the latest frame, the unconfirmed ones included."""
    seen = [track for track in tracker.tracked_stracks if track.frame_id == tracker.frame_id]
    return np.asarray([track.result for track in seen], dtype=np.float32)


@dataclass
class _Gathered:
    """Collects a tracker's rows, x1, y1, x2, y2, id, score, class, index within the frame's detections."""

    frames: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    firsts: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: int, rows: np.ndarray, first: int) -> None:
        if len(rows):
            self.frames.append(np.full(len(rows), frame, np.int32))
            self.rows.append(rows)
            self.firsts.append(np.full(len(rows), first, np.int32))

    def observations(self) -> Observations:
        rows = np.concatenate(self.rows) if self.rows else np.zeros((0, 8), np.float32)
        empty = [np.zeros(0, np.int32)]
        first = np.concatenate(self.firsts or empty)
        place = rows[:, 7].astype(np.int32)
        return Observations(
            frame=np.concatenate(self.frames or empty),
            track=rows[:, 4].astype(np.int32),
            corners=rows[:, :4],
            score=rows[:, 5],
            class_index=rows[:, 6].astype(np.int32),
            detection=np.where(place >= 0, first + place, -1).astype(np.int32),
        )
