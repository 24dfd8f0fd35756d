"""The background plate: sky, ground, buildings and trees, drawn once per scene with fog and lamp light baked in."""

import cv2
import numpy as np

from generators.procedural.arrays import Image, Plane
from generators.procedural.buildings import draw_buildings
from generators.procedural.camera import Camera
from generators.procedural.conditions import Conditions
from generators.procedural.ground import draw_ground
from generators.procedural.layout import Layout
from generators.procedural.light import Light
from generators.procedural.plate import GroundGrid, Plate, project_ground
from generators.procedural.sky import draw_horizon, draw_sky
from generators.procedural.trees import draw_trees

_WETNESS = 0.26


def draw_backdrop(
    layout: Layout,
    conditions: Conditions,
    light: Light,
    camera: Camera,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> Image:
    """The plate (height, width, 3), uint8 RGB, as `camera` sees it."""
    plate = Plate(camera, width, height)
    grid = project_ground(camera, width, height)
    draw_sky(plate, light, conditions, rng)
    draw_horizon(plate, layout, conditions, rng)
    draw_ground(plate, layout, conditions, grid, rng)
    draw_buildings(plate, layout, light, rng)
    draw_trees(plate, layout, conditions, rng)
    return _apply_light(plate, layout, conditions, light, grid)


def _apply_light(plate: Plate, layout: Layout, conditions: Conditions, light: Light, grid: GroundGrid) -> Image:
    """Daylight, lamps, wet ground and fog over the colours of the surfaces."""
    glow = plate.glow[..., None]
    image = plate.image * (_light_factor(plate, light, grid) * (1 - glow) + glow)
    if conditions.weather == "rain":
        image = _add_wet_reflection(image, layout, grid, plate)
    clear = np.exp(-plate.depth / np.float32(light.fog_length))[..., None]
    hazy = (plate.depth < 9e3)[..., None]
    image = np.where(hazy, image * clear + light.fog.astype(np.float32) * (1 - clear), image)
    return np.clip(image, 0, 255).astype(np.uint8)


def _light_factor(plate: Plate, light: Light, grid: GroundGrid) -> Plane:
    """What the surfaces' colours are multiplied with (H, W, 3)."""
    sky_light = np.clip(light.ambient + light.direct * max(0.35, light.sun[2]) * 0.8, 0, 1.15).astype(np.float32)
    if not len(light.lamps):
        return np.broadcast_to(sky_light, plate.image.shape)
    facade = 0.38 if light.is_night else 0.25
    on_ground = np.abs(plate.depth - np.where(grid.below, grid.share, -1)) < 0.01
    amount = np.where(on_ground, _lamp_pools(light, grid), facade * np.exp(-plate.depth / 40))
    factor: Plane = sky_light + amount[..., None] * light.lamp_colour.astype(np.float32)
    return factor


def _lamp_pools(light: Light, grid: GroundGrid) -> Plane:
    """Light of street lamps on the ground (H, W), reckoned on a quarter of the rows and columns."""
    height, width = grid.share.shape
    small = (max(width // 4, 8), max(height // 4, 8))
    x, y = (
        cv2.resize(np.where(grid.below, axis, 1e3).astype(np.float32), small, interpolation=cv2.INTER_NEAREST)
        for axis in (grid.x, grid.y)
    )
    return cv2.resize(light.lamp_light(x, y).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def _add_wet_reflection(image: Plane, layout: Layout, grid: GroundGrid, plate: Plate) -> Plane:
    """Facades and lights mirrored, smeared downwards, in the wet carriageway."""
    height = image.shape[0]
    wet = grid.below & (np.abs(grid.y) < layout.edge) & (plate.depth < 1e3)
    rows = np.where((~wet).all(axis=1))[0]
    line = int(rows.max()) if len(rows) else height // 2
    mirrored = image[np.clip(2 * line - np.arange(height), 0, height - 1)]
    mirrored = cv2.blur(mirrored, (5, max(3, (height // 12) | 1)))
    wetter: Plane = image + wet[..., None] * np.float32(_WETNESS) * (mirrored - image * 0.5)
    return wetter
