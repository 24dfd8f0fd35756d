"""Restyled clips whose truth is known: procedural scenes drawn twice, once as the source and once as what became of it.

A diffusion model restyles a source video, and nobody knows exactly what it kept. Here the second drawing stands for the
model: the same scene, in which objects were erased, moved, replaced or added before it was painted, with shadows and
occlusions as they must be, under a style that changes every pixel. Both truths come from the painter's masks, and a
track has the same id in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.procedural.actors import Actor, rider_index
from generators.procedural.render import render_staged
from generators.procedural.scene import SceneRequest, TruthObjects
from generators.procedural.staging import Scene, stage_scene
from generators.procedural_clips import truth_table
from schemas.tables import TRUTH, table_from_columns
from schemas.truth_limits import MIN_SIDE_PX, MIN_VISIBILITY

WIDTH, HEIGHT, FPS = 320, 192, 12.0
NEW_TRACKS = 1000
"""Objects that the source does not have get ids from here on."""

LOOKALIKES = {"car": "truck", "truck": "bus", "bus": "truck", "person": "dog", "dog": "bicycle", "bicycle": "dog"}
"""What a replaced object becomes."""


@dataclass(frozen=True)
class RestyledClip:
    """A restyled clip with both truths.

    Attributes:
        name: of the clip.
        kind: what was done to it; one of ``KINDS``.
        frames: uint8 ``(F, H, W, 3)`` RGB, restyled.
        source: ``TRUTH`` of the source.
        truth: ``TRUTH`` of what ``frames`` show, with the source's ids.
    """

    name: str
    kind: str
    frames: np.ndarray
    source: pa.Table
    truth: pa.Table


@dataclass(frozen=True)
class _Take:
    """One drawing of a scene: its frames, and the truth of each under the ids of the source."""

    images: list[np.ndarray]
    objects: list[TruthObjects]


def make_clip(kind: str, seed: int, frames: int = 20) -> RestyledClip:
    """The clip of ``kind``, one of ``KINDS``, that ``seed`` stands for; equal arguments give equal clips."""
    rng = np.random.default_rng([seed, KINDS_IN_ORDER.index(kind)])
    request = SceneRequest(seed=seed, frames=frames, fps=FPS, width=WIDTH, height=HEIGHT)
    scene = stage_scene(request)
    source, restyled = KINDS[kind](scene, request, rng)
    images, truth = np.stack(restyled.images), truth_table(restyled.objects)
    if kind == "reframed":
        images, truth = _reframe(images, truth, rng)
    return RestyledClip(f"{kind}-{seed}", kind, restyle(images, rng), truth_table(source.objects), truth)


def restyle(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another look for uint8 ``(F, H, W, 3)`` images: a grade, and one of several painterly or technical styles."""
    tint, gamma = rng.uniform(0.75, 1.25, 3), rng.uniform(0.7, 1.4)
    curve = [(np.clip((np.arange(256) / 255) ** gamma * gain, 0, 1) * 255).astype(np.uint8) for gain in tint]
    graded = np.stack([curve[channel][images[..., channel]] for channel in range(3)], axis=-1)
    style = STYLES[int(rng.integers(len(STYLES)))]
    return np.stack([style(image, rng) for image in graded])


def _plain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return image


def _noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(image + rng.normal(0, 9, image.shape), 0, 255).astype(np.uint8)


def _soft(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 0.9)


def _flat(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(0.6 * image + 50, 0, 255).astype(np.uint8)


def _harsh(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(1.45 * image.astype(np.float32) - 50, 0, 255).astype(np.uint8)


def _poster(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (image // 36 * 36 + 18).astype(np.uint8)


def _painted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return cv2.stylization(image, sigma_s=15, sigma_r=0.25)


STYLES: tuple[Callable[[np.ndarray, np.random.Generator], np.ndarray], ...] = (
    _plain, _noisy, _soft, _flat, _harsh, _poster, _painted,
)  # fmt: skip


def _faithful(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    take = _draw(scene, request)
    return take, take


def _erased(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    victims = _victims(scene, rng)
    return _draw(scene, request), _draw_without(scene, request, victims)


def _erased_late(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    whole, without = _erased(scene, request, rng)
    return whole, _splice(whole, without, _middle(request, rng))


def _added(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    without, whole = reversed(_erased(scene, request, rng))
    return without, whole


def _moved(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    return _shifted(scene, request, rng, np.ones(request.frames))


def _moved_late(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    whole, moved = _moved(scene, request, rng)
    return whole, _splice(whole, moved, _middle(request, rng))


def _drifting(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    return _shifted(scene, request, rng, np.linspace(0, 1.5, request.frames))


def _replaced(scene: Scene, request: SceneRequest, rng: np.random.Generator) -> tuple[_Take, _Take]:
    actors, numbers = list(scene.actors), list(range(1, len(scene.actors) + 1))
    for index in _victims(scene, rng, ridden=False):
        donor = _cast_one(LOOKALIKES[actors[index].class_name], request, rng)
        actors[index] = replace(donor, path=actors[index].path)
        numbers[index] += NEW_TRACKS
    return _draw(scene, request), _draw(replace(scene, actors=tuple(actors)), request, numbers)


KINDS: dict[str, Callable[[Scene, SceneRequest, np.random.Generator], tuple[_Take, _Take]]] = {
    "faithful": _faithful,
    "erased": _erased,
    "erased_late": _erased_late,
    "moved": _moved,
    "moved_late": _moved_late,
    "drifting": _drifting,
    "replaced": _replaced,
    "added": _added,
    "reframed": _faithful,
}
"""What may happen to a clip: nothing but its style; objects gone, from the start or from mid-clip on; objects
elsewhere, from the start, from mid-clip on, or ever further; other classes in their places; objects that the source
does not have; the whole picture shifted and scaled."""

KINDS_IN_ORDER = list(KINDS)


def _draw(scene: Scene, request: SceneRequest, numbers: Sequence[int] | None = None) -> _Take:
    """One drawing; ``numbers`` are the ids of its actors, by default their places from 1."""
    frames = list(render_staged(scene, request))
    known = np.asarray(numbers or range(1, len(scene.actors) + 1), np.int32)
    objects = [replace(frame.objects, track=known[frame.objects.track - 1]) for frame in frames]
    return _Take([frame.image for frame in frames], objects)


def _draw_without(scene: Scene, request: SceneRequest, victims: set[int]) -> _Take:
    kept = [index for index in range(len(scene.actors)) if index not in victims]
    fewer = replace(scene, actors=tuple(scene.actors[index] for index in kept))
    if not kept:
        empty = list(render_staged(fewer, request))
        return _Take([frame.image for frame in empty], [frame.objects for frame in empty])
    return _draw(fewer, request, [index + 1 for index in kept])


def _splice(before: _Take, after: _Take, at: int) -> _Take:
    return _Take([*before.images[:at], *after.images[at:]], [*before.objects[:at], *after.objects[at:]])


def _middle(request: SceneRequest, rng: np.random.Generator) -> int:
    return int(rng.integers(request.frames // 4, 3 * request.frames // 4))


def _victims(scene: Scene, rng: np.random.Generator, *, ridden: bool = True) -> set[int]:
    """Indexes of some actors, a half of them on average and at least one; who rides goes with the bicycle."""
    groups = [
        {index} if (rider := rider_index(scene.actors, index)) is None else {index, rider}
        for index, actor in enumerate(scene.actors)
        if actor.rides is None
    ]
    groups = [group for group in groups if ridden or len(group) == 1] or groups[:1]
    chosen = rng.random(len(groups)) < 0.5
    chosen[int(rng.integers(len(groups)))] = True
    return set().union(*(group for group, is_chosen in zip(groups, chosen, strict=True) if is_chosen))


def _shifted(scene: Scene, request: SceneRequest, rng: np.random.Generator, course: np.ndarray) -> tuple[_Take, _Take]:
    """Some actors moved over the ground, mostly across the picture, by 0.5 to 1.5 of their size times ``course``."""
    camera = scene.view.camera_at(0, request.width, request.height)
    across = camera.rotation[0][:2] / max(float(np.linalg.norm(camera.rotation[0][:2])), 1e-6)
    actors = list(scene.actors)
    victims = _victims(scene, rng)
    for index in sorted(victims):
        actor = actors[index]
        if actor.rides is not None:
            actors[index] = replace(actor, path=actors[index - 1].path)
            continue
        turn = rng.normal(0, 0.5) + (np.pi if rng.random() < 0.5 else 0)
        towards = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ across
        step = rng.uniform(0.5, 1.5) * max(0.8 * actor.length, actor.width, 0.4 * actor.height) * towards
        path = replace(actor.path, x=actor.path.x + step[0] * course, y=actor.path.y + step[1] * course)
        actors[index] = replace(actor, path=path)
    return _draw(scene, request), _draw(replace(scene, actors=tuple(actors)), request)


def _cast_one(class_name: str, request: SceneRequest, rng: np.random.Generator) -> Actor:
    """An actor of ``class_name`` from another scene."""
    other = replace(request, seed=int(rng.integers(2**31)), objects={class_name: 1}, frames=2)
    return stage_scene(other).actors[0]


def _reframe(images: np.ndarray, truth: pa.Table, rng: np.random.Generator) -> tuple[np.ndarray, pa.Table]:
    """The picture enlarged by up to a third and shifted, and the truth with it."""
    scale = rng.uniform(1.05, 1.35)
    spare = (scale - 1) * np.array([WIDTH, HEIGHT])
    shift = -rng.uniform(0, 1, 2) * spare
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    framed = np.stack([cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC) for image in images])
    low = np.stack([truth[side].to_numpy() for side in "xy"], axis=1)
    high = low + np.stack([truth[side].to_numpy() for side in "wh"], axis=1)
    limits = np.array([WIDTH, HEIGHT])
    whole = (high - low) * scale
    low, high = np.clip(scale * low + shift, 0, limits), np.clip(scale * high + shift, 0, limits)
    size = high - low
    visibility = truth["visibility"].to_numpy() * size.prod(axis=1) / np.maximum(whole.prod(axis=1), 1e-6)
    difficult = truth["difficult"].to_numpy() | (visibility < MIN_VISIBILITY) | (size.min(axis=1) < MIN_SIDE_PX)
    box = np.concatenate([low, size], axis=1)
    columns = {name: truth[name] for name in TRUTH.names}
    columns |= {name: box[:, place].astype(np.float32) for place, name in enumerate("xywh")}
    columns |= {f"full_{name}": columns[name] for name in "xywh"}
    columns |= {"visibility": visibility.astype(np.float32), "difficult": difficult}
    moved = table_from_columns(TRUTH, columns)
    return framed, moved.filter(pc.greater(pc.min_element_wise(moved["w"], moved["h"]), 0))
