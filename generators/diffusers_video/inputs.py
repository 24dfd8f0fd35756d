"""What clips start from: first frames and source videos, chosen for each scenario and brought to the clip's size."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.clip_identity import attempt_seed
from generators.footage_files import find_files
from generators.procedural import scene
from generators.procedural.render import render_pictures, render_scene
from schemas.diffusers_options import DiffusersOptions
from schemas.errors import EnvironmentFault, MediaError
from schemas.identity import digest, stable_fraction
from schemas.recipe import ClipOptions
from schemas.records import Scenario
from storage.video import EncodedClip, VideoInfo, probe, read_frames

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm")
MAX_PIXELS = 1 << 26
"""Of a first frame: a small file may claim to be a picture that no memory holds."""


@dataclass(frozen=True)
class ImageFile:
    """A first frame from a file."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class VideoFile:
    """A stretch of a video, from ``start`` seconds on."""

    path: Path
    sha256: str
    start: float


@dataclass(frozen=True)
class DrawnScene:
    """A procedural scene: its first frame, or all of it."""

    request: scene.SceneRequest


Source = ImageFile | VideoFile | DrawnScene


class SourcePicker:
    """Picks what each scenario starts from, by content: a file that is added or renamed moves few others."""

    def __init__(self, options: DiffusersOptions, clip: ClipOptions) -> None:
        """List the recipe's images or videos.

        Raises:
            EnvironmentFault: the folder is missing or holds none that can be used.
        """
        self._clip = clip
        self._drawn = "procedural" in {options.images, options.source}
        self._images: list[ImageFile] = []
        self._videos: list[tuple[VideoFile, VideoInfo]] = []
        if isinstance(options.images, Path):
            self._images = [
                ImageFile(path, hash_file(path)) for path in _list(options.images, IMAGE_SUFFIXES, "images")
            ]
        if isinstance(options.source, Path):
            self._videos = _long_enough(_list(options.source, VIDEO_SUFFIXES, "source"), clip.frames / clip.fps)

    def pick(self, scenario: Scenario) -> Source | None:
        """What ``scenario`` starts from; None for text to video."""
        if self._drawn:
            return DrawnScene(scene_request(scenario, self._clip))
        if self._images:
            return min(self._images, key=lambda image: digest([scenario.scenario_id, image.sha256]))
        if self._videos:
            video, info = min(self._videos, key=lambda pair: digest([scenario.scenario_id, pair[0].sha256]))
            spare = max(0.0, info.duration_s - self._clip.frames / self._clip.fps)
            return VideoFile(video.path, video.sha256, round(spare * stable_fraction(scenario.seed, "start"), 3))
        return None


def source_identity(source: Source | None) -> dict[str, Any] | None:
    """What of ``source`` determines a clip's pixels; paths are not in it."""
    match source:
        case ImageFile():
            return {"image": source.sha256}
        case VideoFile():
            return {"video": source.sha256, "start": source.start}
        case DrawnScene():
            return {"drawn": scene.VERSION}  # the rest of the request is the scenario and the clip
        case None:
            return None


def scene_request(scenario: Scenario, clip: ClipOptions) -> scene.SceneRequest:
    """The procedural scene that stands for ``scenario``."""
    return scene.SceneRequest(
        attributes=scenario.attributes,
        objects=scenario.objects,
        seed=attempt_seed(scenario, 0),
        frames=clip.frames,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
    )


def source_labels(scenario: Scenario, clip: ClipOptions) -> pa.Table:
    """Exact labels (``TRUTH``) of the procedural video that a restyled clip of ``scenario`` started from.

    The scene is drawn again: equal requests give equal truth. They are the labels of the source; what the restyling
    left of its objects, they do not know.
    """
    from generators.procedural_clips import truth_table

    return truth_table([frame.objects for frame in render_scene(scene_request(scenario, clip))])


def fit_labels(labels: pa.Table, drawn: ClipOptions, encoded: EncodedClip) -> pa.Table:
    """``labels`` (``TRUTH``) of a source drawn as ``drawn``, on the frames of the clip that came back.

    Frame stands for frame, at whatever rate the clip plays: a clip that came back shorter loses the labels of its last
    frames, one in another size has them scaled.
    """
    fitted = labels.filter(pc.less(labels["frame"], encoded.frames))
    for letter, scale in (("x", encoded.width / drawn.width), ("y", encoded.height / drawn.height)):
        size = {"x": "w", "y": "h"}[letter]
        for name in (letter, size, f"full_{letter}", f"full_{size}") if scale != 1 else ():
            place = fitted.schema.get_field_index(name)
            scaled = pc.multiply(fitted[name], pa.scalar(scale, pa.float32()))
            fitted = fitted.set_column(place, fitted.schema.field(place), scaled)
    return fitted


def load_first_frame(source: Source, width: int, height: int) -> np.ndarray:
    """The first frame of ``source``, uint8 ``height`` x ``width`` x 3 RGB, scaled to cover and cut to fit.

    Raises:
        MediaError: the file cannot be read.
    """
    match source:
        case ImageFile():
            return cover(_read_image(source.path), width, height)
        case DrawnScene():
            return next(iter(render_pictures(source.request)))
        case VideoFile():
            return load_frames(source, 1, 1.0, width, height)[0]


def load_frames(source: Source, frames: int, fps: float, width: int, height: int) -> list[np.ndarray]:
    """``frames`` frames of ``source`` at ``fps`` frames a second, each uint8 ``height`` x ``width`` x 3 RGB.

    Raises:
        MediaError: the file cannot be read, or ends too early.
    """
    match source:
        case DrawnScene():
            return list(render_pictures(source.request))[:frames]
        case ImageFile():
            return [load_first_frame(source, width, height)] * frames
        case VideoFile():
            return _read_stretch(source, frames, fps, width, height)


def cover(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """``image`` scaled to cover ``width`` x ``height`` and cut around its middle."""
    import cv2

    found_height, found_width = image.shape[:2]
    if (found_width, found_height) == (width, height):
        return image
    scale = max(width / found_width, height / found_height)
    size = (max(width, round(found_width * scale)), max(height, round(found_height * scale)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width])


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes; kept while its size and time of change stay."""
    status = path.stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=65536)
def _hash(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_stretch(source: VideoFile, frames: int, fps: float, width: int, height: int) -> list[np.ndarray]:
    info = probe(source.path)
    wanted = [round((source.start + index / fps) * info.fps) for index in range(frames)]
    taken: list[np.ndarray] = []
    for index, stored in read_frames(source.path):
        while len(taken) < frames and wanted[len(taken)] <= index:
            upright = np.rot90(stored, -(info.rotation // 90)) if info.rotation else stored
            taken.append(cover(upright, width, height))
        if len(taken) == frames:
            return taken
    if taken and frames - len(taken) <= 1:  # a duration that is rounded up by less than a frame
        return [*taken, taken[-1]]
    raise MediaError(
        f"{source.path}: {len(taken)} of {frames} frames from {source.start:g} s on.", "Remove the damaged file."
    )


def _read_image(path: Path) -> np.ndarray:
    import cv2
    from PIL import Image

    try:
        with Image.open(path) as picture:  # its head alone
            width, height = picture.size
    except (OSError, Image.DecompressionBombError) as fault:
        raise MediaError(f"{path}: cannot be read as an image: {fault}.", "Remove it, or copy it again.") from None
    if width * height > MAX_PIXELS:
        raise MediaError(f"{path}: {width}x{height} are over {MAX_PIXELS} pixels.", "Scale it down.")
    # IMREAD_COLOR turns the picture by its EXIF orientation
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"{path}: cannot be read as an image.", "Remove it, or copy it again.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _list(place: Path, suffixes: Sequence[str], field: str) -> list[Path]:
    if place.is_file():
        return [place]
    found = find_files(place, suffixes) if place.is_dir() else []
    if not found:
        what = "holds no files" if place.is_dir() else "does not exist; it should hold files"
        raise EnvironmentFault(f"generator.{field}: {place} {what} of {', '.join(suffixes)}.", "Check the path.")
    return found


def _long_enough(paths: Sequence[Path], seconds: float) -> list[tuple[VideoFile, VideoInfo]]:
    known = [(path, probe(path)) for path in paths]
    usable = [(VideoFile(path, hash_file(path), 0.0), info) for path, info in known if info.duration_s >= seconds]
    if not usable:
        longest = max(info.duration_s for _, info in known)
        raise EnvironmentFault(
            f"generator.source: none lasts the {seconds:.2f} s of a clip; longest of {len(known)}: {longest:.2f} s.",
            "Shorten `clip.frames`, raise `clip.fps`, or add longer videos.",
        )
    return usable
