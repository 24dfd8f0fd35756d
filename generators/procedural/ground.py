"""The ground: road, pavement and what lies beyond, with texture, joints, lane marks and the tracks of wheels."""

from dataclasses import dataclass

import cv2
import numpy as np

from generators.procedural.arrays import Floats, Plane
from generators.procedural.conditions import Conditions
from generators.procedural.layout import Layout
from generators.procedural.plate import SKY_DEPTH, GroundGrid, Plate

_JOINTED = ("city street", "square", "residential street")
_LANE_MARKED = ("city street", "residential street", "country road")
_PAINT = np.array([222.0, 220, 212], np.float32)
_SNOW = np.array([226.0, 230, 236])


@dataclass(frozen=True)
class _Ground:
    """The part of the plate at and below the horizon, (R, W) each: world x and y, |y| and distance in metres."""

    x: Plane
    y: Plane
    across: Plane
    distance: Plane


def draw_ground(
    plate: Plate, layout: Layout, conditions: Conditions, grid: GroundGrid, rng: np.random.Generator
) -> None:
    """Paint the ground over the sky below the horizon."""
    rows = np.flatnonzero(grid.below.any(axis=1))
    # Rows above the horizon are left out; the draws from `rng` are the same without them.
    window = slice(int(rows[0]) if len(rows) else len(grid.share), None)
    below = grid.below[window]
    distance = np.where(below, grid.share[window], SKY_DEPTH)
    ground = _Ground(grid.x[window], grid.y[window], np.abs(grid.y[window]), distance)

    colour = _draw_surfaces(ground, layout, conditions, rng)
    colour *= _draw_texture(ground, rng)[..., None]
    colour *= _draw_paving(ground, layout, rng)[..., None]
    lines = _draw_lines(ground, layout, rng) * (0.25 if conditions.weather == "snow" else 0.85)
    colour += lines[..., None] * (_PAINT - colour)
    if layout.place in ("city street", "residential street"):
        _shade_kerb(colour, ground, layout, below)
    if conditions.weather in ("rain", "snow") and layout.place != "square":
        _darken_ruts(colour, ground, layout, below)

    plate.image[window][below] = np.clip(colour, 0, 255)[below]
    plate.depth[window][below] = distance[below]
    plate.glow[window][below] = 0.0


def _draw_surfaces(ground: _Ground, layout: Layout, conditions: Conditions, rng: np.random.Generator) -> Plane:
    """Plain colours (R, W, 3) of road, pavement, side road and what lies beyond."""
    surfaces = np.array(_draw_palette(layout, conditions, rng)).astype(np.float32)
    zone = np.where(ground.across < layout.road, 0, np.where(ground.across < layout.edge, 1, 2))
    if layout.junction is not None:
        zone[(np.abs(ground.x - layout.junction) < 3.4) & (ground.across >= layout.road)] = 0
    colour: Plane = surfaces[zone]
    return colour


def _draw_palette(layout: Layout, conditions: Conditions, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Colours (3,) of the road, the pavement and what lies beyond."""
    place = layout.place
    tint = rng.uniform(-6, 6, 3)
    asphalt = np.full(3, rng.uniform(72, 118)) + tint * 0.6
    paving = np.full(3, rng.uniform(130, 176)) + tint
    grass = np.array([84.0, 112, 56]) * rng.uniform(0.75, 1.2) + tint
    earth = np.array([150.0, 134, 104]) * rng.uniform(0.8, 1.1)
    path = earth if rng.random() < 0.5 else asphalt * 1.2
    road = {"park": path, "square": paving}.get(place, asphalt)
    pavement = paving * (0.92 if place == "square" else 1.0)
    walk = {"park": grass, "country road": grass * 0.6 + earth * 0.4}.get(place, pavement)
    if place in ("city street", "square"):
        beyond = paving
    else:
        beyond = asphalt if place == "parking lot" and rng.random() < 0.5 else grass
    if conditions.weather == "rain":
        return road * 0.66, walk * 0.75, beyond
    if conditions.weather == "snow":
        cover = rng.uniform(0.35, 0.95)
        road = road * (1 - 0.55 * cover) + _SNOW * 0.55 * cover
        walk = walk * (1 - 0.85 * cover) + _SNOW * 0.85 * cover
        beyond = beyond * (1 - cover) + _SNOW * cover
    return road, walk, beyond


def _draw_texture(ground: _Ground, rng: np.random.Generator) -> Plane:
    """A factor (R, W): fine grain near by, coarse patches farther on."""
    fade = np.clip(14.0 / np.maximum(ground.distance, 0.1), 0, 1).astype(np.float32)
    tile = _draw_tile(rng, 256, (2, 6, 24), (0.4, 0.35, 0.55))
    fine, coarse = (
        cv2.remap(
            tile, (ground.x * metre) % 255, (ground.y * metre) % 255, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        for metre in (20, 2.3)
    )
    factor: Plane = 1.0 + 0.2 * fine * fade + 0.16 * coarse * np.sqrt(fade)
    return factor


def _draw_tile(rng: np.random.Generator, size: int, cells: tuple[int, ...], weights: tuple[float, ...]) -> Plane:
    """Noise (size, size) of several cell sizes."""
    tile = np.zeros((size, size), np.float32)
    for cell, weight in zip(cells, weights, strict=True):
        noise = rng.standard_normal((max(size // cell, 2), max(size // cell, 2)), dtype=np.float32)
        tile += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)
    return tile


def _draw_paving(ground: _Ground, layout: Layout, rng: np.random.Generator) -> Plane:
    """A factor (R, W): joints between slabs, the chequers of a square, patches in the road."""
    x, y, across = ground.x, ground.y, ground.across
    shade = np.ones_like(x)
    size = rng.uniform(0.5, 1.2)
    if layout.place in _JOINTED:
        paved = (across > layout.road) & (across < layout.edge)
        if layout.place == "square":
            paved = across < layout.front + 5
        fade = np.clip(12.0 / np.maximum(ground.distance, 0.1), 0, 1)
        joint = ((x % size) < 0.05) | ((y % size) < 0.05)
        shade = np.where(joint & paved, 1 - 0.16 * fade, shade)
    if layout.place == "square":
        chequer = ((np.floor(x / (size * 3)) + np.floor(y / (size * 3))) % 2) * 0.08
        shade = shade * (1 - chequer)
    if layout.place == "city street":
        for _ in range(int(rng.integers(0, 4))):
            at_x, at_y = rng.uniform(-12, 12), rng.uniform(-layout.road, layout.road)
            half_length, half_width = rng.uniform(0.3, 2.0), rng.uniform(0.3, 1.2)
            patch = (np.abs(x - at_x) < half_length) & (np.abs(y - at_y) < half_width) & (across < layout.road)
            shade = np.where(patch, shade * rng.uniform(0.75, 1.12), shade)
    return shade


def _draw_lines(ground: _Ground, layout: Layout, rng: np.random.Generator) -> Plane:
    """Share of white paint (R, W), 0..1."""
    lines = np.zeros_like(ground.x)
    dash, wide = rng.uniform(3, 6), rng.uniform(0.1, 0.16)
    if layout.place in _LANE_MARKED:
        lines = _draw_lane_marks(lines, ground, layout, dash, wide, rng)
    elif layout.place == "parking lot":
        across = ground.across
        bays = (np.abs(ground.x % 2.6) < 0.11) & (across > layout.road - 4.6)
        lines = np.where(bays & (across < layout.road + 0.1), 1.0, lines)
        lines = np.where((np.abs(across - layout.road + 4.6) < 0.06), 1.0, lines)
    share: Plane = (lines * np.clip(30.0 / np.maximum(ground.distance, 0.1), 0, 1)).astype(np.float32)
    return share


def _draw_lane_marks(
    lines: Plane, ground: _Ground, layout: Layout, dash: float, wide: float, rng: np.random.Generator
) -> Plane:
    """Middle line, lane lines, edge lines and a zebra crossing; `dash` and `wide` in metres."""
    x, y, across = ground.x, ground.y, ground.across
    solid = rng.random() < 0.3
    dashed = (x % dash) < dash * 0.5
    lines = np.where((across < wide / 2 + 0.02) & (solid | dashed), 1.0, lines)
    if len(layout.lanes) == 4:
        lines = np.where((np.abs(across - layout.road * 0.48) < wide / 2) & dashed, 1.0, lines)
    if layout.place == "country road" or rng.random() < 0.3:
        lines = np.where(np.abs(across - layout.road + 0.25) < wide / 2, 1.0, lines)
    if layout.place == "city street" and rng.random() < 0.45:
        at = rng.uniform(-9, 9)
        stripes = (np.abs(x - at) < 1.6) & (across < layout.road - 0.2) & ((y % 1.0) < 0.5)
        lines = np.where(np.abs(x - at) < 2.2, 0.0, lines)
        lines = np.where(stripes, 1.0, lines)
    return lines


def _shade_kerb(colour: Plane, ground: _Ground, layout: Layout, below: np.ndarray) -> None:
    """A bright kerb and a dark gutter, in place."""
    across = ground.across
    colour[(across > layout.road) & (across < layout.road + 0.16) & below] *= 1.22
    colour[(across > layout.road - 0.1) & (across <= layout.road) & below] *= 0.72


def _darken_ruts(colour: Plane, ground: _Ground, layout: Layout, below: np.ndarray) -> None:
    """Tracks of wheels in rain and snow, in place."""
    for lane, _ in layout.lanes:
        for rut in (-0.75, 0.75):
            amount = 0.16 * np.exp(-(((ground.y - lane - rut) / 0.22) ** 2)) * below
            colour *= (1 - amount)[..., None]
