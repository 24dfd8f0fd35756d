"""Dogs: their looks and their trot."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.camera import Camera
from generators.procedural.canvas import Sprite
from generators.procedural.light import Light
from generators.procedural.limbs import Bars, draw_bars

_FUR = np.array(
    [[150, 106, 62], [92, 62, 40], [40, 36, 34], [214, 200, 176], [190, 142, 84], [120, 116, 112], [226, 222, 214]],
    float,
)
_NOSE = [24, 20, 20]

# Bars: four legs of two parts; trunk, chest to neck, neck, muzzle, two ears, two parts of the tail, nose, collar,
# saddle.
_STARTS = np.array([0, 1, 3, 4, 6, 7, 9, 10, 12, 12, 14, 15, 17, 19, 21, 22, 24, 25, 26])
_ENDS = np.array([1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 15, 16, 18, 20, 22, 23, 24, 14, 27])
# Sorted about the body's middle: near legs in front of it, far legs behind; nose and collar over what they lie on.
_BIAS = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, -0.02, -0.04, -0.06, -0.07, -0.07, 0, 0, -0.12, -0.03, -0.03])


@dataclass(frozen=True)
class DogLook:
    """Body of one dog; `height` at the shoulders in metres."""

    height: float
    length: float
    stout: float
    fur: Floats
    patch: Floats
    drop_ears: bool
    tail_up: float
    collar: Floats


def draw_dog_look(rng: np.random.Generator) -> DogLook:
    """A random dog, from terrier to large hound."""
    fur = _FUR[int(rng.integers(len(_FUR)))] * rng.uniform(0.85, 1.1)
    patch = _FUR[int(rng.integers(len(_FUR)))] if rng.random() < 0.4 else fur * 0.75
    height = float(rng.uniform(0.38, 0.78))
    return DogLook(
        height=height,
        length=height * float(rng.uniform(1.0, 1.3)),
        stout=float(rng.uniform(0.85, 1.2)),
        fur=fur,
        patch=patch,
        drop_ears=bool(rng.random() < 0.5),
        tail_up=float(rng.uniform(-0.5, 1.0)),
        collar=rng.uniform(30, 230, 3),
    )


def draw_dog(
    look: DogLook, position: Floats, heading: float, walked: float, pace: float, camera: Camera, light: Light
) -> Sprite:
    """A standing, trotting or running dog; `walked` metres drive the gait, `pace` in m/s its reach."""
    start_radius, end_radius = _bar_radii(look)
    bars = Bars(
        joints=_pose(look, walked, pace),
        starts=_STARTS,
        ends=_ENDS,
        start_radius=start_radius,
        end_radius=end_radius,
        colours=_bar_colours(look),
        bias=_BIAS * look.height,
    )
    return draw_bars(bars, position, heading, camera, light)


def _pose(look: DogLook, walked: float, pace: float) -> Floats:
    """Joints (28, 3): three of each leg, then the trunk's, the ears', the tail's and the saddle's."""
    h, half = look.height, look.length / 2
    reach = min(0.2 + 0.25 * pace, 0.75) if pace > 0.12 else 0.0
    phase = 2 * np.pi * walked / (1.35 * h * (0.6 + reach))
    bob = 0.03 * h * np.sin(2 * phase) * (reach > 0)
    back = 0.84 * h + bob
    wag = 0.25 * np.sin(1.7 * phase + 3 * look.tail_up)
    joints = np.empty((28, 3))
    joints[:12] = _pose_legs(h, half, reach, phase, bob)
    joints[12] = (half * 0.72, 0, back - 0.14 * h)  # chest
    joints[13] = (-half * 0.8, 0, back - 0.1 * h)  # rump
    joints[14] = (half * 1.05, 0, back + 0.12 * h)  # neck
    joints[15] = (half * 1.2, 0, back + 0.26 * h)  # head
    joints[16] = (half * 1.2 + 0.3 * h, 0, back + 0.19 * h)  # muzzle
    for k, side in enumerate((1, -1)):  # ears
        joints[17 + 2 * k] = (half * 1.13, side * 0.1 * h, back + 0.34 * h)
        joints[18 + 2 * k] = (half * 1.1, side * 0.15 * h, back + (0.18 if look.drop_ears else 0.5) * h)
    joints[21] = (-half * 0.98, 0, back)  # tail
    joints[22] = (-half * 1.2, wag * 0.3 * h, back + (0.15 + 0.2 * look.tail_up) * h)
    joints[23] = (-half * 1.3, wag * 0.6 * h, back + (0.1 + 0.45 * look.tail_up) * h)
    joints[24] = (half * 1.2 + 0.31 * h, 0, back + 0.2 * h)  # nose
    joints[25] = (half * 0.9, 0, back + 0.02 * h)  # collar
    joints[26], joints[27] = (half * 0.4, 0, back - 0.01 * h), (-half * 0.7, 0, back)  # saddle
    return joints


def _pose_legs(h: float, half: float, reach: float, phase: float, bob: float) -> Floats:
    """Hip, knee and paw of the fore legs, then of the hind legs (12, 3); diagonal pairs swing together."""
    joints = np.empty((12, 3))
    for k, (x, side, shift) in enumerate(
        ((half * 0.78, 1, 0.0), (half * 0.78, -1, np.pi), (-half * 0.8, 1, np.pi), (-half * 0.8, -1, 0.0))
    ):
        swing = reach * np.sin(phase + shift)
        lift = 0.14 * h * reach * max(0.0, np.cos(phase + shift))
        bend = -0.1 * h if k < 2 else -0.12 * h
        paw = np.array([x + 0.5 * h * swing * 0.8, side * 0.1 * h, 0.035 * h + lift])
        top = np.array([x, side * 0.1 * h, 0.62 * h + bob])
        joints[3 * k] = top
        joints[3 * k + 1] = (top + paw) / 2 + (bend * (0.6 if k < 2 else 1.0), 0, 0.02 * h)
        joints[3 * k + 2] = paw
    return joints


def _bar_radii(look: DogLook) -> tuple[Floats, Floats]:
    s = look.stout
    start = np.array([
        0.1, 0.065, 0.1, 0.065, 0.12, 0.07, 0.12, 0.07, 0.22 * s, 0.16 * s, 0.13, 0.14,
        0.055, 0.055, 0.06, 0.045, 0.035, 0.135, 0.1,
    ])  # fmt: skip
    end = np.array([
        0.065, 0.05, 0.065, 0.05, 0.07, 0.05, 0.07, 0.05, 0.18 * s, 0.13, 0.14, 0.07,
        0.03, 0.03, 0.045, 0.03, 0.035, 0.135, 0.09,
    ])  # fmt: skip
    return start * look.height, end * look.height


def _bar_colours(look: DogLook) -> Floats:
    leg, fur, dark = look.fur * 0.74, look.fur, look.patch
    legs = [leg, leg * 0.95] * 4
    return np.array([*legs, fur, fur, fur, dark, dark, dark, fur, dark, _NOSE, look.collar, fur * 0.6 + dark * 0.22])
