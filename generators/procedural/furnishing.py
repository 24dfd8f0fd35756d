"""Street furniture on the pavements, clear of all paths; a little of it in front of the street."""

import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import Floats
from generators.procedural.casting import Stage
from generators.procedural.layout import Layout
from generators.procedural.props import KINDS, Prop, build_prop

_TRIES = 8
_KERBSIDE = ("pole", "sign", "hydrant", "bollard")


def draw_furniture(stage: Stage, actors: list[Actor]) -> list[Prop]:
    """Props for a stage and its cast."""
    rng = stage.rng
    step = max(1, stage.frames // 12)
    paths = [np.stack([actor.path.x, actor.path.y], axis=1)[::step] for actor in actors]
    eye = stage.sight.cameras[0].position[:2]
    wanted = int(rng.integers(3, 9))
    kinds = [str(kind) for kind in rng.choice(KINDS, wanted)] + ["pole"] * 2
    props: list[Prop] = []
    for kind in kinds:
        own_reach = 1.6 if kind == "trailer" else 0.75
        for _ in range(_TRIES):
            side, spot = _draw_spot(kind, stage.layout, rng)
            if ((spot - eye) ** 2).sum() < 3.0**2:
                continue
            if _is_clear(spot, own_reach, actors, paths):
                heading = _draw_heading(kind, side, rng)
                props.append(build_prop(kind, np.array([spot[0], spot[1], 0.0]), heading, rng))
                break
    return props


def _draw_spot(kind: str, layout: Layout, rng: np.random.Generator) -> tuple[float, Floats]:
    """The side of the street, -1 or 1, and a ground position (2,)."""
    side = rng.choice([-1.0, 1.0])
    kerb = layout.road + 0.4
    y = side * (kerb if kind in _KERBSIDE else rng.uniform(kerb, layout.edge))
    if kind == "trailer":
        y = side * (layout.road - 1.2 if layout.parking else layout.edge + 0.3)
    if kind == "cone":
        y = side * rng.uniform(0.6, 1.0) * layout.road
    spot = np.array([rng.uniform(-22, 22), y])
    if kind == "pole" and len(layout.lamps):
        spot = layout.lamps[int(rng.integers(len(layout.lamps)))]
    return side, spot


def _is_clear(spot: Floats, own_reach: float, actors: list[Actor], paths: list[Floats]) -> bool:
    """Whether no actor comes near on its path (T, 2)."""
    for actor, path in zip(actors, paths, strict=True):
        reach = own_reach + actor.width / 2 + (actor.length / 3 if actor.mesh else 0)
        if not (((path - spot) ** 2).sum(axis=1) > reach**2).all():
            return False
    return True


def _draw_heading(kind: str, side: float, rng: np.random.Generator) -> float:
    heading = -side * np.pi / 2 if kind in ("pole", "bench") else float(rng.uniform(0, 2 * np.pi))
    if kind == "trailer":
        heading = float(rng.choice([0.0, np.pi]))
    return heading
