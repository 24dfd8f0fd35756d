"""The place: street, pavements, what lines them, where the camera stands and how it moves."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.camera import Camera, rotation_from_angles
from generators.procedural.conditions import Conditions


@dataclass(frozen=True)
class Layout:
    """A street along x, symmetric about y = 0. Lengths in metres.

    `road` is the carriageway's half width, `walk` the pavement's width beside it, `edge` = road + walk where gardens or
    fields begin, `front` the distance of the facades. `near_open`: nothing is built on the side where the camera
    stands.
    """

    place: str
    road: float
    walk: float
    front: float
    lanes: tuple[tuple[float, int], ...]
    walks: tuple[tuple[float, float], ...]
    parking: tuple[float, ...]
    camera_side: float
    near_open: bool
    lamps: Floats
    trees: Floats
    junction: float | None

    @property
    def edge(self) -> float:
        """Distance from the middle to the pavement's outer edge."""
        return self.road + self.walk


@dataclass(frozen=True)
class View:
    """The camera's stand, its angles per frame (F,) in radians, and `focal` as a multiple of the frame's height."""

    position: Floats
    focal: float
    yaw: Floats
    pitch: Floats
    roll: Floats
    mean_yaw: float
    mean_pitch: float

    @property
    def is_still(self) -> bool:
        """Whether every frame is taken in the mean direction."""
        return bool((self.yaw == self.mean_yaw).all() and (self.pitch == self.mean_pitch).all()) and not self.roll.any()

    def camera_at(self, frame: int, width: int, height: int) -> Camera:
        """The camera of one frame on a canvas of `width` x `height` pixels."""
        rotation = rotation_from_angles(self.yaw[frame], self.pitch[frame], self.roll[frame])
        return Camera(self.position, rotation, self.focal * height, (width / 2 - 0.5, height / 2 - 0.5))

    def plate_camera(self, width: int, height: int, margin: tuple[int, int]) -> Camera:
        """The camera of the background plate: the mean direction on a canvas enlarged by `margin` on every side."""
        rotation = rotation_from_angles(self.mean_yaw, self.mean_pitch)
        return Camera(
            self.position, rotation, self.focal * height, (width / 2 - 0.5 + margin[0], height / 2 - 0.5 + margin[1])
        )


def draw_layout(conditions: Conditions, rng: np.random.Generator) -> Layout:
    """A place for the conditions."""
    place = conditions.place
    road, walk, gap = {
        "city street": (rng.uniform(3.2, 6.8), rng.uniform(2.4, 4.5), 0.0),
        "residential street": (rng.uniform(2.8, 4.0), rng.uniform(1.6, 2.4), rng.uniform(3.0, 7.0)),
        "country road": (rng.uniform(2.8, 3.6), rng.uniform(1.6, 2.6), rng.uniform(20.0, 40.0)),
        "park": (rng.uniform(2.6, 4.0), rng.uniform(2.0, 4.0), rng.uniform(20.0, 40.0)),
        "square": (rng.uniform(6.0, 9.0), rng.uniform(3.0, 5.0), rng.uniform(0.0, 3.0)),
        "parking lot": (rng.uniform(7.0, 10.0), rng.uniform(2.0, 3.0), rng.uniform(2.0, 8.0)),
    }[place]
    if place in ("square", "parking lot", "park"):
        lanes = tuple(
            (y, 1 if k % 2 else -1) for k, y in enumerate(np.linspace(-road * 0.7, road * 0.7, 3 if road < 5 else 4))
        )
    elif road > 5.2:
        lanes = ((-road * 0.7, 1), (-road * 0.25, 1), (road * 0.25, -1), (road * 0.7, -1))
    else:
        lanes = ((-road * 0.5, 1), (road * 0.5, -1))
    edge = road + walk
    lamp_gap = rng.uniform(14, 24)
    start = rng.uniform(0, lamp_gap)
    lamps = np.array([(start + k * lamp_gap, s * (road + 0.5)) for k in range(-4, 6) for s in (-1, 1)])
    tree_gap, wild = rng.uniform(6, 14), place in ("park", "country road")
    tree_y = edge + (1.5 if gap > 2.5 else -0.6)
    trees = np.array([
        (k * tree_gap + rng.uniform(-3, 3), s * (tree_y + (rng.uniform(0, 9) if wild else rng.uniform(0, 0.3))))
        for k in range(-7, 9) for s in (-1, 1) if rng.random() < (0.75 if wild else 0.4)
    ]).reshape(-1, 2)  # fmt: skip
    can_turn = place in ("city street", "residential street", "country road")
    return Layout(
        place=place,
        road=float(road),
        walk=float(walk),
        front=float(edge + gap),
        lanes=lanes,
        walks=((road + 0.5, edge - 0.4), (-edge + 0.4, -road - 0.5)),
        parking=(road - 1.0, 1.0 - road) if road > 4.6 and place == "city street" else (),
        camera_side=1.0 if rng.random() < 0.5 else -1.0,
        near_open=bool(rng.random() < 0.5),
        lamps=lamps,
        trees=trees,
        junction=float(rng.uniform(-12, 12)) if can_turn and rng.random() < 0.4 else None,
    )


def draw_view(
    layout: Layout, conditions: Conditions, frames: int, fps: float, rng: np.random.Generator, *, raised: bool = False
) -> View:
    """Where the camera stands: across the street, along it or between, from eye level to first floor.

    `raised`: from above, where little is hidden.
    """
    side = layout.camera_side
    style = rng.random()
    height = float(
        rng.choice([rng.uniform(1.3, 2.0), rng.uniform(2.0, 4.0), rng.uniform(4.0, 6.5)], p=[0.35, 0.35, 0.3])
    )
    if raised:
        height = float(rng.uniform(4.5, 7.5))
    outward = 1.0 if rng.random() < 0.5 else -1.0
    if style < 0.4:  # across
        y = side * (layout.edge + rng.uniform(-0.8, 3.0 if layout.near_open else 0.2))
        off = rng.uniform(-0.45, 0.45)
        yaw = -side * np.pi / 2 + off
    elif style < 0.72:  # oblique
        y = side * (layout.edge + rng.uniform(-1.2, 0.1))
        yaw = -side * np.pi / 2 + outward * rng.uniform(0.5, 1.05)
    else:  # along
        y = side * rng.uniform(0.3, 1.0) * layout.edge
        yaw = (0.0 if outward > 0 else np.pi) + rng.uniform(-0.2, 0.2) - side * outward * 0.12
        height = max(height, 1.6)
    focal = rng.uniform(0.85, 1.5) if style < 0.72 else rng.uniform(1.0, 2.1)
    pitch = float(np.clip(0.03 + height * rng.uniform(0.018, 0.05), 0.0, 0.32))
    turn, tilt, roll = _camera_motion(conditions.camera, frames, fps, rng)
    return View(np.array([0.0, y, height]), float(focal), yaw + turn, pitch + tilt, roll, float(yaw), pitch)


def _camera_motion(kind: str, frames: int, fps: float, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    time = np.arange(frames) / fps
    still = np.zeros(frames)
    if kind == "panning":
        speed = rng.uniform(0.035, 0.09) * rng.choice([-1.0, 1.0])
        span = float(np.clip(speed * frames / fps, -0.3, 0.3))
        share = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
        eased = share if rng.random() < 0.5 else share * share * (3 - 2 * share)
        return span * (eased - 0.5), still, still
    if kind == "shaking":
        strength = rng.uniform(0.4, 1.3)
        motion = []
        for scale in (0.010, 0.008, 0.007):
            phases, rates = rng.uniform(0, 2 * np.pi, 4), np.array([0.6, 1.4, 2.9, 4.7]) * rng.uniform(0.8, 1.25, 4)
            weights = np.array([1.0, 0.6, 0.45, 0.3]) * strength * scale
            motion.append((np.sin(2 * np.pi * time[:, None] * rates + phases) * weights).sum(axis=1))
        return motion[0], motion[1], motion[2]
    return still, still.copy(), still.copy()
