"""From a request to frames with truth: scene, background, actors in painter's order, weather and sensor."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import Image, Mask
from generators.procedural.atmosphere import Atmosphere
from generators.procedural.canvas import Silhouette
from generators.procedural.lamp_glow import paint_glow
from generators.procedural.painting import FramePainter
from generators.procedural.scene import CLASSES, RenderedFrame, SceneRequest
from generators.procedural.staging import Scene, stage_scene
from generators.procedural.truth import measure_truth
from schemas.errors import RecipeError

_LEAST_SIDE = 32
_LAST_SUPERSAMPLED_HEIGHT = 400


@dataclass(frozen=True)
class _Painted:
    """One finished image with what its truth is measured from."""

    image: Image
    actors: tuple[Actor, ...]
    ids: Mask
    silhouettes: list[Silhouette | None]
    scale: int


def render_scene(request: SceneRequest) -> Iterator[RenderedFrame]:
    """Render the frames of a request, lazily, bit for bit the same every time.

    Raises:
        RecipeError: before the first frame, for a class that cannot be drawn, a negative count or an impossible size.
    """
    _check_request(request)
    return (_with_truth(frame) for frame in _paint_scene(request, stage_scene(request)))


def render_staged(scene: Scene, request: SceneRequest) -> Iterator[RenderedFrame]:
    """The frames of a scene that was staged for `request`, and changed since: another cast before the same picture.

    What is left as it was staged comes out as in `render_scene`, to the bit.
    """
    return (_with_truth(frame) for frame in _paint_scene(request, scene))


def render_pictures(request: SceneRequest) -> Iterator[Image]:
    """The images of `render_scene`, without measuring the truth: the same pixels, a little faster."""
    _check_request(request)
    return (frame.image for frame in _paint_scene(request, stage_scene(request)))


def _with_truth(frame: _Painted) -> RenderedFrame:
    return RenderedFrame(frame.image, measure_truth(frame.actors, frame.ids, frame.silhouettes, frame.scale))


def _check_request(request: SceneRequest) -> None:
    for name, count in request.objects.items():
        if name not in CLASSES:
            raise RecipeError(f"objects: the procedural generator cannot draw {name!r}; it draws {', '.join(CLASSES)}.")
        if count < 0:
            raise RecipeError(f"objects: the count of {name!r} must be 0 or more, got {count}.")
    if request.frames < 1 or request.fps <= 0:
        raise RecipeError(
            f"clip: needs at least 1 frame and a rate above 0, got {request.frames} frames at {request.fps} fps."
        )
    if min(request.width, request.height) < _LEAST_SIDE or request.width % 2 or request.height % 2:
        raise RecipeError(
            f"clip: width and height must be even and at least {_LEAST_SIDE}, got {request.width} x {request.height}."
        )


def _paint_scene(request: SceneRequest, scene: Scene) -> Iterator[_Painted]:
    seeds = np.random.SeedSequence([abs(request.seed), int(request.seed < 0), 7]).spawn(2)
    backdrop_rng, atmosphere_rng = (np.random.Generator(np.random.PCG64(seed)) for seed in seeds)
    width, height = request.width, request.height
    # Small pictures are drawn at twice their size and averaged, for smooth edges.
    scale = 2 if height <= _LAST_SUPERSAMPLED_HEIGHT else 1
    painter = FramePainter(scene, width * scale, height * scale, scale, backdrop_rng)
    atmosphere = Atmosphere(scene.conditions, scene.light, width, height, request.frames, request.fps, atmosphere_rng)
    for frame in range(request.frames):
        canvas, ids, silhouettes = painter.paint_frame(frame)
        image = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) if scale > 1 else canvas
        image = atmosphere.finish(image, paint_glow(scene, frame, width, height), frame)
        yield _Painted(image, scene.actors, ids, silhouettes, scale)
