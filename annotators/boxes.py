"""Box arithmetic on float32 arrays: corners inside this room, top-left and size in the tables."""

import numpy as np


def corners_to_sizes(corners: np.ndarray) -> np.ndarray:
    """``(N, 4)`` x1, y1, x2, y2 as x, y, width, height, both float32; :func:`sizes_to_corners` undoes it exactly.

    In float32, x + (x2 - x) can miss x2 by one step, and a tracker fed from stored boxes would then drift from one fed
    by the detector. Where it does, the neighbouring size is stored. Holds for boxes that lie in a frame.
    """
    corners = np.asarray(corners, np.float32).reshape(-1, 4)
    start, end = corners[:, :2], corners[:, 2:]
    size = end - start
    for towards in (np.float32(np.inf), np.float32(-np.inf)):
        nudged = np.nextafter(size, towards)
        size = np.where((_add(start, size) != end) & (_add(start, nudged) == end), nudged, size)
    return np.concatenate([start, size], axis=1)


def sizes_to_corners(sizes: np.ndarray) -> np.ndarray:
    """``(N, 4)`` x, y, width, height as x1, y1, x2, y2, both float32."""
    sizes = np.asarray(sizes, np.float32).reshape(-1, 4)
    return np.concatenate([sizes[:, :2], _add(sizes[:, :2], sizes[:, 2:])], axis=1)


def _add(start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The float32 sum, halves rounded up. Rounded to even, as usual, no size at all leads to some of the ends."""
    exact = start.astype(np.float64) + size
    near = exact.astype(np.float32)
    above = np.nextafter(near, np.float32(np.inf))
    total: np.ndarray = np.where(exact - near == above.astype(np.float64) - exact, above, near)
    return total


def clip_corners(corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """``(N, 4)`` corners moved into a frame of ``width`` x ``height`` pixels."""
    clipped: np.ndarray = np.clip(corners, 0, np.array([width, height, width, height], corners.dtype))
    return clipped


def areas(corners: np.ndarray) -> np.ndarray:
    """``(N,)`` areas in square pixels; 0 for boxes turned inside out."""
    size = np.clip(corners[:, 2:] - corners[:, :2], 0, None)
    product: np.ndarray = size[:, 0] * size[:, 1]
    return product


def shared_areas(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(N,)`` intersections, square pixels, of the pairs ``a[i]``, ``b[i]`` of corners."""
    size = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    product: np.ndarray = np.prod(np.clip(size, 0, None), axis=1)
    return product


def pair_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(N,)`` intersection over union, 0 to 1, of the pairs ``a[i]``, ``b[i]`` of corners."""
    shared = shared_areas(a, b)
    ratio: np.ndarray = shared / np.maximum(areas(a) + areas(b) - shared, np.finfo(np.float32).tiny)
    return ratio
