"""What cars, buses and trucks share: paints, axles, lamps and flat rectangles."""

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.mesh import MeshBuilder

PAINTS = np.array(
    [
        [232, 232, 228], [205, 207, 210], [150, 154, 160], [92, 96, 102], [38, 40, 44], [24, 26, 30], [176, 32, 34],
        [120, 22, 28], [36, 66, 140], [70, 120, 180], [30, 84, 60], [110, 130, 90], [214, 170, 50], [226, 112, 36],
        [130, 96, 70], [196, 184, 160], [84, 50, 92], [60, 140, 150],
    ],
    float,
)  # fmt: skip
GLASS = np.array([44.0, 54, 64])
DARK = np.array([30.0, 31, 34])
_RUBBER = np.array([26.0, 26, 28])

LAMP_RED = np.array([158.0, 24, 24])
NUMBER_PLATE_REAR = np.array([222.0, 214, 150])


def draw_paint(rng: np.random.Generator, low: float, high: float) -> Floats:
    """A paint (3,) made darker or brighter by a factor between `low` and `high`."""
    paint: Floats = PAINTS[int(rng.integers(len(PAINTS)))] * rng.uniform(low, high)
    return paint


def add_undercarriage(
    builder: MeshBuilder, length: float, width: float, radius: float, axles: tuple[float, ...]
) -> None:
    """Add the dark block below a body and the tyres under it; `axles` are their places along the vehicle in metres."""
    half_w = width / 2
    builder.add_box(
        (-0.46 * length, -half_w * 0.8, radius * 0.55),
        (0.46 * length, half_w * 0.8, radius * 1.3),
        DARK * 0.7,
        below=True,
    )
    for x in axles:
        for y in (-half_w * 0.86, half_w * 0.86):
            builder.add_box(
                (x - radius * 0.8, y - half_w * 0.13, 0.0),
                (x + radius * 0.8, y + half_w * 0.13, radius * 1.4),
                _RUBBER,
                below=True,
            )


def lamp_positions(length: float, y: float, z: float) -> tuple[Floats, Floats]:
    """Head lamps (2, 3) at the front, `y` metres from the middle and `z` above the ground, and tail lamps (2, 3)."""
    head = np.array([[length / 2, y, z], [length / 2, -y, z]])
    return head, head * (-1, 1, 1.1)


def side_rect(y: float, x0: float, x1: float, z0: float, z1: float) -> Floats:
    """A rectangle (4, 3) on the left or right of a body."""
    return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])


def end_rect(x: float, y0: float, y1: float, z0: float, z1: float) -> Floats:
    """A rectangle (4, 3) on the front or rear of a body."""
    return np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]])
