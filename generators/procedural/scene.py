"""What the renderer is asked for and what it hands back, one frame at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

VERSION = "1"
"""Part of a clip's identity: changes whenever the pixels or the truth of any request change."""

CLASSES: tuple[str, ...] = ("person", "bicycle", "car", "bus", "truck", "dog")
"""The classes that can be drawn, by their COCO names."""


@dataclass(frozen=True)
class SceneRequest:
    """One scene: everything that determines its pixels, together with `VERSION`.

    Attributes:
        attributes: Slot values as plain text, e.g. `{"weather": "heavy rain", "light": "night"}`. Known words are found
            in any value, whatever its slot is called (see `conditions.recognised_attributes`); the rest is drawn from
            the seed.
        objects: Promised instances by class. Empty: a mix is drawn from the seed.
        seed: Any integer.
        frames: Number of frames, at least 1.
        fps: Frames per second, above 0.
        width: Even, at least 32, in pixels.
        height: Even, at least 32, in pixels.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    frames: int = 48
    fps: float = 12.0
    width: int = 320
    height: int = 192


@dataclass(frozen=True)
class TruthObjects:
    """The objects of one frame that show at least one pixel, as N aligned columns.

    Attributes:
        track: int32 (N,), constant for an object over the clip, from 1.
        class_index: int8 (N,), index into `CLASSES`.
        box: float32 (N, 4), x, y, width, height in pixels: the extent of the visible pixels, inside the frame.
        full_box: float32 (N, 4): the extent of the whole silhouette as if nothing hid it; may leave the frame. What
            reaches further than one frame's size beyond the frame is cut off there.
        visibility: float32 (N,), 0..1: visible pixels over pixels of the whole silhouette.
        difficult: bool (N,): below `MIN_VISIBILITY` or with a visible side below `MIN_SIDE_PX`.
    """

    track: NDArray[np.int32]
    class_index: NDArray[np.int8]
    box: NDArray[np.float32]
    full_box: NDArray[np.float32]
    visibility: NDArray[np.float32]
    difficult: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.track)

    @property
    def class_name(self) -> list[str]:
        """Class names, aligned with the columns."""
        return [CLASSES[index] for index in self.class_index]


@dataclass(frozen=True)
class RenderedFrame:
    """One frame: `image` is uint8 H x W x 3 RGB, `objects` its truth."""

    image: NDArray[np.uint8]
    objects: TruthObjects
