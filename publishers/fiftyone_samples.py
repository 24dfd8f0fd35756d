"""A clip as a FiftyOne video sample, made of FiftyOne's own objects: what its documents are held against."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from publishers.clip_rows import ClipRows
from publishers.fiftyone_fields import clip_fields, clip_metadata, clip_tags, object_id
from publishers.image_export import StoredImages
from schemas.tables import ACCEPT, ACCEPTED, IGNORE

MediaPath = Callable[[str], Path]
"""Clip id -> its video file."""


class ClipFiles:
    """Where the files of clips lie: their videos, and the images of their frames."""

    def __init__(self, media_path: MediaPath, stored_images: StoredImages | None) -> None:
        self.video = media_path
        self._stored_images = stored_images

    def images(self, clip: Mapping[str, Any]) -> Mapping[int, Path]:
        """Frame index -> image, for the clip of a row of PUBLISHED_CLIPS; images are kept of accepted clips only."""
        if self._stored_images is None or clip["verdict"] != ACCEPTED:
            return {}
        return self._stored_images(clip["clip_id"])


def to_relative(box: Mapping[str, float], width: int, height: int) -> list[float]:
    """A box in pixels as FiftyOne's [x, y, width, height], top left, in shares of the frame."""
    return [box["x"] / width, box["y"] / height, box["w"] / width, box["h"] / height]


def make_sample(
    fiftyone: Any, rows: ClipRows, files: ClipFiles, clip_id: str, only_frames: Collection[int] | None = None
) -> Any:
    """The ``fiftyone.Sample`` of a clip, with a frame document for each of its frames, numbered from 1.

    ``only_frames`` are the indexes of the frames that it has; its other fields are those of the whole clip.
    """
    clip = rows.clips([clip_id])[0]
    frames = rows.frames([clip_id]).select(["frame", "use", "objects"]).to_pylist()
    labels = [one["confidence"] for frame in frames for one in frame["objects"] if one["verdict"] == ACCEPT]
    video, images = files.video(clip_id), files.images(clip)
    sample = fiftyone.Sample(
        filepath=str(video),
        metadata=fiftyone.VideoMetadata(**clip_metadata(clip, video)),
        tags=clip_tags(clip),
        **clip_fields(clip, len(labels), min(labels, default=None)),
    )
    instances: dict[int, Any] = {}
    for frame in frames:
        if only_frames is not None and frame["frame"] not in only_frames:
            continue
        image = images.get(frame["frame"])
        sample.frames[frame["frame"] + 1] = fiftyone.Frame(
            filepath=str(image) if image else None,
            use=frame["use"],
            detections=fiftyone.Detections(
                detections=[_detection(fiftyone, one, clip, instances) for one in frame["objects"]]
            ),
        )
    return sample


def _detection(fiftyone: Any, one: Mapping[str, Any], clip: Mapping[str, Any], instances: dict[int, Any]) -> Any:
    track = one["track"]
    if track not in instances:
        instances[track] = fiftyone.Instance(id=object_id(clip["sequence"], track))
    return fiftyone.Detection(
        label=one["class_name"],
        bounding_box=to_relative(one, clip["width"], clip["height"]),
        confidence=one["confidence"],
        index=track,
        instance=instances[track],
        tags=[IGNORE] if one["verdict"] == IGNORE else [],
        score=one["score"],
        source=one["source"],
        verdict=one["verdict"],
    )
