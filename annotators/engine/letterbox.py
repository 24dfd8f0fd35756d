"""How a frame is put into a network's input, and boxes back into the frame; pixel for pixel as ultralytics does."""

import math
from dataclasses import dataclass

import numpy as np

PADDING = 114
"""Level of the border, as in ultralytics' training."""


@dataclass(frozen=True)
class Letterbox:
    """A frame of one size in an input of one size, centred, its aspect kept.

    Attributes:
        frame: height and width of the frame, pixels.
        input: height and width of the network's input.
        inner: height and width of the resized frame within it.
        top, left: where that begins.
    """

    frame: tuple[int, int]
    input: tuple[int, int]
    inner: tuple[int, int]
    top: int
    left: int

    def new_batch(self, images: int) -> np.ndarray:
        """``(images, H, W, 3)`` uint8, all border, to :meth:`place` frames into again and again."""
        return np.full((images, *self.input, 3), PADDING, np.uint8)

    def place(self, frame: np.ndarray, image: np.ndarray) -> None:
        """Resize ``frame``, uint8 ``(H, W, 3)``, into ``image``, one of a batch of :meth:`new_batch`."""
        height, width = self.inner
        inside = image[self.top : self.top + height, self.left : self.left + width]
        if self.inner == self.frame:
            inside[:] = frame
        else:
            import cv2

            inside[:] = cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_LINEAR)

    def to_frame(self, corners: np.ndarray) -> np.ndarray:
        """``(N, 4)`` float32 x1, y1, x2, y2 of the input in pixels of the frame, clipped to it."""
        height, width = self.frame
        # Both sides are rounded once more from the padded input, as ultralytics' scale_boxes does.
        gain = min(self.input[0] / height, self.input[1] / width)
        tall, wide = max(round(height * gain), 1), max(round(width * gain), 1)
        top, left = round((self.input[0] - tall) / 2 - 0.1), round((self.input[1] - wide) / 2 - 0.1)
        moved = corners - np.array([left, top, left, top], np.float32)
        moved /= np.array([wide / width, tall / height, wide / width, tall / height], np.float32)
        limits = np.array([width, height, width, height], np.float32)
        inside: np.ndarray = np.clip(moved, 0, limits)
        return inside


def fit_frame(frame: tuple[int, int], image_size: int | tuple[int, int], stride: int) -> Letterbox:
    """The letterbox of a frame of height and width ``frame``.

    Args:
        frame: height and width, pixels.
        image_size: longer side of the input, rounded up to whole strides: the input is then the smallest that holds
            the frame. Or height and width of an input of fixed size.
        stride: of the network, pixels.
    """
    height, width = frame
    if isinstance(image_size, tuple):
        room = image_size
    else:
        side = math.ceil(image_size / stride) * stride
        room = (side, side)
    ratio = min(room[0] / height, room[1] / width)
    tall, wide = max(round(height * ratio), 1), max(round(width * ratio), 1)
    spare_y, spare_x = room[0] - tall, room[1] - wide
    if not isinstance(image_size, tuple):
        spare_y, spare_x = spare_y % stride, spare_x % stride
    top, left = round(spare_y / 2 - 0.1), round(spare_x / 2 - 0.1)
    return Letterbox(frame, (tall + spare_y, wide + spare_x), (tall, wide), top, left)
