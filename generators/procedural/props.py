"""Street furniture that may look like an object and is none: bins, signs, hydrants, benches, bushes, trailers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.camera import Camera
from generators.procedural.canvas import Sprite
from generators.procedural.light import Light
from generators.procedural.limbs import Bars, draw_bars
from generators.procedural.mesh import NO_LAMPS, Mesh, MeshBuilder, draw_mesh
from generators.procedural.trucks import build_trailer

KINDS = ("bin", "sign", "hydrant", "bench", "bush", "bollard", "cone", "mailbox", "trailer", "planter")

_BarTable: TypeAlias = tuple[list[list[float]], list[list[float]], list[Any]]
"""Ends of N bars (two rows each, in metres), their radii at both ends, and their colours."""


@dataclass(frozen=True, eq=False)
class Prop:
    """A fixed thing: a mesh, or round-ended bars. `length` and `width` are its footprint in metres."""

    position: Floats
    heading: float
    length: float
    width: float
    mesh: Mesh | None = None
    bars: Bars | None = None

    @property
    def is_still(self) -> bool:
        """Furniture never moves."""
        return True


def build_prop(kind: str, position: Floats, heading: float, rng: np.random.Generator) -> Prop:
    """One prop of a kind in `KINDS`, or a "pole" (street lamp) or "tree"."""
    if kind in _MESH_BUILDERS:
        mesh = _MESH_BUILDERS[kind](rng)
        return Prop(position, heading, mesh.length, mesh.width, mesh=mesh)
    return Prop(position, heading, 0.5, 0.5, bars=_stack_bars(*_BAR_BUILDERS[kind](rng)))


def draw_prop(prop: Prop, camera: Camera, light: Light) -> Sprite:
    """The prop as seen by the camera."""
    if prop.mesh is not None:
        return draw_mesh(prop.mesh, prop.position, prop.heading, 0.0, camera, light)
    assert prop.bars is not None
    return draw_bars(prop.bars, prop.position, prop.heading, camera, light)


def _stack_bars(ends: list[list[float]], radii: list[list[float]], colours: list[Any]) -> Bars:
    """Bars of which each one listed later is drawn over those before it."""
    first = np.arange(0, len(ends), 2)
    start_radius, end_radius = np.array(radii, float).T
    return Bars(
        joints=np.array(ends, float),
        starts=first,
        ends=first + 1,
        start_radius=start_radius,
        end_radius=end_radius,
        colours=np.array(colours, float),
        bias=np.arange(len(first)) * -0.3,
    )


def _bin(rng: np.random.Generator) -> Mesh:
    colour = np.array([[52, 92, 60], [60, 64, 70], [40, 70, 130], [140, 60, 40], [110, 112, 108]], float)[
        int(rng.integers(5))
    ]
    builder, s, h = MeshBuilder(), rng.uniform(0.25, 0.42), rng.uniform(0.85, 1.25)
    builder.add_box((-s, -s, 0.0), (s, s, h * 0.88), colour)
    builder.add_box((-s * 1.1, -s * 1.1, h * 0.88), (s * 1.1, s * 1.1, h), colour * 0.7)
    return builder.build(2 * s, 2 * s, h, NO_LAMPS, NO_LAMPS)


def _mailbox(rng: np.random.Generator) -> Mesh:
    colour = np.array([[190, 36, 34], [36, 66, 140], [226, 186, 50]], float)[int(rng.integers(3))]
    builder, h = MeshBuilder(), rng.uniform(1.1, 1.5)
    faces = builder.add_box((-0.25, -0.25, 0.0), (0.25, 0.25, h), colour)
    for name, x in (("front", 0.25), ("rear", -0.25)):
        builder.add_face(
            np.array([[x, -0.17, h * 0.8], [x, 0.17, h * 0.8], [x, 0.17, h * 0.85], [x, -0.17, h * 0.85]]),
            colour * 0.25,
            on=faces[name],
        )
    return builder.build(0.5, 0.5, h, NO_LAMPS, NO_LAMPS)


def _bench(rng: np.random.Generator) -> Mesh:
    wood = np.array([132.0, 92, 58]) * rng.uniform(0.7, 1.2)
    builder = MeshBuilder()
    for x in (-0.7, 0.7):
        builder.add_box((x - 0.04, -0.2, 0.0), (x + 0.04, 0.22, 0.42), wood * 0.4)
    builder.add_box((-0.9, -0.24, 0.42), (0.9, 0.22, 0.48), wood)
    builder.add_box((-0.9, -0.26, 0.56), (0.9, -0.21, 0.9), wood * 0.9)
    return builder.build(1.8, 0.5, 0.9, NO_LAMPS, NO_LAMPS)


def _planter(rng: np.random.Generator) -> Mesh:
    builder, s = MeshBuilder(), rng.uniform(0.5, 0.9)
    builder.add_box((-s, -0.35, 0.0), (s, 0.35, 0.55), np.array([150.0, 146, 138]) * rng.uniform(0.6, 1.1))
    builder.add_box(
        (-s * 0.9, -0.3, 0.55), (s * 0.9, 0.3, rng.uniform(0.75, 1.0)), np.array([64.0, 98, 48]) * rng.uniform(0.7, 1.2)
    )
    return builder.build(2 * s, 0.7, 1.0, NO_LAMPS, NO_LAMPS)


def _sign(rng: np.random.Generator) -> _BarTable:
    z = rng.uniform(1.9, 2.5)
    face = [[206, 36, 34], [40, 80, 180], [236, 236, 232], [240, 200, 50]][int(rng.integers(4))]
    if rng.random() < 0.5:
        return (
            [[0, 0, 0], [0, 0, z], [0, 0, z], [0, 0, z], [0.02, 0, z], [0.02, 0, z]],
            [[0.035, 0.035], [0.3, 0.3], [0.2, 0.2]],
            [[120, 122, 124], face, [236, 236, 232]],
        )
    return [[0, 0, 0], [0, 0, z], [0, -0.2, z], [0, 0.2, z]], [[0.035, 0.035], [0.24, 0.24]], [[120, 122, 124], face]


def _hydrant(rng: np.random.Generator) -> _BarTable:
    c = np.array([[190, 44, 36], [226, 180, 40], [200, 90, 40]], float)[int(rng.integers(3))]
    joints = [
        [0, 0, 0.05],
        [0, 0, 0.1],
        [0, 0, 0.1],
        [0, 0, 0.58],
        [0, -0.16, 0.45],
        [0, 0.16, 0.45],
        [0, 0, 0.6],
        [0, 0, 0.68],
    ]
    return joints, [[0.17, 0.17], [0.12, 0.12], [0.07, 0.07], [0.14, 0.06]], [c * 0.7, c, c * 0.85, c * 1.05]


def _bush(rng: np.random.Generator) -> _BarTable:
    green = np.array([62.0, 96, 46]) * rng.uniform(0.7, 1.25) + rng.uniform(-10, 10, 3)
    size, joints, radii, colours = rng.uniform(0.45, 0.9), [], [], []
    for k in range(9):
        at = [
            rng.uniform(-0.7, 0.7) * size,
            rng.uniform(-0.7, 0.7) * size,
            size * (0.3 + 0.085 * k + rng.uniform(-0.1, 0.1)),
        ]
        joints += [at, at]
        r = size * rng.uniform(0.3, 0.5)
        radii.append([r, r])
        colours.append(green * (0.6 + 0.06 * k))
    return joints, radii, colours


def _bollard(rng: np.random.Generator) -> _BarTable:
    c = np.full(3, rng.uniform(40, 150))
    return [[0, 0, 0.05], [0, 0, 0.85], [0, 0, 0.7], [0, 0, 0.74]], [[0.09, 0.08], [0.085, 0.085]], [c, [230, 230, 226]]


def _cone(rng: np.random.Generator) -> _BarTable:
    c = [236, 96, 34]
    return (
        [[0, 0, 0.04], [0, 0, 0.05], [0, 0, 0.08], [0, 0, 0.68], [0, 0, 0.34], [0, 0, 0.46]],
        [[0.24, 0.24], [0.19, 0.04], [0.125, 0.095]],
        [[200, 80, 30], c, [236, 236, 230]],
    )


def _pole(rng: np.random.Generator) -> _BarTable:
    c, z = np.full(3, rng.uniform(50, 130)), rng.uniform(5.0, 6.5)
    return (
        [[0, 0, 0], [0, 0, z], [0, 0, z], [0.9, 0, z + 0.3], [0.9, 0, z + 0.3], [1.4, 0, z + 0.3]],
        [[0.08, 0.05], [0.05, 0.04], [0.1, 0.1]],
        [c, c, c * 0.8],
    )


def _tree(rng: np.random.Generator) -> _BarTable:
    trunk, z = np.array([92.0, 72, 54]) * rng.uniform(0.7, 1.2), rng.uniform(2.2, 3.2)
    green = np.array([70.0, 104, 50]) * rng.uniform(0.65, 1.25) + rng.uniform(-14, 14, 3)
    joints: list[list[float]] = [[0, 0, 0], [0, 0, z + 1]]
    radii, colours = [[0.16, 0.09]], [trunk]
    spread = rng.uniform(1.0, 1.8)
    for k in range(16):
        at = [rng.uniform(-1, 1) * spread, rng.uniform(-1, 1) * spread, z + 0.3 + k * 0.16 + rng.uniform(-0.4, 0.4)]
        r = rng.uniform(0.5, 0.95)
        joints += [at, at]
        radii.append([r, r])
        colours.append(green * (0.55 + 0.034 * k))
    return joints, radii, colours


_MESH_BUILDERS: dict[str, Callable[[np.random.Generator], Mesh]] = {
    "bin": _bin,
    "mailbox": _mailbox,
    "bench": _bench,
    "planter": _planter,
    "trailer": build_trailer,
}
_BAR_BUILDERS: dict[str, Callable[[np.random.Generator], _BarTable]] = {
    "sign": _sign,
    "hydrant": _hydrant,
    "bush": _bush,
    "bollard": _bollard,
    "cone": _cone,
    "pole": _pole,
    "tree": _tree,
}
