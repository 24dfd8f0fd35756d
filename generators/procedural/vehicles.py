"""Cars, buses, trucks and the parked trailer that looks like one: meshes with random shape and colour."""

import numpy as np
from numpy.typing import NDArray

from generators.procedural.mesh import Mesh, MeshBuilder
import itertools

Array = NDArray[np.float64]

_PAINTS = np.array(
    [
        [232, 232, 228], [205, 207, 210], [150, 154, 160], [92, 96, 102], [38, 40, 44], [24, 26, 30], [176, 32, 34],
        [120, 22, 28], [36, 66, 140], [70, 120, 180], [30, 84, 60], [110, 130, 90], [214, 170, 50], [226, 112, 36],
        [130, 96, 70], [196, 184, 160], [84, 50, 92], [60, 140, 150],
    ],
    float,
)  # fmt: skip
_GLASS = np.array([44.0, 54, 64])
_DARK = np.array([30.0, 31, 34])
_RUBBER = np.array([26.0, 26, 28])

# Side profiles (x as a share of the length from -0.5 to 0.5, z as a share of the height), front bottom first, over the roof
# to the rear bottom. The windscreen's foot and the rear window's foot are points 3 and 6.
_PROFILES = {
    "sedan": [(0.5, 0.2), (0.5, 0.46), (0.47, 0.53), (0.2, 0.64), (0.03, 1.0), (-0.2, 0.98), (-0.36, 0.67), (-0.48, 0.63), (-0.5, 0.24)],
    "hatch": [(0.5, 0.2), (0.5, 0.44), (0.46, 0.53), (0.26, 0.62), (0.06, 1.0), (-0.34, 0.97), (-0.47, 0.64), (-0.49, 0.5), (-0.5, 0.22)],
    "suv": [(0.5, 0.22), (0.5, 0.5), (0.48, 0.58), (0.24, 0.63), (0.1, 1.0), (-0.4, 0.98), (-0.48, 0.62), (-0.49, 0.5), (-0.5, 0.24)],
    "van": [(0.5, 0.18), (0.5, 0.4), (0.48, 0.46), (0.34, 0.56), (0.2, 0.98), (-0.46, 1.0), (-0.495, 0.56), (-0.5, 0.5), (-0.5, 0.2)],
    "coupe": [(0.5, 0.2), (0.5, 0.44), (0.46, 0.54), (0.14, 0.66), (-0.04, 1.0), (-0.18, 0.98), (-0.42, 0.7), (-0.49, 0.66), (-0.5, 0.26)],
}  # fmt: skip
_CAR_SIZES = {
    "sedan": (4.6, 1.8, 1.45),
    "hatch": (3.9, 1.72, 1.5),
    "suv": (4.6, 1.9, 1.72),
    "van": (4.9, 1.95, 1.95),
    "coupe": (4.4, 1.82, 1.32),
}


def build_car(rng: np.random.Generator) -> Mesh:
    """A sedan, hatchback, SUV, van or coupé."""
    kind = list(_CAR_SIZES)[int(rng.integers(len(_CAR_SIZES)))]
    length, width, height = np.array(_CAR_SIZES[kind]) * rng.uniform(0.93, 1.07, 3)
    paint = _PAINTS[int(rng.integers(len(_PAINTS)))] * rng.uniform(0.85, 1.1)
    builder = MeshBuilder()
    radius = float(rng.uniform(0.29, 0.35) * (1.1 if kind == "suv" else 1.0))
    _add_undercarriage(builder, length, width, radius, (0.31 * length, -0.3 * length))
    jitter = rng.uniform(-0.012, 0.012, (9, 2))
    jitter[[0, 8]] = 0
    profile = (np.array(_PROFILES[kind]) + jitter) * (length, height)
    sides = _add_car_body(builder, profile, width, height, paint, rng)
    rim = np.array([168.0, 170, 174]) * rng.uniform(0.4, 1.15)
    for x in (0.31 * length, -0.3 * length):
        for side, face in sides.items():
            builder.add_wheel(x, side * (width / 2 + 0.01), radius, face, rim, _DARK * 0.8)
    lamp_z, lamp_y = 0.45 * height, 0.36 * width
    return builder.build(
        length, width, height, *_lamp_positions(length, lamp_y, lamp_z)
    )  # fmt: skip


def build_bus(rng: np.random.Generator) -> Mesh:
    """A city bus, a coach or a double-decker."""
    double = rng.random() < 0.15
    length, width = rng.uniform(9.0, 12.5), rng.uniform(2.45, 2.6)
    height = rng.uniform(4.0, 4.3) if double else rng.uniform(2.9, 3.3)
    paint = _PAINTS[int(rng.integers(len(_PAINTS)))] * rng.uniform(0.9, 1.1)
    if rng.random() < 0.5:
        paint = np.array([[200, 40, 36], [232, 190, 40], [40, 110, 190], [60, 150, 70], [236, 236, 232]], float)[
            int(rng.integers(5))
        ]
    second = _PAINTS[int(rng.integers(len(_PAINTS)))]
    builder = MeshBuilder()
    radius = 0.48
    axles = (0.3 * length, -0.27 * length)
    _add_undercarriage(builder, length, width, radius, axles)
    half_l, half_w, floor = length / 2, width / 2, 0.32
    faces = builder.add_box((-half_l, -half_w, floor), (half_l, half_w, height), paint)
    decks = [(1.15, 2.15), (2.65, 3.6)] if double else [(1.15, height - 0.55)]
    stripe = rng.random() < 0.6
    windows = int(rng.integers(5, 9))
    for name, side in (("left", half_w), ("right", -half_w)):
        face = faces[name]
        if stripe:
            builder.add_face(_side_rect(side, -half_l, half_l, floor, 0.95), second, on=face)
        for low, high in decks:
            builder.add_face(_side_rect(side, -half_l + 0.25, half_l - 0.15, low - 0.06, high + 0.06), _DARK, on=face)
            edges = np.linspace(-half_l + 0.35, half_l - 0.25, windows + 1)
            for start, stop in itertools.pairwise(edges):
                builder.add_face(
                    _side_rect(side, start + 0.05, stop - 0.05, low, high),
                    _GLASS * rng.uniform(0.9, 1.5),
                    on=face,
                    lamp=3,
                )
        if side < 0:
            for door in (half_l - 1.3, -0.4):
                builder.add_face(_side_rect(side, door - 0.6, door + 0.6, 0.4, decks[0][1]), _DARK, on=face)
                builder.add_face(
                    _side_rect(side, door - 0.5, door - 0.04, 0.5, decks[0][1] - 0.1), _GLASS * 1.2, on=face, lamp=3
                )
                builder.add_face(
                    _side_rect(side, door + 0.04, door + 0.5, 0.5, decks[0][1] - 0.1), _GLASS * 1.2, on=face, lamp=3
                )
    _add_bus_ends(builder, faces, half_l, half_w, height, decks, second)
    rim = np.array([150.0, 152, 156])
    for x in axles:
        for name, side in (("left", half_w), ("right", -half_w)):
            builder.add_wheel(x, side * 1.004, radius, faces[name], rim, _DARK)
    return builder.build(length, width, height, *_lamp_positions(length, half_w * 0.75, 0.75))


def build_truck(rng: np.random.Generator) -> Mesh:
    """A box truck, a flatbed with a load, a tipper, or a pick-up."""
    kind = ("box", "box", "flatbed", "tipper", "pickup", "semi")[int(rng.integers(6))]
    paint = _PAINTS[int(rng.integers(len(_PAINTS)))] * rng.uniform(0.9, 1.1)
    if kind == "pickup":
        return _build_pickup(paint, rng)
    length = {"box": rng.uniform(6.0, 8.5), "flatbed": rng.uniform(6.0, 9.0), "tipper": rng.uniform(6.0, 7.5)}.get(
        kind, rng.uniform(10.5, 13.5)
    )
    width, height = rng.uniform(2.25, 2.55), rng.uniform(2.9, 3.7)
    cab_length, cab_height = rng.uniform(1.8, 2.2), min(height, rng.uniform(2.5, 3.0))
    builder = MeshBuilder()
    radius, half_l, half_w = 0.5, length / 2, width / 2
    axles = [half_l - 0.9, -half_l + 1.3] + ([-half_l + 2.4] if length > 7.5 else [])
    _add_undercarriage(builder, length, width, radius, tuple(axles))
    back = half_l - cab_length - rng.uniform(0.15, 0.5)
    bed = builder.add_box((-half_l, -half_w * 0.97, 0.72), (back, half_w * 0.97, 1.0), _DARK * 1.3)
    bed_sides = {1.0: bed["left"], -1.0: bed["right"]}
    cargo = np.array(
        [[232, 232, 228], [210, 205, 190], [60, 90, 150], [170, 50, 44], [90, 130, 80], [226, 170, 60]], float
    )[int(rng.integers(6))]
    if kind in ("box", "semi"):
        box = builder.add_box((-half_l, -half_w, 1.0), (back, half_w, height), cargo)
        _add_cargo_marks(builder, box, half_l, half_w, back, height, cargo, rng)
    elif kind == "tipper":
        builder.add_box((-half_l, -half_w, 1.0), (back, half_w, rng.uniform(1.7, 2.1)), cargo * 0.85)
        builder.add_box(
            (-half_l + 0.3, -half_w * 0.8, 1.6), (back - 0.3, half_w * 0.8, 2.3), np.array([120.0, 100, 78])
        )
    else:
        start = -half_l + rng.uniform(0.2, 0.6)
        while start < back - 1.2:
            stop = min(start + rng.uniform(1.0, 2.6), back - 0.1)
            colour = np.array([[140, 104, 66], [120, 122, 126], [180, 150, 60], [86, 100, 120]], float)[
                int(rng.integers(4))
            ]
            builder.add_box((start, -half_w * 0.85, 1.0), (stop, half_w * 0.85, rng.uniform(1.3, 2.3)), colour)
            start = stop + rng.uniform(0.1, 0.5)
    cab = _add_cab(builder, half_l - cab_length, half_l, half_w, cab_height, paint)
    rim = np.array([140.0, 140, 144])
    for x in axles:
        for side, face in ({1.0: cab["left"], -1.0: cab["right"]} if x > back else bed_sides).items():
            builder.add_wheel(x, side * half_w * 1.004, radius, face, rim, None)
    return builder.build(length, width, height, *_lamp_positions(length, half_w * 0.78, 0.8))


def build_trailer(rng: np.random.Generator) -> Mesh:
    """A parked trailer or caravan: a look-alike of trucks, and no object."""
    length, width, height = rng.uniform(2.2, 4.2), rng.uniform(1.6, 2.1), rng.uniform(1.3, 2.4)
    colour = np.array([[226, 226, 220], [120, 124, 128], [70, 90, 70], [180, 160, 120]], float)[int(rng.integers(4))]
    builder = MeshBuilder()
    half_l, half_w, radius = length / 2, width / 2, 0.3
    builder.add_box((half_l, -0.08, 0.4), (half_l + 1.0, 0.08, 0.5), _DARK)
    faces = builder.add_box((-half_l, -half_w, 0.45), (half_l, half_w, height), colour)
    for name, side in (("left", half_w), ("right", -half_w)):
        builder.add_face(_side_rect(side, -half_l, half_l, 0.75, 0.85), colour * 0.6, on=faces[name])
        builder.add_wheel(-0.1, side * 1.01, radius, faces[name], np.array([120.0, 120, 120]), None)
    return builder.build(length + 1, width, height, np.empty((0, 3)), np.empty((0, 3)))


def _add_undercarriage(
    builder: MeshBuilder, length: float, width: float, radius: float, axles: tuple[float, ...]
) -> None:
    half_w = width / 2
    builder.add_box(
        (-0.46 * length, -half_w * 0.8, radius * 0.55),
        (0.46 * length, half_w * 0.8, radius * 1.3),
        _DARK * 0.7,
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


def _add_car_body(
    builder: MeshBuilder, profile: Array, width: float, height: float, paint: Array, rng: np.random.Generator
) -> dict[float, int]:
    half_w = width / 2
    roof_w = half_w * rng.uniform(0.74, 0.84)
    widths = np.full(9, half_w)
    widths[[4, 5]] = roof_w
    widths[[0, 1, 7, 8]] = half_w * 0.94
    builder.start_part((0.0, 0.0, 0.55 * height))
    for i in range(8):
        (xa, za), (xb, zb) = profile[i], profile[i + 1]
        quad = np.array([[xa, widths[i], za], [xb, widths[i + 1], zb], [xb, -widths[i + 1], zb], [xa, -widths[i], za]])
        normal = np.array([zb - za, 0.0, xa - xb])
        normal /= np.linalg.norm(normal)
        face = builder.add_face(quad, paint, normal=normal)
        if i in (3, 5):  # the windscreen and the rear window
            builder.add_face(_inset(quad, 0.87), _GLASS, on=face, normal=normal)
        elif i == 0:
            _add_car_front(builder, quad, face, normal)
        elif i == 7:
            _add_car_rear(builder, quad, face, normal, paint)
        elif i == 6 and abs(normal[0]) > 0.7:
            _add_tail_lamps(builder, quad, face, normal)
    pillar = rng.uniform(-0.06, 0.0) * (profile[0, 0] - profile[8, 0])
    sides = {}
    for side in (1.0, -1.0):
        lower = np.array([[profile[i, 0], side * widths[i], profile[i, 1]] for i in (0, 1, 2, 3, 6, 7, 8)])
        face = builder.add_face(lower, paint, concave=True, normal=np.array([0.0, side, 0.0]))
        sides[side] = face
        low, top = profile[[0, 8], 1].min(), profile[[0, 8], 1].min() + 0.1 * height
        builder.add_face(
            _side_rect(side * half_w, profile[8, 0] * 0.98, profile[0, 0] * 0.98, low, top), paint * 0.45 + 12, on=face
        )
        for x in (pillar, profile[3, 0] * 0.8, profile[6, 0] * 0.75):
            builder.add_face(_side_rect(side * half_w, x - 0.02, x + 0.02, top, profile[3, 1]), paint * 0.55, on=face)
        upper = np.array([[profile[i, 0], side * widths[i], profile[i, 1]] for i in (3, 4, 5, 6)])
        tilt = np.array([0.0, side, (half_w - roof_w) / max(profile[4, 1] - profile[3, 1], 0.1)])
        tilt /= np.linalg.norm(tilt)
        face_up = builder.add_face(upper, paint, normal=tilt)
        builder.add_face(_inset(upper, 0.8), _GLASS * 1.15, on=face_up, normal=tilt)
        belt, roof = upper[[0, 3]].mean(axis=0), upper[[1, 2]].mean(axis=0)
        post = np.array(
            [
                [pillar - 0.05, belt[1], belt[2]],
                [pillar + 0.05, belt[1], belt[2]],
                [pillar + 0.05, roof[1], roof[2]],
                [pillar - 0.05, roof[1], roof[2]],
            ]
        )
        builder.add_face(post, paint * 0.8, on=face_up, normal=tilt)
    return sides


def _add_car_front(builder: MeshBuilder, quad: Array, face: int, normal: Array) -> None:
    x, half_w, low, high = quad[0, 0] + 0.005, abs(quad[0, 1]), quad[0, 2], quad[1, 2]
    builder.add_face(
        _end_rect(x, -half_w * 0.55, half_w * 0.55, low + 0.3 * (high - low), low + 0.75 * (high - low)),
        _DARK,
        on=face,
        normal=normal,
    )
    builder.add_face(_end_rect(x, -half_w, half_w, low, low + 0.16 * (high - low)), _DARK, on=face, normal=normal)
    builder.add_face(
        _end_rect(x, -0.26, 0.26, low + 0.2 * (high - low), low + 0.48 * (high - low)),
        np.array([220.0, 220, 214]),
        on=face,
        normal=normal,
    )
    for side in (1, -1):
        builder.add_face(
            _end_rect(x, side * half_w * 0.62, side * half_w * 0.97, low + 0.6 * (high - low), high),
            np.array([226.0, 228, 226]),
            on=face,
            normal=normal,
            lamp=1,
        )


def _add_car_rear(builder: MeshBuilder, quad: Array, face: int, normal: Array, paint: Array) -> None:
    x, half_w, low, high = quad[1, 0] - 0.005, abs(quad[1, 1]), quad[1, 2], quad[0, 2]
    builder.add_face(
        _end_rect(x, -half_w, half_w, low, low + 0.22 * (high - low)), paint * 0.35 + 12, on=face, normal=normal
    )
    builder.add_face(
        _end_rect(x, -0.26, 0.26, low + 0.4 * (high - low), low + 0.66 * (high - low)),
        np.array([222.0, 214, 150]),
        on=face,
        normal=normal,
    )
    for side in (1, -1):
        builder.add_face(
            _end_rect(x, side * half_w * 0.64, side * half_w * 0.97, low + 0.6 * (high - low), high),
            np.array([158.0, 24, 24]),
            on=face,
            normal=normal,
            lamp=2,
        )


def _add_tail_lamps(builder: MeshBuilder, quad: Array, face: int, normal: Array) -> None:
    for side in (0, 1):
        outer, inner = quad[[0, 1] if side == 0 else [3, 2]], quad[[3, 2] if side == 0 else [0, 1]]
        inside = outer + 0.16 * (inner - outer)
        builder.add_face(
            np.array([outer[0], outer[1], inside[1], inside[0]]),
            np.array([158.0, 24, 24]),
            on=face,
            normal=normal,
            lamp=2,
        )


def _add_bus_ends(
    builder: MeshBuilder,
    faces: dict[str, int],
    half_l: float,
    half_w: float,
    height: float,
    decks: list[tuple[float, float]],
    second: Array,
) -> None:
    front, rear = faces["front"], faces["rear"]
    builder.add_face(_end_rect(half_l, -half_w, half_w, 0.32, 0.9), second, on=front)
    builder.add_face(_end_rect(half_l, -half_w * 0.92, half_w * 0.92, 0.98, decks[0][1] + 0.1), _GLASS, on=front)
    if len(decks) > 1:
        builder.add_face(_end_rect(half_l, -half_w * 0.92, half_w * 0.92, decks[1][0], decks[1][1]), _GLASS, on=front)
    builder.add_face(
        _end_rect(half_l, -half_w * 0.6, half_w * 0.6, height - 0.4, height - 0.1), np.array([30.0, 28, 24]), on=front
    )
    builder.add_face(
        _end_rect(half_l, -half_w * 0.5, half_w * 0.5, height - 0.34, height - 0.17),
        np.array([240.0, 176, 50]),
        on=front,
        lamp=3,
    )
    builder.add_face(_end_rect(-half_l, -half_w * 0.7, half_w * 0.7, height - 1.3, height - 0.45), _GLASS, on=rear)
    builder.add_face(_end_rect(-half_l, -half_w * 0.6, half_w * 0.6, 0.5, 1.2), _DARK, on=rear)
    for side in (1, -1):
        builder.add_face(
            _end_rect(half_l, side * half_w * 0.6, side * half_w * 0.92, 0.62, 0.86),
            np.array([230.0, 230, 226]),
            on=front,
            lamp=1,
        )
        builder.add_face(
            _end_rect(-half_l, side * half_w * 0.76, side * half_w * 0.94, 0.6, 1.3),
            np.array([158.0, 24, 24]),
            on=rear,
            lamp=2,
        )


def _add_cab(
    builder: MeshBuilder, back: float, front: float, half_w: float, height: float, paint: Array
) -> dict[str, int]:
    faces = builder.add_box((back, -half_w * 0.96, 0.45), (front, half_w * 0.96, height), paint)
    y = half_w * 0.96
    builder.add_face(_end_rect(front, -y * 0.9, y * 0.9, height * 0.56, height * 0.88), _GLASS, on=faces["front"])
    builder.add_face(_end_rect(front, -y * 0.6, y * 0.6, 0.75, height * 0.48), _DARK * 1.4, on=faces["front"])
    builder.add_face(_end_rect(front, -y, y, 0.45, 0.66), _DARK, on=faces["front"])
    for side in (1, -1):
        builder.add_face(
            _end_rect(front, side * y * 0.66, side * y * 0.94, 0.7, 0.95),
            np.array([230.0, 230, 226]),
            on=faces["front"],
            lamp=1,
        )
        name = "left" if side > 0 else "right"
        builder.add_face(
            _side_rect(side * y, back + 0.45, front - 0.12, height * 0.56, height * 0.86), _GLASS * 1.1, on=faces[name]
        )
        builder.add_face(_side_rect(side * y, back + 0.38, back + 0.42, 0.8, height * 0.9), paint * 0.6, on=faces[name])
    return faces


def _add_cargo_marks(
    builder: MeshBuilder,
    box: dict[str, int],
    half_l: float,
    half_w: float,
    back: float,
    height: float,
    cargo: Array,
    rng: np.random.Generator,
) -> None:
    mark = _PAINTS[int(rng.integers(len(_PAINTS)))]
    plain = rng.random() < 0.35
    for name, side in (("left", half_w), ("right", -half_w)):
        builder.add_face(_side_rect(side, -half_l, back, 1.0, 1.08), _DARK * 1.5, on=box[name])
        builder.add_face(_side_rect(side, -half_l, back, height - 0.08, height), cargo * 0.75, on=box[name])
        if not plain:
            middle, reach = (back - half_l) / 2, (back + half_l) * rng.uniform(0.2, 0.4)
            low = 1.0 + (height - 1.0) * rng.uniform(0.25, 0.5)
            builder.add_face(
                _side_rect(side, middle - reach, middle + reach, low, low + (height - 1) * 0.3), mark, on=box[name]
            )
    builder.add_face(_end_rect(-half_l, -0.03, 0.03, 1.0, height), cargo * 0.5, on=box["rear"])
    for side in (1, -1):
        builder.add_face(
            _end_rect(-half_l, side * half_w * 0.8, side * half_w * 0.95, 1.02, 1.2),
            np.array([160.0, 24, 24]),
            on=box["rear"],
            lamp=2,
        )


def _build_pickup(paint: Array, rng: np.random.Generator) -> Mesh:
    length, width, height = rng.uniform(5.0, 5.6), rng.uniform(1.85, 2.0), rng.uniform(1.75, 1.95)
    builder = MeshBuilder()
    radius, half_l, half_w = 0.4, length / 2, width / 2
    axles = (0.32 * length, -0.3 * length)
    _add_undercarriage(builder, length, width, radius, axles)
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
        _DARK,
        on=bed["top"],
    )
    for side in (1, -1):
        builder.add_face(
            _end_rect(-half_l, side * half_w * 0.8, side * half_w * 0.97, 0.7, 1.05),
            np.array([158.0, 24, 24]),
            on=bed["rear"],
            lamp=2,
        )
    builder.add_face(_end_rect(-half_l, -0.26, 0.26, 0.55, 0.7), np.array([222.0, 214, 150]), on=bed["rear"])
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
    sides = _add_car_body(builder, scaled * (length, height), width, height, paint, rng)
    rim = np.array([150.0, 150, 154])
    for side in (1.0, -1.0):
        builder.add_wheel(axles[0], side * (half_w + 0.01), radius, sides[side], rim, _DARK)
        builder.add_wheel(axles[1], side * (half_w + 0.01), radius, bed["left" if side > 0 else "right"], rim, _DARK)
    return builder.build(length, width, height, *_lamp_positions(length, half_w * 0.8, 0.8))


def _lamp_positions(length: float, y: float, z: float) -> tuple[Array, Array]:
    head = np.array([[length / 2, y, z], [length / 2, -y, z]])
    return head, head * (-1, 1, 1.1)


def _side_rect(y: float, x0: float, x1: float, z0: float, z1: float) -> Array:
    return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])


def _end_rect(x: float, y0: float, y1: float, z0: float, z1: float) -> Array:
    return np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]])


def _inset(points: Array, share: float) -> Array:
    centre = points.mean(axis=0)
    return centre + (points - centre) * share
