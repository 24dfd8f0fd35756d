"""Trees of the background: a trunk and a crown of blobs."""

import numpy as np

from generators.procedural.conditions import Conditions
from generators.procedural.layout import Layout
from generators.procedural.plate import Plate

_LEAST_DISTANCE = 6.0


def draw_trees(plate: Plate, layout: Layout, conditions: Conditions, rng: np.random.Generator) -> None:
    """All trees of the place, from the farthest to the nearest."""
    eye = plate.camera.position
    distance = np.hypot(layout.trees[:, 0] - eye[0], layout.trees[:, 1] - eye[1])
    bare = conditions.weather == "snow" and rng.random() < 0.6
    for k in np.argsort(-distance, kind="stable").tolist():
        x, y = layout.trees[k]
        _draw_tree(plate, x, y, rng, bare=bare, hidden=abs(y) < layout.edge)


def _draw_tree(plate: Plate, x: float, y: float, rng: np.random.Generator, *, bare: bool, hidden: bool) -> None:
    """One tree; takes the same draws from `rng` whether it is drawn or not."""
    green = np.array([70.0, 100, 50]) * rng.uniform(0.65, 1.25) + rng.uniform(-12, 12, 3)
    trunk = np.array([94.0, 74, 56]) * rng.uniform(0.6, 1.1)
    tall, spread = rng.uniform(2.0, 3.2), rng.uniform(0.9, 1.7)
    blobs = rng.uniform(-1, 1, (24, 3))
    eye = plate.camera.position
    near = float(np.hypot(x - eye[0], y - eye[1]))
    # Near trees on the walkable ground would hide walkers that the plate lies behind.
    if near < _LEAST_DISTANCE or hidden:
        return
    toward = np.array([eye[0] - x, eye[1] - y]) / near
    across = np.array([-toward[1], toward[0]]) * 0.14
    foot, top = np.array([x, y]), across * 0.6
    outline = [
        [*(foot - across), 0],
        [*(foot + across), 0],
        [*(foot + top), tall + 1],
        [*(foot - top), tall + 1],
    ]
    plate.polygon(np.array(outline), trunk)
    for level, blob in enumerate(blobs):
        centre = np.array([x + blob[0] * spread, y + blob[1] * spread, tall + 0.4 + level * 0.1 + blob[2] * 0.3])
        if bare:
            plate.blob(centre, 0.45 * spread * 0.6, np.array([150.0, 146, 146]) * (0.7 + 0.02 * level))
        else:
            plate.blob(centre, 0.75 * spread * 0.6, green * (0.55 + level * 0.025))
