"""The canvas of the background: a picture with the depth of every pixel and how much it glows by itself."""

from dataclasses import dataclass

import cv2
import numpy as np

from generators.procedural.arrays import Flags, Floats, Plane
from generators.procedural.camera import Camera, clip_to_near
from generators.procedural.canvas import SHIFT, to_fixed

SKY_DEPTH = 1e4


class Plate:
    """`image` (float32, 0..255), `depth` in metres and `glow` 0..1, all of one size."""

    def __init__(self, camera: Camera, width: int, height: int) -> None:
        self.camera = camera
        self.image = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), SKY_DEPTH, np.float32)
        self.glow = np.zeros((height, width), np.float32)

    def polygon(self, points: Floats, colour: Floats, glow: float = 0.0) -> None:
        """Fill a convex polygon (N, 3) of the world; all of it gets its mean depth."""
        local = clip_to_near(self.camera.to_camera(np.asarray(points, float)))
        if len(local) < 3:
            return
        fixed = to_fixed(self.camera.project_local(local)[0])
        height, width = self.depth.shape
        low, high = fixed.min(axis=0) >> SHIFT, fixed.max(axis=0) >> SHIFT
        if high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height:
            return
        depth = float(np.linalg.norm(local, axis=1).mean())
        cv2.fillConvexPoly(self.image, fixed, colour.tolist(), cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(self.depth, fixed, depth, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
        cv2.fillConvexPoly(self.glow, fixed, glow, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]

    def blob(self, centre: Floats, radius: float, colour: Floats) -> None:
        """Fill a ball of `radius` metres about a point (3,) of the world."""
        local = self.camera.to_camera(centre[None])
        if local[0, 2] < 1.0:
            return
        x, y = to_fixed(self.camera.project_local(local)[0])[0].tolist()
        r = round(radius * self.camera.focal / local[0, 2] * (1 << SHIFT))
        cv2.circle(self.image, (x, y), r, colour.tolist(), -1, cv2.LINE_8, SHIFT)
        cv2.circle(self.depth, (x, y), r, float(local[0, 2]), -1, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]
        cv2.circle(self.glow, (x, y), r, 0.0, -1, cv2.LINE_8, SHIFT)  # type: ignore[call-overload]


@dataclass(frozen=True)
class GroundGrid:
    """The ground point at every pixel, float32 (H, W): world `x`, `y` and distance in metres, inf above the horizon."""

    x: Plane
    y: Plane
    share: Plane

    @property
    def below(self) -> Flags:
        """Where there is ground (H, W)."""
        below: Flags = np.isfinite(self.share)
        return below


def project_ground(camera: Camera, width: int, height: int) -> GroundGrid:
    """The ground as a canvas of `width` x `height` sees it."""
    u = ((np.arange(width) - camera.centre[0]) / camera.focal).astype(np.float32)
    v = ((np.arange(height) - camera.centre[1]) / camera.focal).astype(np.float32)
    r = camera.rotation.astype(np.float32)
    dz = u[None, :] * r[0, 2] + v[:, None] * r[1, 2] + r[2, 2]
    with np.errstate(divide="ignore"):
        share = np.where(dz < -1e-4, -np.float32(camera.position[2]) / dz, np.float32(np.inf))
    inside = np.minimum(share, 1e3)
    x = np.float32(camera.position[0]) + inside * (u[None, :] * r[0, 0] + v[:, None] * r[1, 0] + r[2, 0])
    y = np.float32(camera.position[1]) + inside * (u[None, :] * r[0, 1] + v[:, None] * r[1, 1] + r[2, 1])
    return GroundGrid(x, y, share)
