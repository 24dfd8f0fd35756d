"""Paints the frames of one scene: background, shadows, and everything that stands on the ground, with its mask."""

import cv2
import numpy as np

from generators.procedural.actors import Actor, draw_actor, order_things
from generators.procedural.arrays import Floats, Image, Mask
from generators.procedural.backdrop import draw_backdrop
from generators.procedural.camera import Camera
from generators.procedural.canvas import Silhouette, Sprite, draw_silhouette, paint
from generators.procedural.layout import View
from generators.procedural.props import Prop, draw_prop
from generators.procedural.shadows import paint_shadows
from generators.procedural.staging import Scene
from generators.procedural.truth import stamp

_LEAST_BLURRED_SPEED = 1.0


class FramePainter:
    """Paints on a canvas of `width` x `height` pixels, `scale` of them per pixel of the frame."""

    def __init__(self, scene: Scene, width: int, height: int, scale: int, rng: np.random.Generator) -> None:
        self._scene = scene
        self._scale = scale
        self._width, self._height = width, height
        self._still = scene.view.is_still
        columns, rows = _plate_margin(scene.view, width, height)
        self._plate_camera = scene.view.plate_camera(width, height, (columns, rows))
        self._plate = draw_backdrop(
            scene.layout,
            scene.conditions,
            scene.light,
            self._plate_camera,
            width + 2 * columns,
            height + 2 * rows,
            rng,
        )
        self._drawn: dict[Actor | Prop, tuple[Sprite, Silhouette | None]] = {}
        self._shutter = float(rng.uniform(0.08, 0.3)) * (1.4 if scene.light.is_night else 1.0)
        self._wet = scene.conditions.weather == "rain"

    def paint_frame(self, frame: int) -> tuple[Image, Mask, list[Silhouette | None]]:
        """The canvas, the ids (actor index + 1, 0 elsewhere) and the silhouettes by actor."""
        scene = self._scene
        camera = scene.view.camera_at(frame, self._width, self._height)
        canvas = self._paint_background(camera)
        paint_shadows(canvas, scene.actors, scene.props, frame, camera, scene.light)
        ids = np.zeros((self._height, self._width), np.uint8)
        silhouettes: list[Silhouette | None] = [None] * len(scene.actors)
        for index, thing in order_things(scene.actors, scene.props, frame, camera):
            sprite, silhouette = self._draw(thing, frame, camera)
            if silhouette is None:
                continue
            if self._wet:
                _reflect(canvas, sprite, silhouette)
            paint(canvas, sprite)
            stamp(ids, silhouette, index + 1)
            if index >= 0:
                silhouettes[index] = silhouette
                self._blur_motion(canvas, silhouette, scene.actors[index], frame, camera)
        return canvas, ids, silhouettes

    def _draw(self, thing: Actor | Prop, frame: int, camera: Camera) -> tuple[Sprite, Silhouette | None]:
        """Sprite and mask of one thing; drawn once where nothing moves."""
        if thing in self._drawn:
            return self._drawn[thing]
        if isinstance(thing, Actor):
            sprite = draw_actor(thing, frame, camera, self._scene.light)
        else:
            sprite = draw_prop(thing, camera, self._scene.light)
        drawn = sprite, draw_silhouette(sprite, self._width, self._height)
        if self._still and thing.is_still:
            self._drawn[thing] = drawn
        return drawn

    def _paint_background(self, camera: Camera) -> Image:
        """The plate as `camera` sees it: a rotation about the same stand is a homography."""
        if self._still:
            return self._plate.copy()
        plate, scale = self._plate_camera, self._scale
        back = plate.intrinsics() @ plate.rotation @ camera.rotation.T @ np.linalg.inv(camera.intrinsics())
        # Sampled at the frame's own resolution (half the canvas): a quarter of the pixels to warp.
        middle = (scale - 1) / 2
        spread = np.array([[scale, 0, middle], [0, scale, middle], [0, 0, 1.0]])
        small = cv2.warpPerspective(
            self._plate,
            back @ spread,
            (self._width // scale, self._height // scale),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if scale == 1:
            return small
        return cv2.resize(small, (self._width, self._height), interpolation=cv2.INTER_NEAREST)

    def _blur_motion(self, canvas: Image, silhouette: Silhouette, actor: Actor, frame: int, camera: Camera) -> None:
        """Smear what moves fast across the picture, as an open shutter does."""
        reach = self._blur_reach(actor, frame, camera)
        if reach < 2:
            return
        top, left = max(silhouette.top, 0), max(silhouette.left - reach // 2, 0)
        bottom = min(silhouette.top + silhouette.mask.shape[0], self._height)
        right = min(silhouette.left + silhouette.mask.shape[1] + reach // 2, self._width)
        if bottom > top and right > left:
            canvas[top:bottom, left:right] = cv2.blur(canvas[top:bottom, left:right], (reach | 1, 1))

    def _blur_reach(self, actor: Actor, frame: int, camera: Camera) -> int:
        """Pixels that an actor moves sideways while the shutter is open."""
        path = actor.path
        if path.speed[frame] < _LEAST_BLURRED_SPEED:
            return 0
        here = np.array([path.x[frame], path.y[frame], actor.height / 2])
        step = np.array([np.cos(path.heading[frame]), np.sin(path.heading[frame]), 0.0]) * path.speed[frame]
        pixels, depth = camera.project(np.stack([here, here + step / self._scene.fps]))
        if depth.min() < 1.0:
            return 0
        return min(int(abs(pixels[1, 0] - pixels[0, 0]) * self._shutter), self._width // 24)


def _plate_margin(view: View, width: int, height: int) -> tuple[int, int]:
    """Columns and rows by which the plate exceeds the canvas on every side, so that a turning camera finds edges."""
    if view.is_still:
        return 0, 0
    turn = float(np.abs(view.yaw - view.mean_yaw).max())
    tilt = float(np.abs(view.pitch - view.mean_pitch).max() + np.abs(view.roll).max())
    focal = view.focal * height
    half = np.arctan(width / 2 / focal)
    reach = focal * np.tan(min(half + turn, 1.45)) - width / 2
    columns = int(reach + 0.6 * np.abs(view.roll).max() * height) + 6
    rows = int(height * (0.05 + 1.6 * tilt + 0.35 * turn)) + 6
    return columns, rows


def _reflect(canvas: Image, sprite: Sprite, silhouette: Silhouette) -> None:
    """A faint mirror image of the sprite in the wet ground below it."""
    height, width = canvas.shape[:2]
    bottom = silhouette.top + silhouette.mask.shape[0]
    depth = min(silhouette.mask.shape[0] // 2, height - bottom)
    left, right = max(silhouette.left, 0), min(silhouette.left + silhouette.mask.shape[1], width)
    if depth < 3 or right - left < 3 or bottom < 0:
        return
    mask = silhouette.mask[::-1][:depth, left - silhouette.left : right - silhouette.left]
    colour: Floats = np.mean([shape.colour for shape in sprite.shapes if shape.outline], axis=0)
    region = canvas[bottom : bottom + depth, left:right]
    fade = (np.linspace(0.34, 0.05, depth, dtype=np.float32)[:, None] * (mask > 0))[..., None]
    region[:] = (region + fade * (colour.astype(np.float32) - region)).astype(np.uint8)
