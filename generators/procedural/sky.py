"""What lies behind everything: the sky with clouds or stars, and hills, trees or a skyline at its foot."""

import cv2
import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.conditions import Conditions
from generators.procedural.layout import Layout
from generators.procedural.light import Light
from generators.procedural.plate import Plate

_HORIZON_DISTANCE = 160.0
_HORIZON_PIECES = 90
# Rows of noise and their weight, from large clouds to small ones.
_CLOUD_OCTAVES = ((8, 0.6), (17, 0.35), (38, 0.25), (80, 0.12))
_STARS = 30


def draw_sky(plate: Plate, light: Light, conditions: Conditions, rng: np.random.Generator) -> None:
    """Fill the whole plate."""
    height = plate.depth.shape[0]
    camera = plate.camera
    tilt = np.arcsin(np.clip(-camera.rotation[2, 2], -1, 1))
    horizon = camera.centre[1] - camera.focal * np.tan(tilt)
    share = np.clip((np.arange(height) / max(horizon, 1.0)), 0, 1)[:, None] ** 1.5
    sky = light.sky_top * (1 - share) + light.sky_low * share
    plate.image[:] = sky[:, None, :]
    if conditions.weather == "clear":
        if light.is_night:
            _add_stars(plate, rng)
        else:
            _add_clouds(plate, light, rng)
    plate.glow[:] = 1.0


def draw_horizon(plate: Plate, layout: Layout, conditions: Conditions, rng: np.random.Generator) -> None:
    """Hills, a tree line or a skyline, all around."""
    town = layout.place in ("city street", "square", "parking lot")
    angles = np.linspace(0, 2 * np.pi, _HORIZON_PIECES + 1)
    smooth = np.interp(np.arange(_HORIZON_PIECES + 1), np.linspace(0, _HORIZON_PIECES, 24), rng.random(24))
    for k in range(_HORIZON_PIECES):
        height = (8 + 22 * rng.random()) if town else 5 + 12 * smooth[k] + 2 * rng.random()
        if layout.place == "country road" and smooth[k] < 0.4:
            height *= 0.4
        colour: Floats
        if town:
            colour = np.array([132.0, 134, 142]) * rng.uniform(0.8, 1.1)
        else:
            colour = np.array([70.0, 94, 62]) * rng.uniform(0.85, 1.1)
            if conditions.weather == "snow":
                colour = colour * 0.6 + 70
        (ax, ay), (bx, by) = (
            plate.camera.position[:2] + _HORIZON_DISTANCE * np.array([np.cos(angle), np.sin(angle)])
            for angle in (angles[k] - 0.01, angles[k + 1] + 0.01)
        )
        far_height = height * rng.uniform(0.9, 1.1)
        plate.polygon(np.array([[ax, ay, 0.0], [bx, by, 0.0], [bx, by, height], [ax, ay, far_height]]), colour)


def _add_clouds(plate: Plate, light: Light, rng: np.random.Generator) -> None:
    height, width = plate.depth.shape
    clouds = np.zeros((height, width), np.float32)
    for rows, weight in _CLOUD_OCTAVES:
        noise = rng.random((rows, rows), dtype=np.float32)
        clouds += weight * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    amount = np.clip((clouds - rng.uniform(0.55, 0.85)) * 2.2, 0, 0.8)[..., None]
    plate.image += amount * (np.minimum(light.sky_low * 1.12, 255).astype(np.float32) - plate.image)


def _add_stars(plate: Plate, rng: np.random.Generator) -> None:
    height, width = plate.depth.shape
    for _ in range(_STARS):
        x, y = int(rng.integers(width)), int(rng.integers(max(1, int(height * 0.5))))
        plate.image[y : y + 2, x : x + 2] += rng.uniform(20, 90)
