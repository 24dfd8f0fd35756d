"""Names for the arrays that this package hands around.

OpenCV's type stubs answer every call with an array of any number type, so the names say the type to the reader only; to
a type checker they are all the same.
"""

from typing import TypeAlias

import numpy as np

Floats: TypeAlias = np.ndarray
"""float64 of any shape: points in metres or pixels, colours 0..255, times."""

Plane: TypeAlias = np.ndarray
"""float32 (H, W) or (H, W, C): a picture on its way to bytes, or one number per pixel."""

Image: TypeAlias = np.ndarray
"""uint8 (H, W, 3), RGB."""

Mask: TypeAlias = np.ndarray
"""uint8 (H, W): 0 or 255, or an instance's number."""

FixedPoints: TypeAlias = np.ndarray
"""int32 (N, 2): pixels times 2**`canvas.SHIFT`."""

Indexes: TypeAlias = np.ndarray
"""int64 (N,)."""

Flags: TypeAlias = np.ndarray
"""bool (N,)."""

Colour: TypeAlias = tuple[float, float, float]
"""Red, green and blue, 0..255."""
