"""Buses: city buses, coaches and double-deckers."""

import itertools

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.mesh import GLOWING_WINDOW, HEAD_LAMP, TAIL_LAMP, Mesh, MeshBuilder
from generators.procedural.vehicle_parts import (
    DARK,
    GLASS,
    LAMP_RED,
    PAINTS,
    add_undercarriage,
    draw_paint,
    end_rect,
    lamp_positions,
    side_rect,
)

_LIVERIES = np.array([[200, 40, 36], [232, 190, 40], [40, 110, 190], [60, 150, 70], [236, 236, 232]], float)
_RIM = np.array([150.0, 152, 156])
_FLOOR, _WHEEL_RADIUS = 0.32, 0.48


def build_bus(rng: np.random.Generator) -> Mesh:
    """A city bus, a coach or a double-decker."""
    double = rng.random() < 0.15
    length, width = rng.uniform(9.0, 12.5), rng.uniform(2.45, 2.6)
    height = rng.uniform(4.0, 4.3) if double else rng.uniform(2.9, 3.3)
    paint = draw_paint(rng, 0.9, 1.1)
    if rng.random() < 0.5:
        paint = _LIVERIES[int(rng.integers(len(_LIVERIES)))]
    second = PAINTS[int(rng.integers(len(PAINTS)))]
    builder = MeshBuilder()
    axles = (0.3 * length, -0.27 * length)
    add_undercarriage(builder, length, width, _WHEEL_RADIUS, axles)
    half_l, half_w = length / 2, width / 2
    faces = builder.add_box((-half_l, -half_w, _FLOOR), (half_l, half_w, height), paint)
    decks = [(1.15, 2.15), (2.65, 3.6)] if double else [(1.15, height - 0.55)]
    stripe = second if rng.random() < 0.6 else None
    windows = int(rng.integers(5, 9))
    for name, side in (("left", half_w), ("right", -half_w)):
        _add_side(builder, faces[name], side, half_l, decks, windows, stripe, rng)
        if side < 0:
            _add_doors(builder, faces[name], side, half_l, decks[0][1])
    _add_ends(builder, faces, half_l, half_w, height, decks, second)
    for x in axles:
        for name, side in (("left", half_w), ("right", -half_w)):
            builder.add_wheel(x, side * 1.004, _WHEEL_RADIUS, faces[name], _RIM, DARK)
    return builder.build(length, width, height, *lamp_positions(length, half_w * 0.75, 0.75))


def _add_side(
    builder: MeshBuilder,
    face: int,
    side: float,
    half_l: float,
    decks: list[tuple[float, float]],
    windows: int,
    stripe: Floats | None,
    rng: np.random.Generator,
) -> None:
    """Rows of windows in the face at y = `side`, one per deck, over a stripe."""
    if stripe is not None:
        builder.add_face(side_rect(side, -half_l, half_l, _FLOOR, 0.95), stripe, on=face)
    for low, high in decks:
        builder.add_face(side_rect(side, -half_l + 0.25, half_l - 0.15, low - 0.06, high + 0.06), DARK, on=face)
        for start, stop in itertools.pairwise(np.linspace(-half_l + 0.35, half_l - 0.25, windows + 1)):
            pane = side_rect(side, start + 0.05, stop - 0.05, low, high)
            builder.add_face(pane, GLASS * rng.uniform(0.9, 1.5), on=face, lamp=GLOWING_WINDOW)


def _add_doors(builder: MeshBuilder, face: int, side: float, half_l: float, top: float) -> None:
    """Two doors of two glazed wings each."""
    for door in (half_l - 1.3, -0.4):
        builder.add_face(side_rect(side, door - 0.6, door + 0.6, 0.4, top), DARK, on=face)
        for start, stop in ((door - 0.5, door - 0.04), (door + 0.04, door + 0.5)):
            wing = side_rect(side, start, stop, 0.5, top - 0.1)
            builder.add_face(wing, GLASS * 1.2, on=face, lamp=GLOWING_WINDOW)


def _add_ends(
    builder: MeshBuilder,
    faces: dict[str, int],
    half_l: float,
    half_w: float,
    height: float,
    decks: list[tuple[float, float]],
    second: Floats,
) -> None:
    """Windscreens, destination sign and lamps in front; window, engine hood and lamps behind."""
    front, rear = faces["front"], faces["rear"]
    builder.add_face(end_rect(half_l, -half_w, half_w, 0.32, 0.9), second, on=front)
    builder.add_face(end_rect(half_l, -half_w * 0.92, half_w * 0.92, 0.98, decks[0][1] + 0.1), GLASS, on=front)
    if len(decks) > 1:
        builder.add_face(end_rect(half_l, -half_w * 0.92, half_w * 0.92, decks[1][0], decks[1][1]), GLASS, on=front)
    builder.add_face(
        end_rect(half_l, -half_w * 0.6, half_w * 0.6, height - 0.4, height - 0.1), np.array([30.0, 28, 24]), on=front
    )
    builder.add_face(
        end_rect(half_l, -half_w * 0.5, half_w * 0.5, height - 0.34, height - 0.17),
        np.array([240.0, 176, 50]),
        on=front,
        lamp=GLOWING_WINDOW,
    )
    builder.add_face(end_rect(-half_l, -half_w * 0.7, half_w * 0.7, height - 1.3, height - 0.45), GLASS, on=rear)
    builder.add_face(end_rect(-half_l, -half_w * 0.6, half_w * 0.6, 0.5, 1.2), DARK, on=rear)
    for side in (1, -1):
        builder.add_face(
            end_rect(half_l, side * half_w * 0.6, side * half_w * 0.92, 0.62, 0.86),
            np.array([230.0, 230, 226]),
            on=front,
            lamp=HEAD_LAMP,
        )
        builder.add_face(
            end_rect(-half_l, side * half_w * 0.76, side * half_w * 0.94, 0.6, 1.3),
            LAMP_RED,
            on=rear,
            lamp=TAIL_LAMP,
        )
