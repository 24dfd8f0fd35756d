"""Where actors of a class go: lanes, parking bays, pavements, crossings, and turns into the side road."""

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.layout import Layout
from generators.procedural.motion import Path, draw_speed, lay_path
from generators.procedural.sight import Sight

VEHICLES = ("car", "bus", "truck")

_SPEED_KINDS = ("constant", "accelerating", "stopping", "starting", "pausing")
_SPEED_ODDS = (0.46, 0.2, 0.14, 0.12, 0.08)
_OPEN_PLACES = ("square", "park", "parking lot")
_TURN_RADIUS = 6.5
_PATIENCE = 10


class RoutePlanner:
    """Draws paths over one place; `calm`: all of them slow, so that what moves stays in sight."""

    def __init__(
        self, layout: Layout, sight: Sight, frames: int, fps: float, rng: np.random.Generator, *, calm: bool
    ) -> None:
        self.layout = layout
        self._sight = sight
        self._frames, self._fps = frames, fps
        self._rng = rng
        self._calm = calm

    def draw_path(self, class_name: str, attempt: int, *, ridden: bool) -> Path | None:
        """A path that is in sight at its anchor; after many attempts a slower one. None: no such place was found."""
        rng, layout = self._rng, self.layout
        anchor_frame = int(rng.uniform(0.25, 0.75) * (self._frames - 1))
        y, heading, moves = self._draw_line(class_name, ridden=ridden)
        x = self._sight.draw_visible_x(class_name, y, anchor_frame, rng)
        if x is None:
            return None
        speed = self._draw_speed(class_name, moves=moves, calm=attempt > _PATIENCE or self._calm)
        if class_name in VEHICLES and moves and layout.junction is not None and rng.random() < 0.35:
            return self._draw_turn(layout.junction, anchor_frame, y, heading, speed)
        sway, sway_length = self._draw_sway(class_name)
        return lay_path((x, y), anchor_frame, heading, speed, self._fps, sway=sway, sway_length=sway_length)

    def stand_ahead(self) -> Path:
        """A standstill somewhere in front of the camera: for what finds no other place."""
        camera = self._sight.cameras[self._frames // 2]
        ahead = camera.rotation[2, :2] / np.linalg.norm(camera.rotation[2, :2])
        spot = camera.position[:2] + ahead * self._rng.uniform(6, 16)
        heading = float(self._rng.uniform(0, 2 * np.pi))
        return lay_path((float(spot[0]), float(spot[1])), self._frames // 2, heading, np.zeros(self._frames), self._fps)

    def _draw_speed(self, class_name: str, *, moves: bool, calm: bool) -> Floats:
        rng = self._rng
        if class_name == "bicycle" and moves:
            cruise = rng.uniform(2.0, 5.5)
        elif class_name in VEHICLES:
            cruise = rng.uniform(2.5, 11.0)
        elif class_name == "dog":
            cruise = rng.uniform(0.6, 3.2)
        else:
            cruise = rng.uniform(2.2, 3.2) if rng.random() < 0.1 else rng.uniform(0.7, 1.7)
        if calm:
            cruise *= rng.uniform(0.2, 0.6)
        kind = str(rng.choice(_SPEED_KINDS, p=_SPEED_ODDS)) if moves else "still"
        return draw_speed(kind, cruise, self._frames, self._fps, rng)

    def _draw_sway(self, class_name: str) -> tuple[float, float]:
        """How far the heading swings, in radians, and over how many metres."""
        rng = self._rng
        if class_name in ("person", "dog"):
            sway = rng.uniform(0, 0.25) * (class_name == "dog") + rng.uniform(0, 0.08)
            return sway, rng.uniform(4, 10)
        return rng.uniform(0, 0.015), 20.0

    def _draw_turn(self, junction: float, anchor_frame: int, y: float, heading: float, speed: Floats) -> Path:
        """Off the street into the side road, left or right, starting before the junction."""
        rng = self._rng
        ahead = 1.0 if np.cos(heading) > 0 else -1.0
        by = rng.choice([-1.0, 1.0]) * np.pi / 2
        start = junction - ahead * (_TURN_RADIUS + rng.uniform(0, 1.5))
        turn_at = rng.uniform(-2, 1)
        return lay_path(
            (start, y), anchor_frame, heading, speed, self._fps, turn_at=turn_at, turn_by=by, turn_radius=_TURN_RADIUS
        )

    def _draw_line(self, class_name: str, *, ridden: bool) -> tuple[float, float, bool]:
        """Distance across the street in metres, heading in radians, and whether it moves."""
        if class_name in VEHICLES:
            return self._draw_vehicle_line(class_name)
        if class_name == "bicycle" and (ridden or self._rng.random() < 0.35):
            side = self._rng.choice([-1.0, 1.0])
            return side * self._rng.uniform(0.55, 0.9) * self.layout.road, 0.0 if side < 0 else np.pi, True
        return self._draw_pavement_line(class_name)

    def _draw_vehicle_line(self, class_name: str) -> tuple[float, float, bool]:
        """Parked, in a lane, or anywhere in an open place."""
        rng, layout = self._rng, self.layout
        if class_name == "car" and layout.parking and rng.random() < 0.3:
            y = layout.parking[int(rng.integers(2))]
            return y, (0.0 if rng.random() < 0.5 else np.pi) + rng.normal(0, 0.02), False
        if layout.place == "parking lot" and class_name == "car" and rng.random() < 0.5:
            side = rng.choice([-1.0, 1.0])
            heading = side * np.pi / 2 + (np.pi if rng.random() < 0.5 else 0) + rng.normal(0, 0.05)
            return side * (layout.road - 2.3), heading, False
        y, way = layout.lanes[int(rng.integers(len(layout.lanes)))]
        if layout.place in _OPEN_PLACES and rng.random() < 0.4:
            return y + rng.uniform(-1, 1), float(rng.uniform(0, 2 * np.pi)), bool(rng.random() < 0.6)
        return y + rng.normal(0, 0.15), 0.0 if way > 0 else np.pi, bool(rng.random() < 0.9)

    def _draw_pavement_line(self, class_name: str) -> tuple[float, float, bool]:
        """Parked bicycles; people and dogs that walk along, cross, stand, or roam an open place."""
        rng, layout = self._rng, self.layout
        low, high = layout.walks[int(rng.integers(2))]
        y = rng.uniform(low, high)
        along = 0.0 if rng.random() < 0.5 else np.pi
        if class_name == "bicycle":
            return y, float(rng.uniform(0, 2 * np.pi)), False
        dice = rng.random()
        if layout.place in _OPEN_PLACES and dice < 0.5:
            return rng.uniform(-layout.edge, layout.edge), float(rng.uniform(0, 2 * np.pi)), bool(rng.random() < 0.8)
        if dice < 0.25:  # crossing
            y = rng.uniform(-layout.road, layout.road)
            return y, rng.choice([-1.0, 1.0]) * np.pi / 2 + rng.normal(0, 0.25), True
        if dice < 0.42:  # standing
            return y, float(rng.uniform(0, 2 * np.pi)), False
        return y, along + rng.normal(0, 0.06), True
