"""From a request to a scene: conditions, place, light and a cast that is placed anew until all of it is well seen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from generators.procedural.actors import Actor, draw_actor, order_things
from generators.procedural.arrays import Indexes
from generators.procedural.canvas import Silhouette, draw_silhouette
from generators.procedural.casting import Stage, draw_mix
from generators.procedural.conditions import Conditions, read_conditions
from generators.procedural.furnishing import draw_furniture
from generators.procedural.layout import Layout, View, draw_layout, draw_view
from generators.procedural.light import Light, draw_light
from generators.procedural.props import Prop, draw_prop
from generators.procedural.scene import SceneRequest
from generators.procedural.truth import measure_truth, stamp
from schemas.truth_limits import MIN_SIDE_PX, MIN_VISIBILITY

_STAGES = 10
_ROUNDS = 4
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Scene:
    """Everything that stays the same from frame to frame."""

    conditions: Conditions
    layout: Layout
    view: View
    light: Light
    fps: float
    actors: tuple[Actor, ...]
    props: tuple[Prop, ...]


def stage_scene(request: SceneRequest) -> Scene:
    """Draw conditions, place, light and cast; when no cast shows every object often enough, the best one found."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([abs(request.seed), int(request.seed < 0)])))
    conditions = read_conditions(request.attributes, rng)
    objects = {name: count for name, count in request.objects.items() if count} or draw_mix(conditions, rng)
    best: tuple[int, Scene] | None = None
    for stage_number in range(_STAGES):
        # A cast that does not fit gets another place; from then on seen from above and moving less, so that it does.
        found = _rehearse(request, conditions, objects, rng, hard=stage_number >= 2)
        if best is None or found[0] < best[0]:
            best = found
        if best[0] == 0:
            break
    assert best is not None
    return best[1]


def _rehearse(
    request: SceneRequest, conditions: Conditions, objects: Mapping[str, int], rng: np.random.Generator, *, hard: bool
) -> tuple[int, Scene]:
    """The best scene in one place, with the number of its actors that are not well seen; those are placed again."""
    layout = draw_layout(conditions, rng)
    view = draw_view(layout, conditions, request.frames, request.fps, rng, raised=hard)
    light = draw_light(conditions, layout.lamps, rng)
    stage = Stage(layout, view, request, rng, calm=hard)
    rehearsal = _Rehearsal(stage, light, request.width, request.height)
    actors = stage.cast(objects)
    props = draw_furniture(stage, actors)
    best: tuple[int, Scene] | None = None
    for attempt in range(_ROUNDS):
        scene = Scene(conditions, layout, view, light, request.fps, tuple(actors), tuple(props))
        hidden = rehearsal.find_hidden(scene)
        if best is None or len(hidden) < best[0]:
            best = (len(hidden), scene)
        if not hidden or (attempt and len(hidden) > 0.3 * len(actors) + 1):
            break
        for index in hidden:
            stage.replace(actors, index)
        props = draw_furniture(stage, actors) if attempt < _ROUNDS - 3 else []
    assert best is not None
    return best


class _Rehearsal:
    """Draws a cast at a few frames, to see who is seen; what looks as it did before is not drawn again."""

    def __init__(self, stage: Stage, light: Light, width: int, height: int) -> None:
        self._stage = stage
        self._light = light
        self._still = stage.sight.is_still
        self._width, self._height = width, height
        self._drawn: dict[tuple[Actor | Prop, int], Silhouette | None] = {}

    def find_hidden(self, scene: Scene) -> list[int]:
        """Actors that are not well seen in at least half of the sampled frames."""
        shown = np.zeros(len(scene.actors))
        for frame in self._stage.sight.samples.tolist():
            shown[self._well_seen(scene, frame)] += 1
        return [int(k) for k in np.flatnonzero(shown < _LEAST_SHARE * len(self._stage.sight.samples))]

    def _well_seen(self, scene: Scene, frame: int) -> Indexes:
        """Indexes of the actors that are well seen in one frame."""
        ids = np.zeros((self._height, self._width), np.uint8)
        silhouettes: list[Silhouette | None] = [None] * len(scene.actors)
        for index, thing in order_things(scene.actors, scene.props, frame, self._stage.sight.cameras[frame]):
            silhouette = self._silhouette(thing, frame)
            if silhouette is None:
                continue
            stamp(ids, silhouette, index + 1)
            if index >= 0:
                silhouettes[index] = silhouette
        truth = measure_truth(scene.actors, ids, silhouettes, 1)
        # A little stricter than the truth's own limits, which are measured on a finer canvas.
        sides = truth.box[:, 2:].min(axis=1, initial=np.inf)
        clear = (truth.visibility > MIN_VISIBILITY + 0.05) & (sides > MIN_SIDE_PX + 0.5)
        seen: Indexes = truth.track[clear] - 1
        return seen

    def _silhouette(self, thing: Actor | Prop, frame: int) -> Silhouette | None:
        key = thing, 0 if self._still and thing.is_still else frame
        if key not in self._drawn:
            camera = self._stage.sight.cameras[frame]
            if isinstance(thing, Actor):
                sprite = draw_actor(thing, frame, camera, self._light)
            else:
                sprite = draw_prop(thing, camera, self._light)
            self._drawn[key] = draw_silhouette(sprite, self._width, self._height)
        return self._drawn[key]
