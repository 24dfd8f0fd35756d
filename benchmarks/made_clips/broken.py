"""Good clips broken on purpose, each in one way, by operations on their pixels."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

Frames = Sequence[np.ndarray]
"""Consecutive uint8 H x W x 3 RGB images of one size."""


def freeze(frames: Frames, seed: int) -> list[np.ndarray]:
    """The first frame again and again."""
    return [frames[0]] * len(frames)


def freeze_under_grain(frames: Frames, seed: int) -> list[np.ndarray]:
    """The first frame again and again, under grain that is new in each."""
    return add_noise([frames[0]] * len(frames), seed, deviation=8)


def blacken(frames: Frames, seed: int) -> list[np.ndarray]:
    """No light at all."""
    return [np.zeros_like(frame) for frame in frames]


def grey_out(frames: Frames, seed: int) -> list[np.ndarray]:
    """One tone, as from a decoder that failed."""
    return [np.full_like(frame, 127) for frame in frames]


def blur(frames: Frames, seed: int, sigma: float = 6.0) -> list[np.ndarray]:
    """Out of focus; ``sigma`` in pixels of a frame 320 wide."""
    import cv2

    scale = frames[0].shape[1] / 320
    return [cv2.GaussianBlur(frame, (0, 0), sigma * scale) for frame in frames]


def flicker(frames: Frames, seed: int, swing: float = 0.35) -> list[np.ndarray]:
    """Brightness that jumps by up to ``swing`` either way."""
    rng = np.random.default_rng(seed)
    return [_to_uint8(frame * rng.uniform(1 - swing, 1 + swing)) for frame in frames]


def overexpose(frames: Frames, seed: int) -> list[np.ndarray]:
    """Burnt out to white but for the shadows."""
    return [_to_uint8(6.0 * frame + 120) for frame in frames]


def add_noise(frames: Frames, seed: int, deviation: float = 25.0) -> list[np.ndarray]:
    """Grain that is new in each frame; ``deviation`` in levels."""
    rng = np.random.default_rng(seed)
    return [_to_uint8(frame + rng.normal(0, deviation, frame.shape)) for frame in frames]


def cut_to(frames: Frames, other: Frames) -> list[np.ndarray]:
    """The first half of one clip and the second half of another."""
    half = len(frames) // 2
    return [*frames[:half], *other[half : len(frames)]]


def turn_colours(frames: Frames, boxes: Mapping[int, np.ndarray]) -> list[np.ndarray]:
    """One object changes its colours from first to last, as objects of generated videos do.

    Args:
        frames: of the clip.
        boxes: frame index -> x, y, width, height of the object, pixels.
    """
    import cv2

    turned = [frame.copy() for frame in frames]
    for index, box in boxes.items():
        inside = _inside(turned[index], box)
        hsv = cv2.cvtColor(inside, cv2.COLOR_RGB2HSV).astype(int)
        share = index / max(1, len(frames) - 1)
        hsv[..., 0] = (hsv[..., 0] + 90 * share) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] + 120 * share, 0, 255)
        inside[:] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return turned


def drop_object(frames: Frames, boxes: Mapping[int, np.ndarray]) -> list[np.ndarray]:
    """One object vanishes in every third frame: what surrounds it closes over it. ``boxes`` as above."""
    import cv2

    dropped = [frame.copy() for frame in frames]
    for index, box in boxes.items():
        if index % 3 == 1:
            mask = np.zeros(frames[index].shape[:2], np.uint8)
            _inside(mask, box)[:] = 1
            dropped[index] = cv2.inpaint(frames[index], mask, 3, cv2.INPAINT_TELEA)
    return dropped


def swap_object(
    frames: Frames, boxes: Mapping[int, np.ndarray], other: Frames, other_boxes: Mapping[int, np.ndarray]
) -> list[np.ndarray]:
    """In every other frame one object is an object of another clip instead, stretched to its box. Boxes as above."""
    import cv2

    swapped = [frame.copy() for frame in frames]
    for index in sorted(set(boxes) & set(other_boxes)):
        inside, instead = _inside(swapped[index], boxes[index]), _inside(other[index], other_boxes[index])
        if index % 2 and inside.size and instead.size:
            inside[:] = cv2.resize(instead, inside.shape[1::-1], interpolation=cv2.INTER_AREA)
    return swapped


BREAKS: Mapping[str, Callable[[Frames, int], list[np.ndarray]]] = {
    "frozen": freeze,
    "frozen_under_grain": freeze_under_grain,
    "black": blacken,
    "grey": grey_out,
    "blurred": blur,
    "flickering": flicker,
    "overexposed": overexpose,
    "noisy": add_noise,
}
"""Those that need nothing but the frames and a seed."""


def _inside(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of ``picture`` inside ``box``, as a view."""
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.ceil(box[:2] + box[2:]).astype(int)
    return picture[top:bottom, left:right]


def _to_uint8(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
