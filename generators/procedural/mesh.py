"""Small solids with flat faces: built once, drawn from any side by back-face culling and depth order of their parts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generators.procedural.camera import NEAR, Camera, clip_to_near
from generators.procedural.canvas import CONCAVE, CONVEX, Sprite, to_fixed
from generators.procedural.light import Light

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Wheel:
    """A wheel's vertices turn about `hub` (x, z in the mesh's frame) with the distance driven."""

    vertices: slice
    hub: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Mesh:
    """Faces of a solid in its own frame: metres, x forward, y left, z up, origin on the ground below the middle.

    A detail face (`parent` >= 0) is drawn after the face it lies on, and only with it. `lamp` marks lit faces: 0 none, 1 head
    lamp, 2 tail lamp, 3 window that glows at night.
    """

    vertices: Array
    faces: tuple[NDArray[np.int64], ...]
    colours: Array
    normals: Array
    anchors: Array
    part: NDArray[np.int64]
    part_centres: Array
    part_first: NDArray[np.bool_]
    parent: NDArray[np.int64]
    concave: NDArray[np.bool_]
    outline: NDArray[np.bool_]
    lamp: NDArray[np.int64]
    wheels: tuple[Wheel, ...]
    length: float
    width: float
    height: float
    head_lamps: Array
    tail_lamps: Array


class MeshBuilder:
    """Collects faces; `part` groups the faces of one convex-like block."""

    def __init__(self) -> None:
        self._vertices: list[Array] = []
        self._count = 0
        self._faces: list[NDArray[np.int64]] = []
        self._colours: list[Array] = []
        self._normals: list[Array] = []
        self._anchors: list[Array] = []
        self._part: list[int] = []
        self._parent: list[int] = []
        self._flags: list[tuple[bool, bool, int]] = []
        self._wheels: list[Wheel] = []
        self._part_centres: list[Array] = []
        self._part_first: list[bool] = []

    def start_part(self, centre: tuple[float, float, float], *, below: bool = False) -> None:
        """Begin a block whose faces all look away from `centre`; `below`: drawn before all others, like axles under a body."""
        self._part_centres.append(np.array(centre))
        self._part_first.append(below)

    def add_face(
        self,
        points: Array,
        colour: Array,
        *,
        on: int = -1,
        concave: bool = False,
        outline: bool | None = None,
        lamp: int = 0,
        normal: Array | None = None,
    ) -> int:
        """Add a polygon (N, 3); `on` is the face it is a detail of. Returns the face's index."""
        points = np.asarray(points, float)
        if normal is None:
            following = np.roll(points, -1, axis=0)
            normal = np.cross(points, following).sum(axis=0)
            normal = normal / max(float(np.linalg.norm(normal)), 1e-9)
            if normal @ (points.mean(axis=0) - self._part_centres[-1]) < 0:
                normal = -normal
        self._faces.append(np.arange(self._count, self._count + len(points)))
        self._vertices.append(points)
        self._count += len(points)
        self._colours.append(np.asarray(colour, float))
        self._normals.append(normal)
        self._anchors.append(points.mean(axis=0))
        self._part.append(len(self._part_centres) - 1)
        self._parent.append(on)
        self._flags.append((concave, on < 0 if outline is None else outline, lamp))
        return len(self._faces) - 1

    def add_box(
        self, low: tuple[float, float, float], high: tuple[float, float, float], colour: Array, *, below: bool = False
    ) -> dict[str, int]:
        """A block between two corners; returns the faces by side: front, rear, left, right, top."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        self.start_part(((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2), below=below)
        return {
            "rear": self.add_face(np.array([[x0, y0, z0], [x0, y1, z0], [x0, y1, z1], [x0, y0, z1]]), colour),
            "front": self.add_face(np.array([[x1, y0, z0], [x1, y1, z0], [x1, y1, z1], [x1, y0, z1]]), colour),
            "right": self.add_face(np.array([[x0, y0, z0], [x1, y0, z0], [x1, y0, z1], [x0, y0, z1]]), colour),
            "left": self.add_face(np.array([[x0, y1, z0], [x1, y1, z0], [x1, y1, z1], [x0, y1, z1]]), colour),
            "top": self.add_face(np.array([[x0, y0, z1], [x1, y0, z1], [x1, y1, z1], [x0, y1, z1]]), colour),
        }

    def add_wheel(self, x: float, side: float, radius: float, on: int, rim: Array, arch: Array | None) -> None:
        """A wheel at `x` whose outer face lies at y = `side`, drawn as a detail of face `on`."""
        facing = np.array([0.0, np.sign(side), 0.0])
        angles = np.linspace(0, 2 * np.pi, 15)[:-1]
        circle = np.stack([np.cos(angles), np.zeros(14), np.sin(angles)], axis=1)
        hub = np.array([x, side, radius])
        if arch is not None:
            self.add_face(hub + circle * radius * 1.2, arch, on=on, normal=facing, outline=False)
        self.add_face(hub + circle * radius, np.array([24, 24, 26.0]), on=on, normal=facing, outline=True)
        first = self._count
        self.add_face(hub + circle[::2] * radius * 0.62, rim, on=on, normal=facing)
        spoke = np.array([[-0.6, 0, -0.1], [0.6, 0, -0.1], [0.6, 0, 0.1], [-0.6, 0, 0.1]]) * radius
        self.add_face(hub + spoke, rim * 0.45, on=on, normal=facing)
        self.add_face(hub + spoke[:, [2, 1, 0]], rim * 0.45, on=on, normal=facing)
        self._wheels.append(Wheel(slice(first, self._count), (x, radius), radius))

    def build(self, length: float, width: float, height: float, head_lamps: Array, tail_lamps: Array) -> Mesh:
        """The finished mesh."""
        flags = np.array(self._flags)
        return Mesh(
            vertices=np.concatenate(self._vertices),
            faces=tuple(self._faces),
            colours=np.array(self._colours),
            normals=np.array(self._normals),
            anchors=np.array(self._anchors),
            part=np.array(self._part),
            part_centres=np.array(self._part_centres),
            part_first=np.array(self._part_first),
            parent=np.array(self._parent),
            concave=flags[:, 0].astype(bool),
            outline=flags[:, 1].astype(bool),
            lamp=flags[:, 2].astype(np.int64),
            wheels=tuple(self._wheels),
            length=length,
            width=width,
            height=height,
            head_lamps=head_lamps,
            tail_lamps=tail_lamps,
        )


def draw_mesh(
    mesh: Mesh, position: Array, heading: float, driven: float, camera: Camera, light: Light, *, braking: bool = False
) -> Sprite:
    """The mesh as seen by the camera; `position` (3,) metres, `heading` radians, `driven` metres that turned its wheels."""
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    eye = turn.T @ (camera.position - position)
    visible = ((eye - mesh.anchors) * mesh.normals).sum(axis=1) > 0.0
    has_parent = mesh.parent >= 0
    visible[has_parent] &= visible[mesh.parent[has_parent]]
    if not visible.any():
        return Sprite()

    vertices = _turn_wheels(mesh, driven)
    in_camera = vertices @ (camera.rotation @ turn).T + camera.rotation @ (position - camera.position)
    pixels, depths = camera.project_local(in_camera)
    fixed = to_fixed(pixels)
    crosses = bool((depths < NEAR).any())

    # Far parts first; in a part far faces first; details right after the face they lie on.
    part_distance = (((mesh.part_centres - eye) ** 2).sum(axis=1) + 1e6 * mesh.part_first)[mesh.part]
    face_distance = ((mesh.anchors - eye) ** 2).sum(axis=1)
    owner = np.where(has_parent, mesh.parent, np.arange(len(mesh.parent)))
    order = np.lexsort((np.arange(len(owner)), owner, -face_distance[owner], -part_distance))

    colours = light.shade(mesh.colours, mesh.normals @ turn.T, position, float(np.linalg.norm(eye)))
    if light.lights_on:
        colours[mesh.lamp == 1] = (255, 246, 214)
        colours[mesh.lamp == 3] = np.maximum(colours[mesh.lamp == 3], (150, 140, 100))
        colours[mesh.lamp == 2] = (225, 30, 24)
    if braking:
        colours[mesh.lamp == 2] = (255, 58, 40)
    palette = colours.tolist()

    small = mesh.height * camera.focal / max(float(np.linalg.norm(eye)), 1.0) < 26
    sprite = Sprite()
    for face in order[visible[order]].tolist():
        if small and has_parent[face] and not mesh.outline[face] and mesh.lamp[face] == 2:
            continue
        shape = fixed[mesh.faces[face]]
        if crosses:
            cut = clip_to_near(in_camera[mesh.faces[face]])
            if len(cut) < 3:
                continue
            shape = to_fixed(camera.project_local(cut)[0])
        sprite.add(shape, tuple(palette[face]), CONCAVE if mesh.concave[face] else CONVEX, bool(mesh.outline[face]))
    return sprite


def _turn_wheels(mesh: Mesh, driven: float) -> Array:
    vertices = mesh.vertices.copy()
    for wheel in mesh.wheels:
        angle = driven / wheel.radius
        cos, sin = np.cos(angle), np.sin(angle)
        x = vertices[wheel.vertices, 0] - wheel.hub[0]
        z = vertices[wheel.vertices, 2] - wheel.hub[1]
        vertices[wheel.vertices, 0] = wheel.hub[0] + cos * x + sin * z
        vertices[wheel.vertices, 2] = wheel.hub[1] - sin * x + cos * z
    return vertices
