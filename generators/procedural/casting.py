"""Placing the cast: one actor after the other, out of each other's way and in the camera's sight."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from generators.procedural.actors import Actor, rider_index
from generators.procedural.arrays import Floats, Indexes
from generators.procedural.bicycles import BicycleLook, draw_bicycle_look
from generators.procedural.buses import build_bus
from generators.procedural.cars import build_car
from generators.procedural.conditions import Conditions
from generators.procedural.dogs import draw_dog_look
from generators.procedural.layout import Layout, View
from generators.procedural.motion import lay_path
from generators.procedural.people import draw_person_look
from generators.procedural.routes import RoutePlanner
from generators.procedural.scene import CLASSES, SceneRequest
from generators.procedural.sight import Sight
from generators.procedural.trucks import build_truck

_BUILDERS = {"car": build_car, "bus": build_bus, "truck": build_truck}
_PLACING_ORDER = ("bus", "truck", "car", "bicycle", "dog", "person")
_CLASS_ODDS = np.array([0.32, 0.13, 0.24, 0.09, 0.11, 0.11])
_TRIES = 30
_NOWHERE = lay_path((0.0, 0.0), 0, 0.0, np.zeros(1), 1.0)


def draw_mix(conditions: Conditions, rng: np.random.Generator) -> dict[str, int]:
    """Objects by class for a scene that promises none in particular."""
    low, high = {"sparse": (1, 4), "normal": (3, 8), "crowded": (8, 15)}[conditions.density]
    count = int(rng.integers(low, high))
    drawn = rng.choice(len(CLASSES), count, p=_CLASS_ODDS)
    return {name: int((drawn == k).sum()) for k, name in enumerate(CLASSES) if (drawn == k).any()}


class Stage:
    """One place with its cameras, on which actors are put; `calm`: what moves goes slowly."""

    def __init__(
        self, layout: Layout, view: View, request: SceneRequest, rng: np.random.Generator, *, calm: bool
    ) -> None:
        self.layout = layout
        self.rng = rng
        self.frames = request.frames
        self.sight = Sight(view, request.frames, request.width, request.height)
        self._routes = RoutePlanner(layout, self.sight, request.frames, request.fps, rng, calm=calm)
        self._circles: dict[Actor, Floats] = {}

    def cast(self, objects: Mapping[str, int]) -> list[Actor]:
        """Actors for the promised objects; riders follow their bicycles."""
        wanted = [name for name in _PLACING_ORDER for _ in range(objects.get(name, 0))]
        people = objects.get("person", 0)
        actors: list[Actor] = []
        for name in wanted:
            if name == "person" and people <= 0:
                continue
            actor = self._place(self._draw_body(name), actors)
            actors.append(actor)
            if name == "bicycle" and people > 0 and self.rng.random() < 0.6:
                actors[-1], rider = self._mount(actor, actors[:-1])
                actors.append(rider)
                people -= 1
            elif name == "person":
                people -= 1
        return actors

    def replace(self, actors: list[Actor], index: int) -> None:
        """Put one actor (with its bicycle, or the rider on it) elsewhere."""
        if actors[index].rides is not None:
            index -= 1
        actor, rider = actors[index], rider_index(actors, index)
        others = [other for k, other in enumerate(actors) if k not in (index, rider)]
        if rider is None:
            actors[index] = self._place(actor, others)
        else:
            actors[index], actors[rider] = self._mount(self._place(actor, others, ridden=True), others)

    def _mount(self, bicycle: Actor, others: list[Actor]) -> tuple[Actor, Actor]:
        """The bicycle on the move, and its rider."""
        if bicycle.path.speed.max() <= 0.1:
            bicycle = self._place(self._draw_body("bicycle"), others, ridden=True)
        look = draw_person_look(self.rng)
        while look.height < 1.5:
            look = draw_person_look(self.rng)
        assert isinstance(bicycle.look, BicycleLook)
        return bicycle, replace(bicycle, class_name="person", height=1.8, look=look, rides=bicycle.look)

    def _place(self, body: Actor, others: list[Actor], *, ridden: bool = False) -> Actor:
        """The body on a path that the camera sees; the best of several tries."""
        rivals = [other for other in others if other.rides is None]
        best: tuple[float, Actor] | None = None
        for attempt in range(_TRIES):
            path = self._routes.draw_path(body.class_name, attempt, ridden=ridden)
            if path is None:
                continue
            actor = replace(body, path=path)
            seen = self.sight.seen_share(actor, rivals)
            if best is not None and seen <= best[0]:
                continue
            clash = self._clashes(actor, others)
            score = seen - 2.0 * clash
            if best is None or score > best[0]:
                best = (score, actor)
            if seen >= 0.6 and not clash:
                break
        return best[1] if best is not None else replace(body, path=self._routes.stand_ahead())

    def _draw_body(self, name: str) -> Actor:
        """An actor of a class, not placed yet."""
        rng = self.rng
        start = float(rng.uniform(0, 10))
        if name in _BUILDERS:
            mesh = _BUILDERS[name](rng)
            return Actor(name, _NOWHERE, mesh.length, mesh.width, mesh.height, mesh=mesh, gait_start=start)
        if name == "person":
            person = draw_person_look(rng)
            return Actor(name, _NOWHERE, 0.5, 0.5, person.height, look=person, gait_start=start)
        if name == "dog":
            dog = draw_dog_look(rng)
            return Actor(name, _NOWHERE, dog.length * 1.4, 0.35, dog.height, look=dog, gait_start=start)
        return Actor(name, _NOWHERE, 1.75, 0.5, 1.1, look=draw_bicycle_look(rng), gait_start=start)

    def _clashes(self, actor: Actor, others: list[Actor]) -> bool:
        """Whether bodies would touch, the camera's stand and the houses included."""
        mine = self._body_circles(actor)
        stand = self.sight.cameras[0].position
        reach = actor.width / 2 + (1.3 if stand[2] < actor.height + 0.6 else 0.3)
        if (((mine - stand[:2]) ** 2).sum(axis=-1) < reach**2).any():
            return True
        if self._drives_into_houses(actor):
            return True
        for other in others:
            theirs = self._body_circles(other)
            gap = actor.width / 2 + other.width / 2 + 0.05
            if (((mine[:, :, None] - theirs[:, None]) ** 2).sum(axis=-1) < gap**2).any():
                return True
        return False

    def _drives_into_houses(self, actor: Actor) -> bool:
        """Whether a vehicle leaves a street that is lined with houses, other than by its side road."""
        layout, path = self.layout, actor.path
        outside = np.abs(path.y) > layout.edge
        if actor.mesh is None or layout.place != "city street" or not outside.any():
            return False
        return layout.junction is None or not bool((np.abs(path.x[outside] - layout.junction) < 4.5).all())

    def _body_circles(self, actor: Actor) -> Floats:
        if actor not in self._circles:
            self._circles[actor] = _cover_with_circles(actor, self.sight.samples)
        return self._circles[actor]


def _cover_with_circles(actor: Actor, samples: Indexes) -> Floats:
    """Centres (S, K, 2) of circles as wide as the body that cover its footprint."""
    count = max(1, int(np.ceil(actor.length / max(actor.width, 0.3))))
    offsets = (np.arange(count) - (count - 1) / 2) * (actor.length / count)
    x, y, heading = (column[samples] for column in (actor.path.x, actor.path.y, actor.path.heading))
    return np.stack(
        [x[:, None] + offsets * np.cos(heading)[:, None], y[:, None] + offsets * np.sin(heading)[:, None]], axis=-1
    )
