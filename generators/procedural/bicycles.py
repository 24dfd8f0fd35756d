"""Bicycles, ridden or parked."""

from dataclasses import dataclass

import cv2
import numpy as np

from generators.procedural.arrays import Colour, Floats
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import Sprite, to_colours, to_fixed
from generators.procedural.light import Light
from generators.procedural.limbs import Bars, draw_bars, heading_matrix

CRANK = np.array([0.02, 0.0, 0.28])
"""The middle of the pedals in the bicycle's own frame, in metres."""
PEDAL_REACH = 0.17
METRES_PER_RADIAN = 1.6
"""How far a turn of the pedals by one radian carries the bicycle."""

_STARTS = np.arange(0, 22, 2)
_ENDS = _STARTS + 1
_RADII = np.array([0.016, 0.022, 0.014, 0.022, 0.024, 0.02, 0.022, 0.018, 0.045, 0.018, 0.018])
_NO_BIAS = np.zeros(11)
_DARK = np.array([30.0, 30, 32])
_TYRE, _SPOKE, _BASKET = [26.0, 26, 28], [150, 152, 156], [120.0, 92, 60]
_ANGLES = np.linspace(0, 2 * np.pi, 25)
_RING = np.stack([np.cos(_ANGLES), np.zeros(25), np.sin(_ANGLES)], axis=1)


@dataclass(frozen=True)
class BicycleLook:
    """A bicycle; `radius` of its wheels and height of its `saddle` in metres."""

    radius: float
    frame: Floats
    saddle: float
    step_through: bool
    basket: bool
    mudguards: bool


def draw_bicycle_look(rng: np.random.Generator) -> BicycleLook:
    """A random bicycle."""
    return BicycleLook(
        radius=float(rng.uniform(0.31, 0.36)),
        frame=rng.uniform(15, 235, 3),
        saddle=float(rng.uniform(0.88, 1.0)),
        step_through=bool(rng.random() < 0.35),
        basket=bool(rng.random() < 0.25),
        mudguards=bool(rng.random() < 0.4),
    )


def draw_bicycle(
    look: BicycleLook, position: Floats, heading: float, driven: float, camera: Camera, light: Light
) -> Sprite:
    """A bicycle, ridden or parked; `driven` metres turn wheels and pedals."""
    sprite = Sprite()
    middle = camera.to_camera((position + (0, 0, 0.5))[None])[0]
    if middle[2] < NEAR * 2:
        return sprite
    depth = float(middle[2])
    scale = camera.focal / middle[2]
    lit = to_colours(light.shade(np.array([_TYRE, _SPOKE, look.frame * 0.8]), None, position, depth))
    turn = heading_matrix(heading)
    for x in (-0.5, 0.55):
        _add_wheel(sprite, look, x, position, turn, driven, scale, lit, camera)
    bars = draw_bars(_frame_bars(look, driven), position, heading, camera, light, least=1.0)
    sprite.shapes += bars.shapes
    if look.basket:
        colour = to_colours(light.shade(np.array([_BASKET]), None, position, depth))[0]
        sprite.add(_basket_shape(position, turn, camera), colour)
    return sprite


def _frame_bars(look: BicycleLook, driven: float) -> Bars:
    """Tubes, handlebar, saddle and pedals."""
    r, crank = look.radius, CRANK
    turn = -driven / METRES_PER_RADIAN
    rear, front = np.array([-0.5, 0, r]), np.array([0.55, 0, r])
    seat = np.array([-0.24, 0, look.saddle])
    head_low, head_top = np.array([0.42, 0, 0.66]), np.array([0.36, 0, 0.88])
    middle = np.array([-0.12, 0, 0.58]) if look.step_through else np.array([-0.2, 0, 0.8])
    top_end = crank + (0.03, 0, 0.25) if look.step_through else middle
    foot = PEDAL_REACH * np.array([np.cos(turn), 0, np.sin(turn)])
    joints = np.array([
        rear, crank, crank, seat, rear, middle, top_end, head_low + (-0.01, 0, 0.12), crank, head_low, head_low, front,
        head_low, head_top + (0.02, 0, 0.1), head_top + (0.0, 0.27, 0.12), head_top + (0.0, -0.27, 0.12),
        seat + (-0.14, 0, 0.02), seat + (0.12, 0, 0.02),
        crank + (0, 0.06, 0), crank + foot + (0, 0.08, 0), crank - (0, 0.06, 0), crank - foot - (0, 0.08, 0),
    ])  # fmt: skip
    tube, dark = look.frame, _DARK
    colours = np.array([tube, tube, tube, tube, tube, tube * 0.8, tube, dark + 30, dark, dark + 60, dark + 60])
    return Bars(joints, _STARTS, _ENDS, _RADII, _RADII, colours, _NO_BIAS)


def _add_wheel(
    sprite: Sprite, look: BicycleLook, x: float, position: Floats, turn: Floats, driven: float, scale: float,
    lit: list[Colour], camera: Camera,
) -> None:  # fmt: skip
    """One wheel at `x` metres: spokes where they can be seen, tyre and mudguard."""
    r = look.radius
    hub = np.array([x, 0, r])
    tyre, spoke_colour, guard_colour = lit
    rim = to_fixed(camera.project(position + (hub + _RING * (r - 0.025)) @ turn.T)[0])
    if scale * r > 12:
        angles = np.array([-driven / r + k * np.pi / 4 for k in range(4)])
        for spoke in np.stack([np.cos(angles), np.zeros(4), np.sin(angles)], axis=1) * (r - 0.03):
            line = to_fixed(camera.project(position + np.stack([hub - spoke, hub + spoke]) @ turn.T)[0])
            sprite.add(line, spoke_colour, 1, outline=False)
    sprite.add(rim, tyre, max(1, round(0.05 * scale)))
    if look.mudguards:
        guard = _RING[2:12] if x > 0 else _RING[1:13]
        arc = to_fixed(camera.project(position + (hub + guard * (r + 0.03)) @ turn.T)[0])
        sprite.add(arc, guard_colour, max(1, round(0.03 * scale)))


def _basket_shape(position: Floats, turn: Floats, camera: Camera) -> Floats:
    corner = np.array([[0.5, -0.16, 0.72], [0.78, -0.16, 0.72], [0.78, 0.16, 0.72], [0.5, 0.16, 0.72]])
    corners = np.concatenate([corner, corner + (0.03, 0, 0.24)])
    pixels = camera.project(position + corners @ turn.T)[0]
    return cv2.convexHull(to_fixed(pixels))[:, 0]
