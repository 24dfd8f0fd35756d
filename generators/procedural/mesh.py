"""Small solids with flat faces: built once, drawn from any side by back-face culling and depth order of their parts."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Flags, Floats, Indexes
from generators.procedural.camera import NEAR, Camera, clip_to_near
from generators.procedural.canvas import CONCAVE, CONVEX, Sprite, to_colours, to_fixed
from generators.procedural.light import Light
from generators.procedural.limbs import heading_matrix

NO_LAMP, HEAD_LAMP, TAIL_LAMP, GLOWING_WINDOW = range(4)
NO_LAMPS = np.empty((0, 3))
"""Lamp positions of a thing without lamps."""

_SMALL_PX = 26
"""Height on the canvas below which tail lamps drawn on another face are left out."""


@dataclass(frozen=True)
class Wheel:
    """A wheel's vertices turn about `hub` (x, z in the mesh's frame) with the distance driven."""

    vertices: slice
    hub: tuple[float, float]
    radius: float


@dataclass(frozen=True)
class Mesh:
    """N faces of a solid in its own frame: metres, x forward, y left, z up, origin on the ground below the middle.

    A detail face (`parent` >= 0) is drawn after the face it lies on, and only with it; `owner` is that face, or the
    face itself. `faces` are spans of `vertices`; `lamp` marks lit faces: NO_LAMP, HEAD_LAMP, TAIL_LAMP, or a
    GLOWING_WINDOW at night.
    """

    vertices: Floats
    faces: tuple[slice, ...]
    colours: Floats
    normals: Floats
    anchors: Floats
    part: Indexes
    part_centres: Floats
    part_first: Flags
    parent: Indexes
    owner: Indexes
    styles: tuple[int, ...]
    outline: tuple[bool, ...]
    lamp: Indexes
    fine_detail: Flags
    wheels: tuple[Wheel, ...]
    length: float
    width: float
    height: float
    head_lamps: Floats
    tail_lamps: Floats


class MeshBuilder:
    """Collects faces; `part` groups the faces of one convex-like block."""

    def __init__(self) -> None:
        self._vertices: list[Floats] = []
        self._count = 0
        self._faces: list[slice] = []
        self._colours: list[Floats] = []
        self._normals: list[Floats] = []
        self._anchors: list[Floats] = []
        self._part: list[int] = []
        self._parent: list[int] = []
        self._styles: list[int] = []
        self._outline: list[bool] = []
        self._lamp: list[int] = []
        self._wheels: list[Wheel] = []
        self._part_centres: list[Floats] = []
        self._part_first: list[bool] = []

    def start_part(self, centre: tuple[float, float, float], *, below: bool = False) -> None:
        """Begin a block whose faces all look away from `centre`; `below`: drawn first, like axles under a body."""
        self._part_centres.append(np.array(centre))
        self._part_first.append(below)

    def add_face(
        self,
        points: Floats,
        colour: Floats,
        *,
        on: int = -1,
        concave: bool = False,
        outline: bool | None = None,
        lamp: int = NO_LAMP,
        normal: Floats | None = None,
    ) -> int:
        """Add a polygon (N, 3); `on` is the face it is a detail of. Returns the face's index."""
        points = np.asarray(points, float)
        middle = points.mean(axis=0)
        if normal is None:
            normal = _polygon_normal(points)
            if normal @ (middle - self._part_centres[-1]) < 0:
                normal = -normal
        self._faces.append(slice(self._count, self._count + len(points)))
        self._vertices.append(points)
        self._count += len(points)
        self._colours.append(np.asarray(colour, float))
        self._normals.append(normal)
        self._anchors.append(middle)
        self._part.append(len(self._part_centres) - 1)
        self._parent.append(on)
        self._styles.append(CONCAVE if concave else CONVEX)
        self._outline.append(on < 0 if outline is None else outline)
        self._lamp.append(lamp)
        return len(self._faces) - 1

    def add_box(
        self, low: tuple[float, float, float], high: tuple[float, float, float], colour: Floats, *, below: bool = False
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

    def add_wheel(self, x: float, side: float, radius: float, on: int, rim: Floats, arch: Floats | None) -> None:
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

    def build(self, length: float, width: float, height: float, head_lamps: Floats, tail_lamps: Floats) -> Mesh:
        """The finished mesh."""
        parent, lamp = np.array(self._parent), np.array(self._lamp)
        return Mesh(
            vertices=np.concatenate(self._vertices),
            faces=tuple(self._faces),
            colours=np.array(self._colours),
            normals=np.array(self._normals),
            anchors=np.array(self._anchors),
            part=np.array(self._part),
            part_centres=np.array(self._part_centres),
            part_first=np.array(self._part_first),
            parent=parent,
            owner=np.where(parent >= 0, parent, np.arange(len(parent))),
            styles=tuple(self._styles),
            outline=tuple(self._outline),
            lamp=lamp,
            fine_detail=(parent >= 0) & ~np.array(self._outline) & (lamp == TAIL_LAMP),
            wheels=tuple(self._wheels),
            length=length,
            width=width,
            height=height,
            head_lamps=head_lamps,
            tail_lamps=tail_lamps,
        )


def draw_mesh(
    mesh: Mesh, position: Floats, heading: float, driven: float, camera: Camera, light: Light, *, braking: bool = False
) -> Sprite:
    """The mesh as seen by the camera.

    `position` (3,) in metres, `heading` in radians, `driven`: the metres that turned its wheels.
    """
    turn = heading_matrix(heading)
    eye = turn.T @ (camera.position - position)
    visible = _visible_faces(mesh, eye)
    sprite = Sprite()
    if not visible.any():
        return sprite
    distance = float(np.linalg.norm(eye))
    if mesh.height * camera.focal / max(distance, 1.0) < _SMALL_PX:
        visible &= ~mesh.fine_detail
    vertices = _turn_wheels(mesh, driven)
    in_camera = vertices @ (camera.rotation @ turn).T + camera.rotation @ (position - camera.position)
    pixels, depths = camera.project_local(in_camera)
    fixed = to_fixed(pixels)
    crosses = bool((depths < NEAR).any())
    colours = light.shade(mesh.colours, mesh.normals @ turn.T, position, distance)
    _light_lamps(colours, mesh, lights_on=light.lights_on, braking=braking)
    palette = to_colours(colours)
    order = _painters_order(mesh, eye)
    for face in order[visible[order]].tolist():
        shape = fixed[mesh.faces[face]]
        if crosses:
            cut = clip_to_near(in_camera[mesh.faces[face]])
            if len(cut) < 3:
                continue
            shape = to_fixed(camera.project_local(cut)[0])
        sprite.add(shape, palette[face], mesh.styles[face], outline=mesh.outline[face])
    return sprite


def _polygon_normal(points: Floats) -> Floats:
    """The unit normal (3,) of a polygon (N, 3): the sum of the cross products of neighbours."""
    (x, y, z), (nx, ny, nz) = points.T, np.concatenate([points[1:], points[:1]]).T
    crossed = np.empty_like(points)
    crossed[:, 0] = y * nz - z * ny
    crossed[:, 1] = z * nx - x * nz
    crossed[:, 2] = x * ny - y * nx
    normal: Floats = crossed.sum(axis=0)
    unit: Floats = normal / max(float(np.linalg.norm(normal)), 1e-9)
    return unit


def _visible_faces(mesh: Mesh, eye: Floats) -> Flags:
    """Faces that look towards `eye` (3,) in the mesh's frame, details only with the face they lie on."""
    visible: Flags = ((eye - mesh.anchors) * mesh.normals).sum(axis=1) > 0.0
    with_owner: Flags = visible & visible[mesh.owner]
    return with_owner


def _painters_order(mesh: Mesh, eye: Floats) -> Indexes:
    """Far parts first; in a part far faces first; details right after the face they lie on."""
    part_distance = (((mesh.part_centres - eye) ** 2).sum(axis=1) + 1e6 * mesh.part_first)[mesh.part]
    face_distance = ((mesh.anchors - eye) ** 2).sum(axis=1)
    return np.lexsort((np.arange(len(mesh.owner)), mesh.owner, -face_distance[mesh.owner], -part_distance))


def _light_lamps(colours: Floats, mesh: Mesh, *, lights_on: bool, braking: bool) -> None:
    """Set the colours of lamps and windows that shine, in place."""
    if lights_on:
        colours[mesh.lamp == HEAD_LAMP] = (255, 246, 214)
        windows = mesh.lamp == GLOWING_WINDOW
        colours[windows] = np.maximum(colours[windows], (150, 140, 100))
        colours[mesh.lamp == TAIL_LAMP] = (225, 30, 24)
    if braking:
        colours[mesh.lamp == TAIL_LAMP] = (255, 58, 40)


def _turn_wheels(mesh: Mesh, driven: float) -> Floats:
    """The vertices (V, 3) after `driven` metres."""
    vertices = mesh.vertices.copy()
    for wheel in mesh.wheels:
        angle = driven / wheel.radius
        cos, sin = np.cos(angle), np.sin(angle)
        x = vertices[wheel.vertices, 0] - wheel.hub[0]
        z = vertices[wheel.vertices, 2] - wheel.hub[1]
        vertices[wheel.vertices, 0] = wheel.hub[0] + cos * x + sin * z
        vertices[wheel.vertices, 2] = wheel.hub[1] - sin * x + cos * z
    return vertices
