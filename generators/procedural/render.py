"""From a request to frames with truth: the background plate, the actors in painter's order, the weather and the sensor."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.procedural.atmosphere import Atmosphere
from generators.procedural.backdrop import draw_backdrop
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import SHIFT, Silhouette, Sprite, draw_silhouette, paint, to_fixed
from generators.procedural.casting import Actor, Stage, draw_actor, draw_mix
from generators.procedural.conditions import Conditions, read_conditions
from generators.procedural.depth_order import footprint_corners, order_by_depth
from generators.procedural.layout import Layout, View, draw_layout, draw_view
from generators.procedural.light import Light, draw_light
from generators.procedural.props import Prop, draw_prop
from generators.procedural.scene import CLASSES, RenderedFrame, SceneRequest, TruthObjects
from schemas.errors import RecipeError
from schemas.truth_limits import MIN_SIDE_PX, MIN_VISIBILITY

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_STAGES = 10
_ROUNDS = 4


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


def render_scene(request: SceneRequest) -> Iterator[RenderedFrame]:
    """Render the frames of a request, lazily, bit for bit the same every time.

    Raises:
        RecipeError: before the first frame, for a class that cannot be drawn, a negative count or an impossible size.
    """
    _check_request(request)
    return _render(request)


def render_pictures(request: SceneRequest) -> Iterator[Image]:
    """The images of `render_scene`, without measuring the truth: the same pixels, a little faster."""
    _check_request(request)
    return (image for image, _, _, _, _ in _paint_scene(request))


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
    if min(request.width, request.height) < 32 or request.width % 2 or request.height % 2:
        raise RecipeError(
            f"clip: width and height must be even and at least 32, got {request.width} x {request.height}."
        )


def _render(request: SceneRequest) -> Iterator[RenderedFrame]:
    for image, actors, ids, silhouettes, scale in _paint_scene(request):
        yield RenderedFrame(image, measure_truth(actors, ids, silhouettes, scale))


def _paint_scene(
    request: SceneRequest,
) -> Iterator[tuple[Image, tuple[Actor, ...], Image, list[Silhouette | None], int]]:
    """Image, actors, canvas of ids, silhouettes by actor and canvas pixels per image pixel, frame by frame."""
    scene = stage_scene(request)
    seeds = np.random.SeedSequence([abs(request.seed), int(request.seed < 0), 7]).spawn(2)
    backdrop_rng, atmosphere_rng = (np.random.Generator(np.random.PCG64(seed)) for seed in seeds)
    scale = 2 if request.height <= 400 else 1
    width, height = request.width * scale, request.height * scale
    painter = _FramePainter(scene, width, height, scale, backdrop_rng)
    atmosphere = Atmosphere(
        scene.conditions, scene.light, request.width, request.height, request.frames, request.fps, atmosphere_rng
    )
    for frame in range(request.frames):
        canvas, ids, silhouettes = painter.paint_frame(frame)
        image = (
            cv2.resize(canvas, (request.width, request.height), interpolation=cv2.INTER_AREA) if scale > 1 else canvas
        )
        glow = painter.paint_glow(frame, request.width, request.height)
        image = atmosphere.finish(image, glow, frame)
        yield image, scene.actors, ids, silhouettes, scale


def stage_scene(request: SceneRequest) -> Scene:
    """Draw place, light and cast; the cast is placed anew until every promised object is shown often enough."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([abs(request.seed), int(request.seed < 0)])))
    conditions = read_conditions(request.attributes, rng)
    objects = {name: count for name, count in request.objects.items() if count} or draw_mix(conditions, rng)
    best: tuple[int, Scene] | None = None
    for stage_number in range(_STAGES):
        # A cast that does not fit gets another place; from then on seen from above and moving less, so that it does.
        hard = stage_number >= 2
        layout = draw_layout(conditions, rng)
        view = draw_view(layout, conditions, request.frames, request.fps, rng, raised=hard)
        light = draw_light(conditions, layout.lamps, rng)
        stage = Stage(layout, view, conditions, request.frames, request.fps, request.width, request.height, hard, rng)
        actors = stage.cast(objects)
        props = stage.draw_props(actors)
        for attempt in range(_ROUNDS):
            scene = Scene(conditions, layout, view, light, request.fps, tuple(actors), tuple(props))
            hidden = _hidden_actors(scene, stage, request.width, request.height, 0.5)
            if best is None or len(hidden) < best[0]:
                best = (len(hidden), scene)
            if not hidden:
                return scene
            if attempt and len(hidden) > 0.3 * len(actors) + 1:
                break
            for index in hidden:
                stage.replace(actors, index)
            props = stage.draw_props(actors) if attempt < _ROUNDS - 3 else []
    assert best is not None
    return best[1]


def _hidden_actors(scene: Scene, stage: Stage, width: int, height: int, least: float) -> list[int]:
    """Actors that are not well seen in at least a share `least` of the sampled frames."""
    shown = np.zeros(len(scene.actors))
    for frame in stage.samples.tolist():
        camera = stage.cameras[frame]
        ids = np.zeros((height, width), np.uint8)
        silhouettes: list[Silhouette | None] = [None] * len(scene.actors)
        for index, sprite in _sprites_in_order(scene, frame, camera, {}):
            silhouette = draw_silhouette(sprite, width, height)
            if silhouette is not None:
                _stamp(ids, silhouette, max(index, -1) + 1)
                if index >= 0:
                    silhouettes[index] = silhouette
        truth = measure_truth(scene.actors, ids, silhouettes, 1)
        # A little stricter than the truth's own limits, which are measured on a finer canvas.
        clear = (truth.visibility > MIN_VISIBILITY + 0.05) & (
            truth.box[:, 2:].min(axis=1, initial=np.inf) > MIN_SIDE_PX + 0.5
        )
        shown[truth.track[clear] - 1] += 1
    return [int(k) for k in np.flatnonzero(shown < least * len(stage.samples))]


def _sprites_in_order(
    scene: Scene, frame: int, camera: Camera, cached: dict[int, Sprite]
) -> Iterator[tuple[int, Sprite]]:
    """(actor index, or -1 for a prop, sprite) from back to front."""
    solid = [k for k, actor in enumerate(scene.actors) if actor.rides is None]
    things: list[Actor | Prop] = [scene.actors[k] for k in solid]
    things += scene.props
    if not things:
        return
    moving = len(solid)
    x = np.array([scene.actors[k].path.x[frame] for k in solid] + [prop.position[0] for prop in scene.props])
    y = np.array([scene.actors[k].path.y[frame] for k in solid] + [prop.position[1] for prop in scene.props])
    heading = np.array([scene.actors[k].path.heading[frame] for k in solid] + [prop.heading for prop in scene.props])
    length, width = np.array([thing.length for thing in things]), np.array([thing.width for thing in things])
    corners = footprint_corners(x, y, heading, length, width)
    for thing in order_by_depth(corners, camera.position[:2]):
        if thing >= moving:
            prop = thing - moving
            if prop not in cached:
                cached[prop] = draw_prop(scene.props[prop], camera, scene.light)
            yield -1, cached[prop]
            continue
        index = solid[thing]
        yield index, draw_actor(scene.actors[index], frame, camera, scene.light)
        if (
            index + 1 < len(scene.actors)
            and scene.actors[index + 1].rides is not None
            and scene.actors[index].class_name == "bicycle"
        ):
            yield index + 1, draw_actor(scene.actors[index + 1], frame, camera, scene.light)


def _stamp(ids: Image, silhouette: Silhouette, value: int) -> None:
    """Write `value` where the silhouette covers the canvas."""
    height, width = ids.shape
    top, left = max(silhouette.top, 0), max(silhouette.left, 0)
    bottom = min(silhouette.top + silhouette.mask.shape[0], height)
    right = min(silhouette.left + silhouette.mask.shape[1], width)
    if bottom <= top or right <= left:
        return
    part = silhouette.mask[
        top - silhouette.top : bottom - silhouette.top, left - silhouette.left : right - silhouette.left
    ]
    ids[top:bottom, left:right][part > 0] = value


def measure_truth(
    actors: tuple[Actor, ...], ids: Image, silhouettes: list[Silhouette | None], scale: int
) -> TruthObjects:
    """The truth of one frame from the canvas of instance ids (actor index + 1) and every actor's whole silhouette."""
    rows = []
    height, width = ids.shape
    for index, silhouette in enumerate(silhouettes):
        if silhouette is None:
            continue
        left, top = max(silhouette.left, 0), max(silhouette.top, 0)
        right = min(silhouette.left + silhouette.mask.shape[1], width)
        bottom = min(silhouette.top + silhouette.mask.shape[0], height)
        if right <= left or bottom <= top:
            continue
        # Not cv2.compare: it takes a number beside an array of four values for an array of four values.
        visible = (ids[top:bottom, left:right] == index + 1).astype(np.uint8)
        pixels = cv2.countNonZero(visible)
        if not pixels:
            continue
        x, y, w, h = cv2.boundingRect(visible)
        fx, fy, fw, fh = cv2.boundingRect(silhouette.mask)
        whole = cv2.countNonZero(silhouette.mask)
        rows.append(
            (
                index + 1,
                CLASSES.index(actors[index].class_name),
                x + left,
                y + top,
                w,
                h,
                fx + silhouette.left,
                fy + silhouette.top,
                fw,
                fh,
                pixels / whole,
            )
        )
    table = np.array(rows, float).reshape(-1, 11)
    box = (table[:, 2:6] / scale).astype(np.float32)
    visibility = table[:, 10].astype(np.float32)
    return TruthObjects(
        track=table[:, 0].astype(np.int32),
        class_index=table[:, 1].astype(np.int8),
        box=box,
        full_box=(table[:, 6:10] / scale).astype(np.float32),
        visibility=visibility,
        difficult=(visibility < MIN_VISIBILITY) | (box[:, 2:].min(axis=1, initial=np.inf) < MIN_SIDE_PX),
    )


class _FramePainter:
    """Paints the frames of one scene on a canvas of a given size."""

    def __init__(self, scene: Scene, width: int, height: int, scale: int, rng: np.random.Generator) -> None:
        self.scene = scene
        self.scale = scale
        self.width, self.height = width, height
        view = scene.view
        focal = view.focal * height
        half = np.arctan(width / 2 / focal)
        turn = float(np.abs(view.yaw - view.mean_yaw).max())
        tilt = float(np.abs(view.pitch - view.mean_pitch).max() + np.abs(view.roll).max())
        self.still = turn == 0 and tilt == 0
        self.margin = (0, 0)
        if not self.still:
            reach = focal * np.tan(min(half + turn, 1.45)) - width / 2
            self.margin = (
                int(reach + 0.6 * np.abs(view.roll).max() * height) + 6,
                int(height * (0.05 + 1.6 * tilt + 0.35 * turn)) + 6,
            )
        size = (width + 2 * self.margin[0], height + 2 * self.margin[1])
        self.plate_camera = view.plate_camera(width, height, self.margin)
        self.plate = draw_backdrop(
            scene.layout, scene.conditions, scene.light, self.plate_camera, size[0], size[1], rng
        )
        self.cached: dict[int, Sprite] = {}
        self.shutter = float(rng.uniform(0.08, 0.3)) * (1.4 if scene.light.is_night else 1.0)
        self.wet = scene.conditions.weather == "rain"

    def paint_frame(self, frame: int) -> tuple[Image, Image, list[Silhouette | None]]:
        """The canvas, the ids (actor index + 1, 0 elsewhere) and the silhouettes by actor."""
        camera = self.scene.view.camera_at(frame, self.width, self.height)
        canvas = self._paint_background(camera)
        self._paint_shadows(canvas, frame, camera)
        ids = np.zeros((self.height, self.width), np.uint8)
        silhouettes: list[Silhouette | None] = [None] * len(self.scene.actors)
        for index, sprite in _sprites_in_order(self.scene, frame, camera, self.cached if self.still else {}):
            silhouette = draw_silhouette(sprite, self.width, self.height)
            if silhouette is None:
                continue
            if self.wet:
                _reflect(canvas, sprite, silhouette)
            paint(canvas, sprite)
            _stamp(ids, silhouette, index + 1)
            if index >= 0:
                silhouettes[index] = silhouette
                self._blur_motion(canvas, silhouette, self.scene.actors[index], frame, camera)
        return canvas, ids, silhouettes

    def _paint_background(self, camera: Camera) -> Image:
        if self.still:
            return self.plate.copy()
        plate = self.plate_camera
        back = plate.intrinsics() @ plate.rotation @ camera.rotation.T @ np.linalg.inv(camera.intrinsics())
        # Sampled at the frame's own resolution (half the canvas): a quarter of the pixels to warp.
        half = self.width // self.scale, self.height // self.scale
        middle = (self.scale - 1) / 2
        spread = np.array([[self.scale, 0, middle], [0, self.scale, middle], [0, 0, 1.0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        small = cv2.warpPerspective(self.plate, back @ spread, half, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        if self.scale == 1:
            return small
        return cv2.resize(small, (self.width, self.height), interpolation=cv2.INTER_NEAREST)

    def _paint_shadows(self, canvas: Image, frame: int, camera: Camera) -> None:
        light = self.scene.light
        mask = np.zeros((self.height, self.width), np.uint8)
        slope = -light.sun[:2] / max(light.sun[2], 0.25)
        cast = light.direct.max() > 0.2
        for thing in (*self.scene.actors, *self.scene.props):
            if isinstance(thing, Prop):
                x, y, heading, tall = thing.position[0], thing.position[1], thing.heading, 0.9
            else:
                if thing.rides is not None:
                    continue
                x, y, heading, tall = (
                    thing.path.x[frame],
                    thing.path.y[frame],
                    thing.path.heading[frame],
                    thing.height * 0.92,
                )
            slim = 1.0 if thing.mesh is not None else 0.55
            corners = footprint_corners(
                np.array([x]),
                np.array([y]),
                np.array([heading]),
                np.array([thing.length]),
                np.array([thing.width * slim]),
            )[0]
            shapes = [corners]
            if cast:
                shapes.append(
                    np.concatenate(
                        [corners, (corners - (x, y)) * (0.8 if slim == 1.0 else 0.55) + (x, y) + slope * tall]
                    )
                )
            for shape in shapes:
                ground = np.column_stack([shape, np.zeros(len(shape))])
                pixels, depth = camera.project(ground)
                if depth.min() < NEAR:
                    continue
                hull = cv2.convexHull(to_fixed(pixels).astype(np.int32))[:, 0]
                cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_8, SHIFT)
        x, y, w, h = cv2.boundingRect(mask)
        if w == 0:
            return
        region = canvas[y : y + h, x : x + w]
        soft = cv2.blur(mask[y : y + h, x : x + w], (3, 3)) if cast else cv2.blur(mask[y : y + h, x : x + w], (9, 5))
        strength = light.shadow if cast else 0.42
        factor = 255 - (soft.astype(np.float32) * strength)
        canvas[y : y + h, x : x + w] = cv2.multiply(
            region, cv2.merge([np.rint(factor).astype(np.uint8)] * 3), scale=1 / 255
        )

    def _blur_motion(self, canvas: Image, silhouette: Silhouette, actor: Actor, frame: int, camera: Camera) -> None:
        path = actor.path
        here = np.array([path.x[frame], path.y[frame], actor.height / 2])
        step = np.array([np.cos(path.heading[frame]), np.sin(path.heading[frame]), 0.0]) * path.speed[frame]
        if path.speed[frame] < 1.0:
            return
        pixels, depth = camera.project(np.stack([here, here + step / self.scene.fps]))
        if depth.min() < 1.0:
            return
        reach = int(abs(pixels[1, 0] - pixels[0, 0]) * self.shutter)
        reach = min(reach, self.width // 24)
        if reach < 2:
            return
        top, left = max(silhouette.top, 0), max(silhouette.left - reach // 2, 0)
        bottom = min(silhouette.top + silhouette.mask.shape[0], self.height)
        right = min(silhouette.left + silhouette.mask.shape[1] + reach // 2, self.width)
        if bottom > top and right > left:
            region = canvas[top:bottom, left:right]
            canvas[top:bottom, left:right] = cv2.blur(region, (reach | 1, 1))

    def paint_glow(self, frame: int, width: int, height: int) -> Image | None:
        """Head and tail lamps, their cones on the ground: light to add to a picture of `width` x `height`."""
        scene = self.scene
        if not scene.light.lights_on:
            return None
        small_w, small_h = max(width // 2, 8), max(height // 2, 8)
        camera = scene.view.camera_at(frame, small_w, small_h)
        buffer = np.zeros((small_h, small_w, 3), np.uint8)
        strength = 1.0 if scene.light.is_night else 0.3
        drawn = False
        for actor in scene.actors:
            if actor.mesh is None or (actor.path.speed.max() < 0.1 and actor.gait_start < 6):
                continue
            path = actor.path
            cos, sin = np.cos(path.heading[frame]), np.sin(path.heading[frame])
            turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
            position = np.array([path.x[frame], path.y[frame], 0.0])
            facing = float(np.array([cos, sin]) @ (camera.position[:2] - position[:2])) > actor.length / 2
            lamps = actor.mesh.head_lamps if facing else actor.mesh.tail_lamps
            if len(actor.mesh.head_lamps):
                reach = actor.length / 2
                cone = np.array(
                    [[reach, 0.5, 0], [reach, -0.5, 0], [reach + 8, -2.4, 0], [reach + 9, 0, 0], [reach + 8, 2.4, 0]]
                )
                for share, level in ((1.0, 22.0), (0.6, 26.0)):
                    part = cone.copy()
                    part[:, 0] = reach + (cone[:, 0] - reach) * share
                    part[:, 1] *= 0.5 + 0.5 * share
                    pixels, depth = camera.project(position + part @ turn.T)
                    if depth.min() > NEAR:
                        layer = np.zeros_like(buffer)
                        cv2.fillConvexPoly(
                            layer,
                            to_fixed(pixels),
                            tuple(level * strength * c for c in (1.0, 0.93, 0.75)),
                            cv2.LINE_8,
                            SHIFT,
                        )
                        buffer = cv2.add(buffer, layer)
                        drawn = True
            if len(lamps):
                pixels, depth = camera.project(position + lamps @ turn.T)
                for (x, y), z in zip(pixels, depth, strict=True):
                    if z < 1.0:
                        continue
                    radius = max(0.16 * camera.focal / z, 0.5) * (1.6 if facing else 1.0)
                    colour = (230.0, 218.0, 180.0) if facing else (150.0, 20.0, 14.0)
                    level = strength * np.exp(-z / scene.light.fog_length)
                    cv2.circle(
                        buffer,
                        (round(x * 16), round(y * 16)),
                        round(radius * 16),
                        tuple(c * level for c in colour),
                        -1,
                        cv2.LINE_8,
                        SHIFT,
                    )
                    drawn = True
        if not drawn:
            return None
        size = max(3, (small_h // 16) | 1)
        halo = cv2.blur(cv2.blur(buffer, (size, size)), (size, size))
        return cv2.resize(cv2.addWeighted(buffer, 0.45, halo, 1.0, 0), (width, height), interpolation=cv2.INTER_LINEAR)


def _reflect(canvas: Image, sprite: Sprite, silhouette: Silhouette) -> None:
    """A faint mirror image of the sprite in the wet ground below it."""
    height, width = canvas.shape[:2]
    bottom = silhouette.top + silhouette.mask.shape[0]
    depth = min(silhouette.mask.shape[0] // 2, height - bottom)
    left, right = max(silhouette.left, 0), min(silhouette.left + silhouette.mask.shape[1], width)
    if depth < 3 or right - left < 3 or bottom < 0:
        return
    mask = silhouette.mask[::-1][:depth, left - silhouette.left : right - silhouette.left]
    colour = np.mean([c for c, outline in zip(sprite.colours, sprite.outline, strict=True) if outline], axis=0)
    region = canvas[bottom : bottom + depth, left:right]
    fade = (np.linspace(0.34, 0.05, depth, dtype=np.float32)[:, None] * (mask > 0))[..., None]
    canvas[bottom : bottom + depth, left:right] = (region + fade * (colour.astype(np.float32) - region)).astype(
        np.uint8
    )
