"""Shadows on the ground: under everything that stands there, and away from the sun."""

from collections.abc import Sequence

import cv2
import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import FixedPoints, Floats, Image
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import SHIFT, to_fixed
from generators.procedural.depth_order import footprint_corners
from generators.procedural.light import Light
from generators.procedural.props import Prop

_LEAST_DIRECT = 0.2
_SOFT_STRENGTH = 0.42
_PROP_HEIGHT = 0.9


def paint_shadows(
    canvas: Image, actors: Sequence[Actor], props: Sequence[Prop], frame: int, camera: Camera, light: Light
) -> None:
    """Darken the ground (in place) below and beside all actors and props."""
    casts = bool(light.direct.max() > _LEAST_DIRECT)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    for hull in _shadow_hulls(actors, props, frame, camera, light, casts=casts):
        cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_8, SHIFT)
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return
    window = slice(y, y + height), slice(x, x + width)
    soft = cv2.blur(mask[window], (3, 3) if casts else (9, 5))
    strength = light.shadow if casts else _SOFT_STRENGTH
    # 256 shades at most: one look-up instead of arithmetic on every pixel.
    shades = np.rint(255 - np.arange(256, dtype=np.float32) * strength).astype(np.uint8)
    canvas[window] = cv2.multiply(canvas[window], cv2.merge([cv2.LUT(soft, shades)] * 3), scale=1 / 255)


def _shadow_hulls(
    actors: Sequence[Actor], props: Sequence[Prop], frame: int, camera: Camera, light: Light, *, casts: bool
) -> list[FixedPoints]:
    """Convex polygons on the canvas: every footprint and, where the sun `casts`, its shadow."""
    standing = [actor for actor in actors if actor.rides is None]
    things: list[Actor | Prop] = [*standing, *props]
    if not things:
        return []
    paths = [actor.path for actor in standing]
    x = np.array([path.x[frame] for path in paths] + [prop.position[0] for prop in props])
    y = np.array([path.y[frame] for path in paths] + [prop.position[1] for prop in props])
    heading = np.array([path.heading[frame] for path in paths] + [prop.heading for prop in props])
    slim = np.array([1.0 if thing.mesh is not None else 0.55 for thing in things])
    length = np.array([thing.length for thing in things])
    corners = footprint_corners(x, y, heading, length, np.array([thing.width for thing in things]) * slim)
    outlines = [corners]
    if casts:
        tall = np.array([actor.height * 0.92 for actor in standing] + [_PROP_HEIGHT] * len(props))
        slope = -light.sun[:2] / max(light.sun[2], 0.25)
        middle = np.stack([x, y], axis=1)[:, None]
        taper = np.where(slim == 1.0, 0.8, 0.55)[:, None, None]
        tips = (corners - middle) * taper + middle + slope * tall[:, None, None]
        outlines.append(np.concatenate([corners, tips], axis=1))
    return [hull for outline in outlines for hull in _project_hulls(outline, camera)]


def _project_hulls(outlines: Floats, camera: Camera) -> list[FixedPoints]:
    """Hulls of ground outlines (N, K, 2) on the canvas, without those that come too close to the camera."""
    ground = np.concatenate([outlines, np.zeros((*outlines.shape[:2], 1))], axis=2)
    local = np.matmul(ground - camera.position, camera.rotation.T)
    pixels, depths = camera.project_local(local.reshape(-1, 3))
    fixed = to_fixed(pixels).reshape(*outlines.shape)
    far_enough = depths.reshape(outlines.shape[:2]).min(axis=1) >= NEAR
    return [cv2.convexHull(points)[:, 0] for points in fixed[far_enough]]
