"""Trucks, pick-ups, and the parked trailer that looks like one."""

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.cars import add_car_body
from generators.procedural.mesh import HEAD_LAMP, NO_LAMPS, TAIL_LAMP, Mesh, MeshBuilder
from generators.procedural.vehicle_parts import (
    DARK,
    GLASS,
    LAMP_RED,
    NUMBER_PLATE_REAR,
    PAINTS,
    add_undercarriage,
    draw_paint,
    end_rect,
    lamp_positions,
    side_rect,
)

_KINDS = ("box", "box", "flatbed", "tipper", "pickup", "semi")
_CARGO = np.array(
    [[232, 232, 228], [210, 205, 190], [60, 90, 150], [170, 50, 44], [90, 130, 80], [226, 170, 60]], float
)
_CRATES = np.array([[140, 104, 66], [120, 122, 126], [180, 150, 60], [86, 100, 120]], float)
_TRAILERS = np.array([[226, 226, 220], [120, 124, 128], [70, 90, 70], [180, 160, 120]], float)
_GRAVEL = np.array([120.0, 100, 78])
_RIM = np.array([140.0, 140, 144])
_WHEEL_RADIUS = 0.5
_BED_TOP = 1.0


def build_truck(rng: np.random.Generator) -> Mesh:
    """A box truck, a flatbed with a load, a tipper, or a pick-up."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    paint = draw_paint(rng, 0.9, 1.1)
    if kind == "pickup":
        return _build_pickup(paint, rng)
    lengths = {"box": rng.uniform(6.0, 8.5), "flatbed": rng.uniform(6.0, 9.0), "tipper": rng.uniform(6.0, 7.5)}
    length = lengths.get(kind, rng.uniform(10.5, 13.5))
    width, height = rng.uniform(2.25, 2.55), rng.uniform(2.9, 3.7)
    cab_length, cab_height = rng.uniform(1.8, 2.2), min(height, rng.uniform(2.5, 3.0))
    builder = MeshBuilder()
    half_l, half_w = length / 2, width / 2
    axles = [half_l - 0.9, -half_l + 1.3] + ([-half_l + 2.4] if length > 7.5 else [])
    add_undercarriage(builder, length, width, _WHEEL_RADIUS, tuple(axles))
    back = half_l - cab_length - rng.uniform(0.15, 0.5)
    bed = builder.add_box((-half_l, -half_w * 0.97, 0.72), (back, half_w * 0.97, _BED_TOP), DARK * 1.3)
    _add_load(builder, kind, half_l, half_w, back, height, rng)
    cab = _add_cab(builder, half_l - cab_length, half_l, half_w, cab_height, paint)
    for x in axles:
        faces = cab if x > back else bed
        for side, name in ((1.0, "left"), (-1.0, "right")):
            builder.add_wheel(x, side * half_w * 1.004, _WHEEL_RADIUS, faces[name], _RIM, None)
    return builder.build(length, width, height, *lamp_positions(length, half_w * 0.78, 0.8))


def build_trailer(rng: np.random.Generator) -> Mesh:
    """A parked trailer or caravan: a look-alike of trucks, and no object."""
    length, width, height = rng.uniform(2.2, 4.2), rng.uniform(1.6, 2.1), rng.uniform(1.3, 2.4)
    colour = _TRAILERS[int(rng.integers(len(_TRAILERS)))]
    builder = MeshBuilder()
    half_l, half_w, radius = length / 2, width / 2, 0.3
    builder.add_box((half_l, -0.08, 0.4), (half_l + 1.0, 0.08, 0.5), DARK)
    faces = builder.add_box((-half_l, -half_w, 0.45), (half_l, half_w, height), colour)
    for name, side in (("left", half_w), ("right", -half_w)):
        builder.add_face(side_rect(side, -half_l, half_l, 0.75, 0.85), colour * 0.6, on=faces[name])
        builder.add_wheel(-0.1, side * 1.01, radius, faces[name], np.array([120.0, 120, 120]), None)
    return builder.build(length + 1, width, height, NO_LAMPS, NO_LAMPS)


def _add_load(
    builder: MeshBuilder, kind: str, half_l: float, half_w: float, back: float, height: float, rng: np.random.Generator
) -> None:
    """What stands on the bed, up to x = `back`: a box, a tipper's skip, or crates."""
    cargo = _CARGO[int(rng.integers(len(_CARGO)))]
    if kind in ("box", "semi"):
        box = builder.add_box((-half_l, -half_w, _BED_TOP), (back, half_w, height), cargo)
        _add_cargo_marks(builder, box, half_l, half_w, back, height, cargo, rng)
    elif kind == "tipper":
        builder.add_box((-half_l, -half_w, _BED_TOP), (back, half_w, rng.uniform(1.7, 2.1)), cargo * 0.85)
        builder.add_box((-half_l + 0.3, -half_w * 0.8, 1.6), (back - 0.3, half_w * 0.8, 2.3), _GRAVEL)
    else:
        start = -half_l + rng.uniform(0.2, 0.6)
        while start < back - 1.2:
            stop = min(start + rng.uniform(1.0, 2.6), back - 0.1)
            colour = _CRATES[int(rng.integers(len(_CRATES)))]
            top = rng.uniform(1.3, 2.3)
            builder.add_box((start, -half_w * 0.85, _BED_TOP), (stop, half_w * 0.85, top), colour)
            start = stop + rng.uniform(0.1, 0.5)


def _build_pickup(paint: Floats, rng: np.random.Generator) -> Mesh:
    length, width, height = rng.uniform(5.0, 5.6), rng.uniform(1.85, 2.0), rng.uniform(1.75, 1.95)
    builder = MeshBuilder()
    radius, half_l, half_w = 0.4, length / 2, width / 2
    axles = (0.32 * length, -0.3 * length)
    add_undercarriage(builder, length, width, radius, axles)
    bed = builder.add_box((-half_l, -half_w, 0.45), (-0.06 * length, half_w, 1.1), paint)
    builder.add_face(
        np.array(
            [
                [-half_l + 0.1, -half_w + 0.1, 1.1],
                [-0.08 * length, -half_w + 0.1, 1.1],
                [-0.08 * length, half_w - 0.1, 1.1],
                [-half_l + 0.1, half_w - 0.1, 1.1],
            ]
        ),
        DARK,
        on=bed["top"],
    )
    for side in (1.0, -1.0):
        builder.add_face(
            end_rect(-half_l, side * half_w * 0.8, side * half_w * 0.97, 0.7, 1.05),
            LAMP_RED,
            on=bed["rear"],
            lamp=TAIL_LAMP,
        )
    builder.add_face(end_rect(-half_l, -0.26, 0.26, 0.55, 0.7), NUMBER_PLATE_REAR, on=bed["rear"])
    scaled = np.array(
        [
            (0.5, 0.26),
            (0.5, 0.54),
            (0.48, 0.6),
            (0.2, 0.64),
            (0.08, 1.0),
            (-0.04, 1.0),
            (-0.06, 0.64),
            (-0.06, 0.6),
            (-0.06, 0.26),
        ]
    )
    sides = add_car_body(builder, scaled * (length, height), width, height, paint, rng)
    rim = np.array([150.0, 150, 154])
    for side in (1.0, -1.0):
        builder.add_wheel(axles[0], side * (half_w + 0.01), radius, sides[side], rim, DARK)
        builder.add_wheel(axles[1], side * (half_w + 0.01), radius, bed["left" if side > 0 else "right"], rim, DARK)
    return builder.build(length, width, height, *lamp_positions(length, half_w * 0.8, 0.8))


def _add_cab(
    builder: MeshBuilder, back: float, front: float, half_w: float, height: float, paint: Floats
) -> dict[str, int]:
    faces = builder.add_box((back, -half_w * 0.96, 0.45), (front, half_w * 0.96, height), paint)
    y = half_w * 0.96
    builder.add_face(end_rect(front, -y * 0.9, y * 0.9, height * 0.56, height * 0.88), GLASS, on=faces["front"])
    builder.add_face(end_rect(front, -y * 0.6, y * 0.6, 0.75, height * 0.48), DARK * 1.4, on=faces["front"])
    builder.add_face(end_rect(front, -y, y, 0.45, 0.66), DARK, on=faces["front"])
    for side in (1.0, -1.0):
        builder.add_face(
            end_rect(front, side * y * 0.66, side * y * 0.94, 0.7, 0.95),
            np.array([230.0, 230, 226]),
            on=faces["front"],
            lamp=HEAD_LAMP,
        )
        name = "left" if side > 0 else "right"
        builder.add_face(
            side_rect(side * y, back + 0.45, front - 0.12, height * 0.56, height * 0.86), GLASS * 1.1, on=faces[name]
        )
        builder.add_face(side_rect(side * y, back + 0.38, back + 0.42, 0.8, height * 0.9), paint * 0.6, on=faces[name])
    return faces


def _add_cargo_marks(
    builder: MeshBuilder,
    box: dict[str, int],
    half_l: float,
    half_w: float,
    back: float,
    height: float,
    cargo: Floats,
    rng: np.random.Generator,
) -> None:
    mark = PAINTS[int(rng.integers(len(PAINTS)))]
    plain = rng.random() < 0.35
    for name, side in (("left", half_w), ("right", -half_w)):
        builder.add_face(side_rect(side, -half_l, back, 1.0, 1.08), DARK * 1.5, on=box[name])
        builder.add_face(side_rect(side, -half_l, back, height - 0.08, height), cargo * 0.75, on=box[name])
        if not plain:
            middle, reach = (back - half_l) / 2, (back + half_l) * rng.uniform(0.2, 0.4)
            low = 1.0 + (height - 1.0) * rng.uniform(0.25, 0.5)
            builder.add_face(
                side_rect(side, middle - reach, middle + reach, low, low + (height - 1) * 0.3), mark, on=box[name]
            )
    builder.add_face(end_rect(-half_l, -0.03, 0.03, 1.0, height), cargo * 0.5, on=box["rear"])
    for side in (1.0, -1.0):
        builder.add_face(
            end_rect(-half_l, side * half_w * 0.8, side * half_w * 0.95, 1.02, 1.2),
            np.array([160.0, 24, 24]),
            on=box["rear"],
            lamp=TAIL_LAMP,
        )
