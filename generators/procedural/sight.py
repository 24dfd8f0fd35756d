"""What the camera sees of a body, roughly, at a few frames: enough to place it, long before anything is drawn."""

import numpy as np

from generators.procedural.actors import Actor
from generators.procedural.arrays import Floats
from generators.procedural.layout import View

_SAMPLES = 9
_REFERENCE_ROWS = 192
# Least height in pixels of a frame of `_REFERENCE_ROWS` rows at which an instance is still told apart.
_LEAST_PX = {"person": 21.0, "dog": 10.0, "bicycle": 13.0, "car": 11.0, "bus": 17.0, "truck": 15.0}
_HEIGHTS = {"person": 1.7, "dog": 0.6, "bicycle": 1.05, "car": 1.5, "bus": 3.0, "truck": 2.9}
_CORNERS = np.array([(u, v, z) for u in (-0.5, 0.5) for v in (-0.5, 0.5) for z in (0.0, 1.0)])
_STREET_X = np.arange(-50.0, 50.0, 0.5)


class Sight:
    """The cameras of all frames, and the frames (S,) that are looked at."""

    def __init__(self, view: View, frames: int, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.is_still = view.is_still
        self.cameras = [view.camera_at(frame, width, height) for frame in range(frames)]
        self.samples = np.unique(np.linspace(0, frames - 1, min(frames, _SAMPLES)).astype(int))
        self._rotations = np.stack([self.cameras[frame].rotation for frame in self.samples])
        self._boxes: dict[Actor, Floats] = {}

    def least_height(self, class_name: str) -> float:
        """Height in pixels below which an object of this class is too small."""
        return _LEAST_PX[class_name] * self.height / _REFERENCE_ROWS

    def draw_visible_x(self, class_name: str, y: float, frame: int, rng: np.random.Generator) -> float | None:
        """A place along the street where an object at `y` is seen in `frame`, rather near than far; None: nowhere."""
        points = np.stack([_STREET_X, np.full_like(_STREET_X, y), np.zeros_like(_STREET_X)], axis=1)
        camera = self.cameras[frame]
        feet, depth = camera.project(points)
        heads, _ = camera.project(points + (0, 0, _HEIGHTS[class_name]))
        tall = feet[:, 1] - heads[:, 1]
        margin = 0.04 * self.width
        good = (depth > 2.0) & (tall >= self.least_height(class_name)) & (tall <= 0.62 * self.height)
        good &= (feet[:, 0] > margin) & (feet[:, 0] < self.width - margin)
        good &= (feet[:, 1] < self.height * 1.04) & (heads[:, 1] > -0.12 * self.height)
        if not good.any():
            return None
        weights = np.where(good, np.maximum(tall, 0.0) ** 1.15, 0.0)
        chosen = int(rng.choice(len(_STREET_X), p=weights / weights.sum()))
        return float(_STREET_X[chosen] + rng.uniform(-0.25, 0.25))

    def screen_boxes(self, actor: Actor) -> Floats:
        """Rough boxes (S, 5) at the sampled frames: left, top, right, bottom in pixels, depth in metres or -1."""
        if actor not in self._boxes:
            self._boxes[actor] = self._project_boxes(actor)
        return self._boxes[actor]

    def _project_boxes(self, actor: Actor) -> Floats:
        path, samples = actor.path, self.samples
        heading = path.heading[samples]
        along = np.stack([np.cos(heading), np.sin(heading)], axis=1)
        across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        middle = np.stack([path.x[samples], path.y[samples]], axis=1)
        lengthwise = (_CORNERS[:, 0] * actor.length)[None, :, None] * along[:, None]
        crosswise = (_CORNERS[:, 1] * actor.width)[None, :, None] * across[:, None]
        points = np.empty((len(samples), len(_CORNERS), 3))
        points[..., :2] = middle[:, None] + lengthwise + crosswise
        points[..., 2] = _CORNERS[:, 2] * actor.height
        camera = self.cameras[0]
        local = np.matmul(points - camera.position, self._rotations.transpose(0, 2, 1))
        depth = local[..., 2]
        pixels = local[..., :2] * (camera.focal / np.maximum(depth, 0.5))[..., None] + camera.centre
        boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1), depth.mean(axis=1)[:, None]], axis=1)
        boxes[depth.min(axis=1) < 1.0, 4] = -1.0
        return boxes

    def seen_share(self, actor: Actor, others: list[Actor]) -> float:
        """Share of sampled frames in which most of the body lies in the picture, at a fair size, not behind others.

        Less by the share of frames in which it hides most of one of `others`, beyond a fifth.
        """
        left, top, right, bottom, depth = self.screen_boxes(actor).T
        seen_width = np.minimum(right, self.width) - np.maximum(left, 0)
        seen_height = np.minimum(bottom, self.height) - np.maximum(top, 0)
        inside = np.maximum(seen_width, 0) * np.maximum(seen_height, 0)
        tall = bottom - top
        area = np.maximum((right - left) * tall, 1e-6)
        good = (depth > 0) & (inside / area > 0.6) & (tall <= 0.85 * self.height)
        good &= tall >= _LEAST_PX[actor.class_name] * 0.9 * self.height / _REFERENCE_ROWS
        good &= (right - left > 7.0) | (depth <= 0)
        if not others:
            return float(good.mean())
        theirs = np.stack([self.screen_boxes(other).T for other in others], axis=1)
        overlap = np.maximum(np.minimum(right, theirs[2]) - np.maximum(left, theirs[0]), 0)
        overlap = overlap * np.maximum(np.minimum(bottom, theirs[3]) - np.maximum(top, theirs[1]), 0)
        covered = np.where(theirs[4] < depth, overlap / area, 0.0).sum(axis=0)
        their_area = np.maximum((theirs[2] - theirs[0]) * (theirs[3] - theirs[1]), 1e-6)
        harm = float(((overlap / their_area > 0.55) & (depth < theirs[4])).mean(axis=1).max())
        good &= covered < 0.5
        return float(good.mean()) - max(0.0, harm - 0.2)
