"""Who takes part: one object of the truth with its look and its path, and how it is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from generators.procedural.bicycles import BicycleLook, draw_bicycle
from generators.procedural.body import draw_rider, draw_walker
from generators.procedural.camera import Camera
from generators.procedural.canvas import Sprite
from generators.procedural.depth_order import footprint_corners, order_by_depth
from generators.procedural.dogs import DogLook, draw_dog
from generators.procedural.light import Light
from generators.procedural.mesh import Mesh, draw_mesh
from generators.procedural.motion import Path
from generators.procedural.people import PersonLook
from generators.procedural.props import Prop


@dataclass(frozen=True, eq=False)
class Actor:
    """One object of the truth. A rider shares its bicycle's path and footprint, and follows it in the cast."""

    class_name: str
    path: Path
    length: float
    width: float
    height: float
    mesh: Mesh | None = None
    look: PersonLook | DogLook | BicycleLook | None = None
    rides: BicycleLook | None = None
    gait_start: float = 0.0

    @property
    def is_still(self) -> bool:
        """Whether it looks the same in all frames of a still camera."""
        return not self.path.speed.any()


def draw_actor(actor: Actor, frame: int, camera: Camera, light: Light) -> Sprite:
    """The actor at a frame, as seen by the camera."""
    path, look = actor.path, actor.look
    position = np.array([path.x[frame], path.y[frame], 0.0])
    heading, speed = float(path.heading[frame]), float(path.speed[frame])
    driven = float(path.driven[frame]) + actor.gait_start
    if actor.mesh is not None:
        slowing = frame > 0 and speed < path.speed[frame - 1] - 0.05
        return draw_mesh(actor.mesh, position, heading, driven, camera, light, braking=bool(slowing))
    if isinstance(look, PersonLook):
        if actor.rides is not None:
            return draw_rider(look, actor.rides, position, heading, driven, camera, light)
        return draw_walker(look, position, heading, driven, speed, camera, light)
    if isinstance(look, DogLook):
        return draw_dog(look, position, heading, driven, speed, camera, light)
    assert isinstance(look, BicycleLook)
    return draw_bicycle(look, position, heading, driven, camera, light)


def rider_index(actors: Sequence[Actor], index: int) -> int | None:
    """The index of the rider on actor `index`; None when nobody rides it."""
    following = index + 1
    if following < len(actors) and actors[following].rides is not None and actors[index].class_name == "bicycle":
        return following
    return None


def order_things(
    actors: Sequence[Actor], props: Sequence[Prop], frame: int, camera: Camera
) -> Iterator[tuple[int, Actor | Prop]]:
    """(actor index, actor) or (-1, prop), from the farthest to the nearest; riders right after their bicycles."""
    standing = [index for index, actor in enumerate(actors) if actor.rides is None]
    things: list[Actor | Prop] = [*(actors[index] for index in standing), *props]
    if not things:
        return
    paths = [actors[index].path for index in standing]
    corners = footprint_corners(
        np.array([path.x[frame] for path in paths] + [prop.position[0] for prop in props]),
        np.array([path.y[frame] for path in paths] + [prop.position[1] for prop in props]),
        np.array([path.heading[frame] for path in paths] + [prop.heading for prop in props]),
        np.array([thing.length for thing in things]),
        np.array([thing.width for thing in things]),
    )
    for place in order_by_depth(corners, camera.position[:2]):
        if place >= len(standing):
            yield -1, things[place]
            continue
        index = standing[place]
        yield index, actors[index]
        rider = rider_index(actors, index)
        if rider is not None:
            yield rider, actors[rider]
