"""How well one picture is taken: blur and exposure."""

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]

CRUSHED_LUMA, BURNT_LUMA = 2, 253
"""Luma, of 255, from which on a pixel shows no detail: what limited-range video decodes its two ends to."""

# Pixels of a picture 320 wide. The first takes away grain, and the stairs of whole levels that gentle slopes are stored
# in, both of which are sharp in any picture; the second is the blur that Crete et al. compare with.
_GRAIN_SIGMA, _BOX = 1.5, 11
# Fractions of a level, in whole numbers: twice as fast as floats.
_FINE_LEVELS = 128


def shrink(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """``image``, ``(H, W)`` or ``(H, W, 3)``, with its longer side at most ``side`` pixels and the shorter at least 16.

    Pixels are averaged, so that grain and compression fade as they do for an eye further off.
    """
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    if size == (width, height):
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def measure_blur(luma: Luma) -> float:
    """Blur of a uint8 ``(H, W)`` picture, 0 (sharp) to 1: the no-reference metric of Crete et al. (2007).

    The picture is blurred once more; what was sharp loses much of its variation between neighbours, what was blurred
    loses little. It is a share, so neither contrast nor light is in it. The worse of the two directions counts. Grain
    is smoothed away first, so that a blurred picture does not pass for sharp by its noise; a sharp one has 0.4 to 0.6
    then. A picture of one tone, in which nothing could be sharp, has 0.
    """
    import cv2

    smooth = cv2.GaussianBlur(luma.astype(np.uint16) * _FINE_LEVELS, (7, 7), _GRAIN_SIGMA)
    across, down = cv2.blur(smooth, (_BOX, 1)), cv2.blur(smooth, (1, _BOX))
    return max(
        _kept_variation(cv2.absdiff(smooth[:, 1:], smooth[:, :-1]), cv2.absdiff(across[:, 1:], across[:, :-1])),
        _kept_variation(cv2.absdiff(smooth[1:], smooth[:-1]), cv2.absdiff(down[1:], down[:-1])),
    )


def measure_clipping(luma: Luma) -> float:
    """Share of the pixels that are crushed to black or burnt out to white, 0 to 1."""
    crushed = np.count_nonzero(luma <= CRUSHED_LUMA)
    return float(crushed + np.count_nonzero(luma >= BURNT_LUMA)) / luma.size


def _kept_variation(before: np.ndarray, after: np.ndarray) -> float:
    """The share of the differences between neighbours that is left after blurring; both uint16."""
    import cv2

    total = cv2.sumElems(before)[0]
    lost = cv2.sumElems(cv2.subtract(before, after))[0]  # negative ones saturate at 0
    return float((total - lost) / total) if total else 0.0
