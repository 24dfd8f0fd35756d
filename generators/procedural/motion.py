"""Paths over the ground: where a mover is, where it heads and how far it has come at every frame."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats


@dataclass(frozen=True)
class Path:
    """Floatss (F,): ground position in metres, heading in radians, distance travelled in metres, speed in m/s."""

    x: Floats
    y: Floats
    heading: Floats
    driven: Floats
    speed: Floats


def draw_speed(kind: str, cruise: float, frames: int, fps: float, rng: np.random.Generator) -> Floats:
    """Speed (F,) in m/s about `cruise`: "constant", "accelerating", "stopping", "starting", "pausing"; "still" is 0."""
    time = np.linspace(0.0, 1.0, frames) if frames > 1 else np.zeros(1)
    if kind == "still":
        return np.zeros(frames)
    if kind == "constant":
        return np.full(frames, cruise)
    if kind == "accelerating":
        return cruise * (0.6 + 0.9 * time) if rng.random() < 0.5 else cruise * (1.5 - 0.9 * time)
    at = rng.uniform(0.3, 0.7)
    if kind == "stopping":
        return cruise * np.clip((at + 0.15 - time) / 0.3, 0.0, 1.0)
    if kind == "starting":
        return cruise * np.clip((time - at + 0.15) / 0.3, 0.0, 1.0)
    return cruise * np.clip(np.abs(time - at) / 0.12 - 0.7, 0.0, 1.0)


def lay_path(
    anchor: tuple[float, float], anchor_frame: int, heading: float, speed: Floats, fps: float,
    *, turn_at: float = 1e9, turn_by: float = 0.0, turn_radius: float = 6.0,
    sway: float = 0.0, sway_length: float = 9.0,
) -> Path:  # fmt: skip
    """A path through `anchor` at `anchor_frame`, with `heading` before its turn.

    `turn_at` is where the turn by `turn_by` radians begins, in metres along the path from the anchor; `sway` (radians)
    lets the heading swing to and fro over `sway_length` metres.
    """
    step = speed / fps
    driven = np.concatenate([[0.0], np.cumsum(step[:-1])])
    along = driven - driven[anchor_frame]
    grid = np.linspace(min(along[0], 0.0) - 0.5, max(along[-1], 0.0) + 0.5, max(64, 4 * len(speed)))
    arc = max(abs(turn_by) * turn_radius, 1e-6)
    share = np.clip((grid - turn_at) / arc, 0.0, 1.0)
    angle = heading + turn_by * share * share * (3 - 2 * share) + sway * np.sin(2 * np.pi * grid / sway_length)
    width = grid[1] - grid[0]
    x = np.cumsum(np.cos(angle)) * width
    y = np.cumsum(np.sin(angle)) * width
    at_anchor = np.interp(0.0, grid, x), np.interp(0.0, grid, y)
    return Path(
        x=anchor[0] + np.interp(along, grid, x) - at_anchor[0],
        y=anchor[1] + np.interp(along, grid, y) - at_anchor[1],
        heading=np.interp(along, grid, angle),
        driven=driven,
        speed=speed,
    )
