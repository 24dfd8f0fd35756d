"""Cars: sedans, hatchbacks, SUVs, vans and coupés."""

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.mesh import HEAD_LAMP, TAIL_LAMP, Mesh, MeshBuilder
from generators.procedural.vehicle_parts import (
    DARK,
    GLASS,
    LAMP_RED,
    NUMBER_PLATE_REAR,
    add_undercarriage,
    draw_paint,
    end_rect,
    lamp_positions,
    side_rect,
)

# Side profiles (x as a share of the length from -0.5 to 0.5, z as a share of the height), front bottom first, over the
# roof to the rear bottom. The windscreen's foot and the rear window's foot are points 3 and 6.
_PROFILES = {
    "sedan": [
        (0.5, 0.2), (0.5, 0.46), (0.47, 0.53), (0.2, 0.64), (0.03, 1.0),
        (-0.2, 0.98), (-0.36, 0.67), (-0.48, 0.63), (-0.5, 0.24),
    ],
    "hatch": [
        (0.5, 0.2), (0.5, 0.44), (0.46, 0.53), (0.26, 0.62), (0.06, 1.0),
        (-0.34, 0.97), (-0.47, 0.64), (-0.49, 0.5), (-0.5, 0.22),
    ],
    "suv": [
        (0.5, 0.22), (0.5, 0.5), (0.48, 0.58), (0.24, 0.63), (0.1, 1.0),
        (-0.4, 0.98), (-0.48, 0.62), (-0.49, 0.5), (-0.5, 0.24),
    ],
    "van": [
        (0.5, 0.18), (0.5, 0.4), (0.48, 0.46), (0.34, 0.56), (0.2, 0.98),
        (-0.46, 1.0), (-0.495, 0.56), (-0.5, 0.5), (-0.5, 0.2),
    ],
    "coupe": [
        (0.5, 0.2), (0.5, 0.44), (0.46, 0.54), (0.14, 0.66), (-0.04, 1.0),
        (-0.18, 0.98), (-0.42, 0.7), (-0.49, 0.66), (-0.5, 0.26),
    ],
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
    paint = draw_paint(rng, 0.85, 1.1)
    builder = MeshBuilder()
    radius = float(rng.uniform(0.29, 0.35) * (1.1 if kind == "suv" else 1.0))
    add_undercarriage(builder, length, width, radius, (0.31 * length, -0.3 * length))
    jitter = rng.uniform(-0.012, 0.012, (9, 2))
    jitter[[0, 8]] = 0
    profile = (np.array(_PROFILES[kind]) + jitter) * (length, height)
    sides = add_car_body(builder, profile, width, height, paint, rng)
    rim = np.array([168.0, 170, 174]) * rng.uniform(0.4, 1.15)
    for x in (0.31 * length, -0.3 * length):
        for side, face in sides.items():
            builder.add_wheel(x, side * (width / 2 + 0.01), radius, face, rim, DARK * 0.8)
    lamp_z, lamp_y = 0.45 * height, 0.36 * width
    return builder.build(
        length, width, height, *lamp_positions(length, lamp_y, lamp_z)
    )  # fmt: skip


def add_car_body(
    builder: MeshBuilder, profile: Floats, width: float, height: float, paint: Floats, rng: np.random.Generator
) -> dict[float, int]:
    """Add a body along a side profile (9, 2) of x and z in metres; returns its flanks, by side -1 and 1."""
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
            builder.add_face(_inset(quad, 0.87), GLASS, on=face, normal=normal)
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
            side_rect(side * half_w, profile[8, 0] * 0.98, profile[0, 0] * 0.98, low, top), paint * 0.45 + 12, on=face
        )
        for x in (pillar, profile[3, 0] * 0.8, profile[6, 0] * 0.75):
            builder.add_face(side_rect(side * half_w, x - 0.02, x + 0.02, top, profile[3, 1]), paint * 0.55, on=face)
        upper = np.array([[profile[i, 0], side * widths[i], profile[i, 1]] for i in (3, 4, 5, 6)])
        tilt = np.array([0.0, side, (half_w - roof_w) / max(profile[4, 1] - profile[3, 1], 0.1)])
        tilt /= np.linalg.norm(tilt)
        face_up = builder.add_face(upper, paint, normal=tilt)
        builder.add_face(_inset(upper, 0.8), GLASS * 1.15, on=face_up, normal=tilt)
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


def _add_car_front(builder: MeshBuilder, quad: Floats, face: int, normal: Floats) -> None:
    x, half_w, low, high = quad[0, 0] + 0.005, abs(quad[0, 1]), quad[0, 2], quad[1, 2]
    builder.add_face(
        end_rect(x, -half_w * 0.55, half_w * 0.55, low + 0.3 * (high - low), low + 0.75 * (high - low)),
        DARK,
        on=face,
        normal=normal,
    )
    builder.add_face(end_rect(x, -half_w, half_w, low, low + 0.16 * (high - low)), DARK, on=face, normal=normal)
    builder.add_face(
        end_rect(x, -0.26, 0.26, low + 0.2 * (high - low), low + 0.48 * (high - low)),
        np.array([220.0, 220, 214]),
        on=face,
        normal=normal,
    )
    for side in (1, -1):
        builder.add_face(
            end_rect(x, side * half_w * 0.62, side * half_w * 0.97, low + 0.6 * (high - low), high),
            np.array([226.0, 228, 226]),
            on=face,
            normal=normal,
            lamp=HEAD_LAMP,
        )


def _add_car_rear(builder: MeshBuilder, quad: Floats, face: int, normal: Floats, paint: Floats) -> None:
    x, half_w, low, high = quad[1, 0] - 0.005, abs(quad[1, 1]), quad[1, 2], quad[0, 2]
    builder.add_face(
        end_rect(x, -half_w, half_w, low, low + 0.22 * (high - low)), paint * 0.35 + 12, on=face, normal=normal
    )
    builder.add_face(
        end_rect(x, -0.26, 0.26, low + 0.4 * (high - low), low + 0.66 * (high - low)),
        NUMBER_PLATE_REAR,
        on=face,
        normal=normal,
    )
    for side in (1, -1):
        builder.add_face(
            end_rect(x, side * half_w * 0.64, side * half_w * 0.97, low + 0.6 * (high - low), high),
            LAMP_RED,
            on=face,
            normal=normal,
            lamp=TAIL_LAMP,
        )


def _add_tail_lamps(builder: MeshBuilder, quad: Floats, face: int, normal: Floats) -> None:
    for side in (0, 1):
        outer, inner = quad[[0, 1] if side == 0 else [3, 2]], quad[[3, 2] if side == 0 else [0, 1]]
        inside = outer + 0.16 * (inner - outer)
        builder.add_face(
            np.array([outer[0], outer[1], inside[1], inside[0]]),
            LAMP_RED,
            on=face,
            normal=normal,
            lamp=TAIL_LAMP,
        )


def _inset(points: Floats, share: float) -> Floats:
    centre = points.mean(axis=0)
    smaller: Floats = centre + (points - centre) * share
    return smaller
