"""Head and tail lamps of vehicles, their cones on the ground and the halo around them: light to add to a picture."""

import cv2
import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import Floats, Image
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import SHIFT, to_fixed
from generators.procedural.limbs import heading_matrix
from generators.procedural.mesh import Mesh
from generators.procedural.staging import Scene

_CONE_COLOUR = (1.0, 0.93, 0.75)
_HEAD_COLOUR, _TAIL_COLOUR = (230.0, 218.0, 180.0), (150.0, 20.0, 14.0)
# Two cones, the shorter and brighter one last: share of the full length, level.
_CONES = ((1.0, 22.0), (0.6, 26.0))


def paint_glow(scene: Scene, frame: int, width: int, height: int) -> Image | None:
    """Light (uint8) to add to a picture of `width` x `height`; None when no lamp is on."""
    if not scene.light.lights_on:
        return None
    small_width, small_height = max(width // 2, 8), max(height // 2, 8)
    camera = scene.view.camera_at(frame, small_width, small_height)
    buffer = np.zeros((small_height, small_width, 3), np.uint8)
    layer = np.zeros_like(buffer)
    drawn = False
    for actor in scene.actors:
        if actor.mesh is not None and _lights_are_on(actor):
            drawn |= _paint_vehicle(buffer, layer, actor, actor.mesh, frame, camera, scene)
    if not drawn:
        return None
    size = max(3, (small_height // 16) | 1)
    halo = cv2.blur(cv2.blur(buffer, (size, size)), (size, size))
    return cv2.resize(cv2.addWeighted(buffer, 0.45, halo, 1.0, 0), (width, height), interpolation=cv2.INTER_LINEAR)


def _lights_are_on(actor: Actor) -> bool:
    """Whatever moves, and some of what is parked."""
    return bool(actor.path.speed.max() >= 0.1 or actor.gait_start >= 6)


def _paint_vehicle(
    buffer: Image, layer: Image, actor: Actor, mesh: Mesh, frame: int, camera: Camera, scene: Scene
) -> bool:
    """Cones and lamps of one vehicle, in place; whether anything was painted."""
    path = actor.path
    turn = heading_matrix(path.heading[frame])
    position = np.array([path.x[frame], path.y[frame], 0.0])
    strength = 1.0 if scene.light.is_night else 0.3
    drawn = False
    if len(mesh.head_lamps):
        for cone, level in _light_cones(actor.length / 2):
            pixels, depth = camera.project(position + cone @ turn.T)
            if depth.min() > NEAR:
                _add_polygon(buffer, layer, pixels, level * strength)
                drawn = True
    facing = float(turn[:2, 0] @ (camera.position[:2] - position[:2])) > actor.length / 2
    lamps = mesh.head_lamps if facing else mesh.tail_lamps
    if len(lamps):
        pixels, depth = camera.project(position + lamps @ turn.T)
        for (x, y), z in zip(pixels, depth, strict=True):
            if z >= 1.0:
                level = strength * np.exp(-z / scene.light.fog_length)
                radius = max(0.16 * camera.focal / z, 0.5) * (1.6 if facing else 1.0)
                _add_lamp(buffer, x, y, radius, level, facing=facing)
                drawn = True
    return drawn


def _light_cones(reach: float) -> list[tuple[Floats, float]]:
    """Ground outlines (5, 3) in a vehicle's frame of the light before its front at x = `reach`, and their levels."""
    cone = np.array([[reach, 0.5, 0], [reach, -0.5, 0], [reach + 8, -2.4, 0], [reach + 9, 0, 0], [reach + 8, 2.4, 0]])
    cones = []
    for share, level in _CONES:
        part = cone.copy()
        part[:, 0] = reach + (cone[:, 0] - reach) * share
        part[:, 1] *= 0.5 + 0.5 * share
        cones.append((part, level))
    return cones


def _add_polygon(buffer: Image, layer: Image, pixels: Floats, level: float) -> None:
    """Add a polygon of light; `layer` is black before and after."""
    fixed = to_fixed(pixels)
    x, y, width, height = cv2.boundingRect(fixed >> SHIFT)
    rows = slice(max(y - 2, 0), max(y + height + 2, 0))
    columns = slice(max(x - 2, 0), max(x + width + 2, 0))
    cv2.fillConvexPoly(layer, fixed, tuple(level * c for c in _CONE_COLOUR), cv2.LINE_8, SHIFT)
    region = buffer[rows, columns]
    if region.size:
        region[:] = cv2.add(region, layer[rows, columns])
        layer[rows, columns] = 0


def _add_lamp(buffer: Image, x: float, y: float, radius: float, level: float, *, facing: bool) -> None:
    """Paint one lamp; `radius` in pixels."""
    colour = tuple(c * level for c in (_HEAD_COLOUR if facing else _TAIL_COLOUR))
    one = 1 << SHIFT
    cv2.circle(buffer, (round(x * one), round(y * one)), round(radius * one), colour, -1, cv2.LINE_8, SHIFT)
