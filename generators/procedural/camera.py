"""A pinhole camera over the ground plane.

World: metres, x along the street, y across it (to the left of x), z up. Picture: pixels of the working canvas, y down.
"""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats

NEAR = 0.35
"""Depth in metres in front of which nothing is drawn."""


@dataclass(frozen=True)
class Camera:
    """Position in metres, rotation as rows (right, down, forward), focal length and centre in canvas pixels."""

    position: Floats
    rotation: Floats
    focal: float
    centre: tuple[float, float]

    def to_camera(self, points: Floats) -> Floats:
        """World points (N, 3) to camera coordinates (right, down, depth)."""
        local: Floats = (points - self.position) @ self.rotation.T
        return local

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points (N, 3) to pixels (N, 2) and depths (N,); depths below `NEAR` are clamped for the division."""
        return self.project_local(self.to_camera(points))

    def project_local(self, points: Floats) -> tuple[Floats, Floats]:
        """Camera coordinates (N, 3) to pixels (N, 2) and depths (N,)."""
        depth = points[:, 2]
        pixels = points[:, :2] * (self.focal / np.maximum(depth, NEAR))[:, None]
        pixels += self.centre
        return pixels, depth

    def intrinsics(self) -> Floats:
        """The 3 x 3 matrix K."""
        return np.array([[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1.0]])


def rotation_from_angles(yaw: float, pitch: float, roll: float = 0.0) -> Floats:
    """Rows (right, down, forward) of a camera that looks along `yaw`, down by `pitch`, rolled by `roll` (radians)."""
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([cos * right + sin * down, cos * down - sin * right, forward])


def clip_to_near(polygon: Floats, near: float = NEAR) -> Floats:
    """Cut a polygon (N, 3) in camera coordinates at the near plane; fewer than 3 rows: nothing is left."""
    depth = polygon[:, 2]
    if (depth >= near).all():
        return polygon
    kept: list[Floats] = []
    for here, there in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if here[2] >= near:
            kept.append(here)
        if (here[2] >= near) != (there[2] >= near):
            share = (near - here[2]) / (there[2] - here[2])
            kept.append(here + share * (there - here))
    return np.array(kept) if len(kept) >= 3 else np.empty((0, 3))
