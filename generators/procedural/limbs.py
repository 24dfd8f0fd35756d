"""Bodies made of round-ended bars between joints: what people, dogs, bicycles and street furniture are drawn from."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats, Indexes
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import Sprite, capsule_shapes, to_colours, to_fixed
from generators.procedural.light import Light


@dataclass(frozen=True)
class Bars:
    """N bars between joints in the body's own frame: metres, x forward, y left, z up.

    `joints` (J, 3); `starts` and `ends` (N,) are indexes into it; radii (N,) in metres; `colours` (N, 3); `bias` (N,)
    in metres is added to a bar's depth when the bars are sorted, so that a negative one brings it forward.
    """

    joints: Floats
    starts: Indexes
    ends: Indexes
    start_radius: Floats
    end_radius: Floats
    colours: Floats
    bias: Floats


def draw_bars(
    bars: Bars, position: Floats, heading: float, camera: Camera, light: Light, *, least: float = 0.6
) -> Sprite:
    """The bars from back to front, none thinner than `least` pixels; none at all with a joint too near the camera."""
    pixels, depths = camera.project(position + bars.joints @ heading_matrix(heading).T)
    sprite = Sprite()
    if depths.min() < NEAR:
        return sprite
    scale = camera.focal / depths
    a, b = bars.starts, bars.ends
    start_radius = np.maximum(bars.start_radius * scale[a], least)
    end_radius = np.maximum(bars.end_radius * scale[b], least)
    shapes = to_fixed(capsule_shapes(pixels[a], pixels[b], start_radius, end_radius))
    palette = to_colours(light.shade(bars.colours, None, position, float(depths.mean())))
    for bar in np.argsort(-((depths[a] + depths[b]) / 2 + bars.bias), kind="stable").tolist():
        sprite.add(shapes[bar], palette[bar])
    return sprite


def bend_limb(start: Floats, end: Floats, upper: float, lower: float, *, forward: bool) -> Floats:
    """The knee or elbow (3,) of a limb from `start` to `end`, in the x-z plane; `upper` and `lower` are its lengths."""
    line = end - start
    length = float(np.hypot(line[0], line[2]))
    reach = min(max(length, 0.05), (upper + lower) * 0.999)
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    across = np.array([-line[2], 0.0, line[0]]) / max(length, 1e-6)
    if (across[0] > 0) != forward:
        across = -across
    joint: Floats = start + line * (along / max(length, 1e-6)) + across * off
    return joint


def heading_matrix(heading: float) -> Floats:
    """The rotation (3, 3) about the vertical that turns x forward into `heading` (radians)."""
    cos, sin = np.cos(heading), np.sin(heading)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
