"""Who takes part: actors with looks and paths, placed so that every promised one is truly seen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generators.procedural.camera import Camera
from generators.procedural.canvas import Sprite
from generators.procedural.conditions import Conditions
from generators.procedural.figures import (
    BicycleLook,
    DogLook,
    PersonLook,
    draw_bicycle,
    draw_bicycle_look,
    draw_dog,
    draw_dog_look,
    draw_person,
    draw_person_look,
    draw_rider,
)  # fmt: skip
from generators.procedural.layout import Layout, View
from generators.procedural.light import Light
from generators.procedural.mesh import Mesh, draw_mesh
from generators.procedural.motion import Path, draw_speed, lay_path
from generators.procedural.props import KINDS, Prop, build_prop
from generators.procedural.vehicles import build_bus, build_car, build_truck

Array = NDArray[np.float64]

_VEHICLES = {"car": build_car, "bus": build_bus, "truck": build_truck}
# Least height in pixels of a frame of 192 rows at which an instance is still told apart.
_LEAST_PX = {"person": 21.0, "dog": 10.0, "bicycle": 13.0, "car": 11.0, "bus": 17.0, "truck": 15.0}
_CORNERS = [(u, v, z) for u in (-0.5, 0.5) for v in (-0.5, 0.5) for z in (0.0, 1.0)]
_HEIGHTS = {"person": 1.7, "dog": 0.6, "bicycle": 1.05, "car": 1.5, "bus": 3.0, "truck": 2.9}


@dataclass(frozen=True)
class Actor:
    """One object of the truth. A rider shares its bicycle's path and footprint."""

    class_name: str
    path: Path
    length: float
    width: float
    height: float
    mesh: Mesh | None = None
    look: PersonLook | DogLook | BicycleLook | None = None
    rides: BicycleLook | None = None
    gait_start: float = 0.0


def draw_actor(actor: Actor, frame: int, camera: Camera, light: Light) -> Sprite:
    """The actor at a frame, as seen by the camera."""
    path = actor.path
    position = np.array([path.x[frame], path.y[frame], 0.0])
    heading, driven, speed = (
        float(path.heading[frame]),
        float(path.driven[frame]) + actor.gait_start,
        float(path.speed[frame]),
    )
    if actor.mesh is not None:
        slowing = frame > 0 and speed < path.speed[frame - 1] - 0.05
        return draw_mesh(actor.mesh, position, heading, driven, camera, light, braking=bool(slowing))
    if isinstance(actor.look, PersonLook):
        if actor.rides is not None:
            return draw_rider(actor.look, actor.rides, position, heading, driven, camera, light)
        return draw_person(actor.look, position, heading, driven, speed, camera, light)
    if isinstance(actor.look, DogLook):
        return draw_dog(actor.look, position, heading, driven, speed, camera, light)
    assert isinstance(actor.look, BicycleLook)
    return draw_bicycle(actor.look, position, heading, driven, camera, light)


def draw_mix(conditions: Conditions, rng: np.random.Generator) -> dict[str, int]:
    """Objects for a scene that promises none in particular."""
    low, high = {"sparse": (1, 4), "normal": (3, 8), "crowded": (8, 15)}[conditions.density]
    count = int(rng.integers(low, high))
    names = ("person", "bicycle", "car", "bus", "truck", "dog")
    odds = np.array([0.32, 0.13, 0.24, 0.09, 0.11, 0.11])
    drawn = rng.choice(len(names), count, p=odds)
    return {name: int((drawn == k).sum()) for k, name in enumerate(names) if (drawn == k).any()}


class Stage:
    """Places actors one by one, out of each other's way and in the camera's sight."""

    def __init__(
        self,
        layout: Layout,
        view: View,
        conditions: Conditions,
        frames: int,
        fps: float,
        width: int,
        height: int,
        calm: bool,
        rng: np.random.Generator,
    ) -> None:
        self.layout = layout
        self.conditions = conditions
        self.calm = calm
        self.frames, self.fps = frames, fps
        self.width, self.height = width, height
        self.rng = rng
        self.cameras = [view.camera_at(frame, width, height) for frame in range(frames)]
        self.samples = np.unique(np.linspace(0, frames - 1, min(frames, 9)).astype(int))
        self._rotations = np.stack([self.cameras[frame].rotation for frame in self.samples])

    def cast(self, objects: Mapping[str, int]) -> list[Actor]:
        """Actors for the promised objects; riders follow their bicycles."""
        wanted = [
            name for name in ("bus", "truck", "car", "bicycle", "dog", "person") for _ in range(objects.get(name, 0))
        ]
        people = objects.get("person", 0)
        actors: list[Actor] = []
        for name in wanted:
            if name == "person" and people <= 0:
                continue
            actor = self.place(name, actors)
            actors.append(actor)
            if name == "bicycle" and people > 0 and self.rng.random() < 0.6:
                actors[-1], rider = self.mount(actor, actors[:-1])
                actors.append(rider)
                people -= 1
            elif name == "person":
                people -= 1
        return actors

    def replace(self, actors: list[Actor], index: int) -> None:
        """Put one actor (and the rider on it) elsewhere."""
        actor = actors[index]
        if actor.rides is not None:
            index -= 1
            actor = actors[index]
        rider = (
            index + 1
            if index + 1 < len(actors) and actors[index + 1].rides is not None and actor.class_name == "bicycle"
            else None
        )
        others = [other for k, other in enumerate(actors) if k not in (index, rider)]
        if rider is None:
            actors[index] = self.place(actor.class_name, others, body=_body_of(actor))
        else:
            actors[index], actors[rider] = self.mount(
                self.place("bicycle", others, ridden=True, body=_body_of(actor)), others
            )

    def mount(self, bicycle: Actor, others: list[Actor]) -> tuple[Actor, Actor]:
        """The bicycle on the move, and its rider."""
        assert isinstance(bicycle.look, BicycleLook)
        if bicycle.path.speed.max() <= 0.1:
            bicycle = self.place("bicycle", others, ridden=True)
        look = draw_person_look(self.rng)
        while look.height < 1.5:
            look = draw_person_look(self.rng)
        assert isinstance(bicycle.look, BicycleLook)
        rider = Actor(
            "person",
            bicycle.path,
            bicycle.length,
            bicycle.width,
            1.8,
            look=look,
            rides=bicycle.look,
            gait_start=bicycle.gait_start,
        )
        return bicycle, rider

    def place(self, name: str, others: list[Actor], *, ridden: bool = False, body: dict | None = None) -> Actor:
        """An actor of a class on a path that the camera sees; the best of several tries."""
        body = body or self._draw_body(name)
        other_boxes = [self._screen_boxes(other) for other in others if other.rides is None]
        best: tuple[float, Actor] | None = None
        for attempt in range(30):
            path = self._draw_path(name, body, ridden, attempt)
            if path is None:
                continue
            actor = Actor(path=path, class_name=name, **body)
            seen = self._seen_share(actor, self._screen_boxes(actor), other_boxes)
            if best is not None and seen <= best[0]:
                continue
            clash = self._clashes(actor, others)
            score = seen - 2.0 * clash
            if best is None or score > best[0]:
                best = (score, actor)
            if seen >= 0.6 and not clash:
                break
        if best is None:
            path = lay_path(
                self._fallback_point(),
                self.frames // 2,
                float(self.rng.uniform(0, 2 * np.pi)),
                np.zeros(self.frames),
                self.fps,
            )
            return Actor(path=path, class_name=name, **body)
        return best[1]

    def _draw_body(self, name: str) -> dict:
        rng = self.rng
        start = float(rng.uniform(0, 10))
        if name in _VEHICLES:
            mesh = _VEHICLES[name](rng)
            return {
                "mesh": mesh,
                "length": mesh.length,
                "width": mesh.width,
                "height": mesh.height,
                "gait_start": start,
            }
        if name == "person":
            person = draw_person_look(rng)
            return {"look": person, "length": 0.5, "width": 0.5, "height": person.height, "gait_start": start}
        if name == "dog":
            dog = draw_dog_look(rng)
            return {"look": dog, "length": dog.length * 1.4, "width": 0.35, "height": dog.height, "gait_start": start}
        return {"look": draw_bicycle_look(rng), "length": 1.75, "width": 0.5, "height": 1.1, "gait_start": start}

    def _draw_path(self, name: str, body: dict, ridden: bool, attempt: int) -> Path | None:
        rng, layout = self.rng, self.layout
        anchor_frame = int(rng.uniform(0.25, 0.75) * (self.frames - 1))
        y, heading, moves = self._draw_line(name, ridden)
        x = self._draw_visible_x(name, y, anchor_frame)
        if x is None:
            return None
        calm = attempt > 10 or self.calm  # what will not stay in sight goes slower
        if name in _VEHICLES or (name == "bicycle" and moves):
            cruise = rng.uniform(2.0, 5.5) if name == "bicycle" else rng.uniform(2.5, 11.0)
        elif name == "dog":
            cruise = rng.uniform(0.6, 3.2)
        else:
            cruise = rng.uniform(2.2, 3.2) if rng.random() < 0.1 else rng.uniform(0.7, 1.7)
        if calm:
            cruise *= rng.uniform(0.2, 0.6)
        kinds = ("constant", "accelerating", "stopping", "starting", "pausing")
        kind = str(rng.choice(kinds, p=[0.46, 0.2, 0.14, 0.12, 0.08])) if moves else "still"
        speed = draw_speed(kind, cruise, self.frames, self.fps, rng)
        anchor = (x, y)
        if name in _VEHICLES and moves and layout.junction is not None and rng.random() < 0.35:
            return self._draw_turn(anchor_frame, y, heading, speed)
        if name in ("person", "dog"):
            return lay_path(
                anchor,
                anchor_frame,
                heading,
                speed,
                self.fps,
                sway=rng.uniform(0, 0.25) * (name == "dog") + rng.uniform(0, 0.08),
                sway_length=rng.uniform(4, 10),
            )
        return lay_path(anchor, anchor_frame, heading, speed, self.fps, sway=rng.uniform(0, 0.015), sway_length=20.0)

    def _draw_turn(self, anchor_frame: int, y: float, heading: float, speed: Array) -> Path:
        """Off the street into the side road, left or right, starting before the junction."""
        layout, rng = self.layout, self.rng
        assert layout.junction is not None
        ahead = 1.0 if np.cos(heading) > 0 else -1.0
        by = rng.choice([-1.0, 1.0]) * np.pi / 2
        radius = 6.5
        start = layout.junction - ahead * (radius + rng.uniform(0, 1.5))
        return lay_path(
            (start, y),
            anchor_frame,
            heading,
            speed,
            self.fps,
            turn_at=rng.uniform(-2, 1),
            turn_by=by,
            turn_radius=radius,
        )

    def _draw_line(self, name: str, ridden: bool) -> tuple[float, float, bool]:
        """Distance across the street, heading, and whether it moves."""
        rng, layout = self.rng, self.layout
        open_place = layout.place in ("square", "park", "parking lot")
        if name in _VEHICLES:
            if name == "car" and layout.parking and rng.random() < 0.3:
                y = layout.parking[int(rng.integers(2))]
                return y, (0.0 if rng.random() < 0.5 else np.pi) + rng.normal(0, 0.02), False
            if layout.place == "parking lot" and name == "car" and rng.random() < 0.5:
                side = rng.choice([-1.0, 1.0])
                return (
                    side * (layout.road - 2.3),
                    side * np.pi / 2 + (np.pi if rng.random() < 0.5 else 0) + rng.normal(0, 0.05),
                    False,
                )
            y, way = layout.lanes[int(rng.integers(len(layout.lanes)))]
            if open_place and rng.random() < 0.4:
                return y + rng.uniform(-1, 1), float(rng.uniform(0, 2 * np.pi)), bool(rng.random() < 0.6)
            return y + rng.normal(0, 0.15), 0.0 if way > 0 else np.pi, bool(rng.random() < 0.9)
        if name == "bicycle" and (ridden or rng.random() < 0.35):
            side = rng.choice([-1.0, 1.0])
            return side * rng.uniform(0.55, 0.9) * layout.road, 0.0 if side < 0 else np.pi, True
        low, high = layout.walks[int(rng.integers(2))]
        y = rng.uniform(low, high)
        along = 0.0 if rng.random() < 0.5 else np.pi
        if name == "bicycle":
            return y, float(rng.uniform(0, 2 * np.pi)), False
        dice = rng.random()
        if open_place and dice < 0.5:
            return rng.uniform(-layout.edge, layout.edge), float(rng.uniform(0, 2 * np.pi)), bool(rng.random() < 0.8)
        if dice < 0.25:  # crossing
            return (
                rng.uniform(-layout.road, layout.road),
                rng.choice([-1.0, 1.0]) * np.pi / 2 + rng.normal(0, 0.25),
                True,
            )
        if dice < 0.42:  # standing
            return y, float(rng.uniform(0, 2 * np.pi)), False
        return y, along + rng.normal(0, 0.06), True

    def _draw_visible_x(self, name: str, y: float, frame: int) -> float | None:
        xs = np.arange(-50.0, 50.0, 0.5)
        points = np.stack([xs, np.full_like(xs, y), np.zeros_like(xs)], axis=1)
        camera = self.cameras[frame]
        feet, depth = camera.project(points)
        heads, _ = camera.project(points + (0, 0, _HEIGHTS[name]))
        tall = feet[:, 1] - heads[:, 1]
        least = _LEAST_PX[name] * self.height / 192
        margin = 0.04 * self.width
        good = (depth > 2.0) & (tall >= least) & (tall <= 0.62 * self.height)
        good &= (
            (feet[:, 0] > margin)
            & (feet[:, 0] < self.width - margin)
            & (feet[:, 1] < self.height * 1.04)
            & (heads[:, 1] > -0.12 * self.height)
        )
        if not good.any():
            return None
        weights = np.where(good, np.maximum(tall, 0.0) ** 1.15, 0.0)
        return float(xs[int(self.rng.choice(len(xs), p=weights / weights.sum()))] + self.rng.uniform(-0.25, 0.25))

    def _screen_boxes(self, actor: Actor) -> Array:
        """Rough boxes (S, 5) at the sampled frames: left, top, right, bottom in pixels and depth in metres."""
        path, samples = actor.path, self.samples
        heading = path.heading[samples]
        along = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        middle = np.stack([path.x[samples], path.y[samples]], axis=1)
        points = np.empty((len(samples), 8, 3))
        for k, (u, v, z) in enumerate(_CORNERS):
            points[:, k, :2] = middle + u * actor.length * along + v * actor.width * across
            points[:, k, 2] = z * actor.height
        local = np.matmul(points - self.cameras[0].position, self._rotations.transpose(0, 2, 1))
        depth = local[..., 2]
        pixels = local[..., :2] * (self.cameras[0].focal / np.maximum(depth, 0.5))[..., None] + self.cameras[0].centre
        boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1), depth.mean(axis=1)[:, None]], axis=1)
        boxes[depth.min(axis=1) < 1.0, 4] = -1.0
        return boxes

    def _seen_share(self, actor: Actor, boxes: Array, others: list[Array]) -> float:
        """Share of sampled frames in which most of the body lies in the picture, at a fair size, not behind another one."""
        left, top, right, bottom, depth = boxes.T
        inside = np.clip(np.minimum(right, self.width) - np.maximum(left, 0), 0, None) * np.clip(
            np.minimum(bottom, self.height) - np.maximum(top, 0), 0, None
        )
        tall = bottom - top
        area = np.maximum((right - left) * tall, 1e-6)
        least = _LEAST_PX[actor.class_name] * 0.9 * self.height / 192
        good = (depth > 0) & (inside / area > 0.6) & (tall >= least) & (tall <= 0.85 * self.height)
        good &= (right - left > 7.0) | (depth <= 0)
        harm, covered = 0.0, np.zeros(len(depth))
        for other in others:
            overlap = np.clip(np.minimum(right, other[:, 2]) - np.maximum(left, other[:, 0]), 0, None)
            overlap = overlap * np.clip(np.minimum(bottom, other[:, 3]) - np.maximum(top, other[:, 1]), 0, None)
            covered += np.where(other[:, 4] < depth, overlap / area, 0.0)
            theirs = np.maximum((other[:, 2] - other[:, 0]) * (other[:, 3] - other[:, 1]), 1e-6)
            harm = max(harm, float(((overlap / theirs > 0.55) & (depth < other[:, 4])).mean()))
        good &= covered < 0.5
        return float(good.mean()) - max(0.0, harm - 0.2)

    def _clashes(self, actor: Actor, others: list[Actor]) -> bool:
        """Whether bodies would touch, the camera's stand included."""
        mine = _body_circles(actor, self.samples)
        eye = self.cameras[0].position[:2]
        reach = actor.width / 2 + (1.3 if self.cameras[0].position[2] < actor.height + 0.6 else 0.3)
        if (((mine - eye) ** 2).sum(axis=-1) < reach**2).any():
            return True
        if (
            actor.mesh is not None
            and abs(actor.path.y).max() > self.layout.edge
            and self.layout.place == "city street"
            and not self._in_side_road(actor)
        ):
            return True
        for other in others:
            theirs = _body_circles(other, self.samples)
            gap = actor.width / 2 + other.width / 2 + 0.05
            if (((mine[:, :, None] - theirs[:, None]) ** 2).sum(axis=-1) < gap**2).any():
                return True
        return False

    def _in_side_road(self, actor: Actor) -> bool:
        outside = np.abs(actor.path.y) > self.layout.edge
        return self.layout.junction is not None and bool(
            (np.abs(actor.path.x[outside] - self.layout.junction) < 4.5).all()
        )

    def _fallback_point(self) -> tuple[float, float]:
        camera = self.cameras[self.frames // 2]
        ahead = camera.rotation[2, :2] / np.linalg.norm(camera.rotation[2, :2])
        spot = camera.position[:2] + ahead * self.rng.uniform(6, 16)
        return float(spot[0]), float(spot[1])

    def draw_props(self, actors: list[Actor]) -> list[Prop]:
        """Street furniture on the pavements, clear of all paths; a little of it in front of the street."""
        rng, layout = self.rng, self.layout
        props: list[Prop] = []
        paths = [np.stack([actor.path.x, actor.path.y], axis=1)[:: max(1, self.frames // 12)] for actor in actors]
        eye = self.cameras[0].position[:2]
        wanted = int(rng.integers(3, 9))
        kinds = [str(kind) for kind in rng.choice(KINDS, wanted)] + ["pole"] * 2
        for kind in kinds:
            for _ in range(8):
                side = rng.choice([-1.0, 1.0])
                y = side * (
                    layout.road + 0.4
                    if kind in ("pole", "sign", "hydrant", "bollard")
                    else rng.uniform(layout.road + 0.4, layout.edge)
                )
                if kind == "trailer":
                    y = side * (layout.road - 1.2 if layout.parking else layout.edge + 0.3)
                if kind == "cone":
                    y = side * rng.uniform(0.6, 1.0) * layout.road
                spot = np.array([rng.uniform(-22, 22), y])
                if kind == "pole" and len(layout.lamps):
                    spot = layout.lamps[int(rng.integers(len(layout.lamps)))]
                clear = 1.6 if kind == "trailer" else 0.75
                if ((spot - eye) ** 2).sum() < 3.0**2:
                    continue
                if all(
                    (
                        ((path - spot) ** 2).sum(axis=1)
                        > (clear + actor.width / 2 + (actor.length / 3 if actor.mesh else 0)) ** 2
                    ).all()
                    for path, actor in zip(paths, actors, strict=True)
                ):
                    heading = -side * np.pi / 2 if kind in ("pole", "bench") else float(rng.uniform(0, 2 * np.pi))
                    if kind == "trailer":
                        heading = float(rng.choice([0.0, np.pi]))
                    props.append(build_prop(kind, np.array([spot[0], spot[1], 0.0]), heading, rng))
                    break
        return props


def _body_of(actor: Actor) -> dict:
    return {
        "mesh": actor.mesh,
        "look": actor.look,
        "length": actor.length,
        "width": actor.width,
        "height": actor.height,
        "gait_start": actor.gait_start,
    }


def _body_circles(actor: Actor, samples: NDArray[np.int64]) -> Array:
    """Centres (S, K, 2) of circles as wide as the body that cover its footprint."""
    count = max(1, int(np.ceil(actor.length / max(actor.width, 0.3))))
    offsets = (np.arange(count) - (count - 1) / 2) * (actor.length / count)
    x, y, heading = (column[samples] for column in (actor.path.x, actor.path.y, actor.path.heading))
    return np.stack(
        [x[:, None] + offsets * np.cos(heading)[:, None], y[:, None] + offsets * np.sin(heading)[:, None]], axis=-1
    )
