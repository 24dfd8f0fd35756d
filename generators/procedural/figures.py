"""People, dogs and bicycles: jointed bars with a gait, posed in their own frame (x forward, y left, z up) and projected."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import Sprite, capsule_shapes, to_fixed
from generators.procedural.light import Light

Array = NDArray[np.float64]

_SKIN = np.array(
    [[240, 200, 170], [224, 172, 138], [198, 140, 104], [150, 102, 72], [104, 70, 50], [74, 50, 38]], float
)
_HAIR = np.array(
    [[30, 24, 20], [60, 42, 28], [110, 76, 44], [196, 160, 90], [150, 150, 150], [120, 50, 30], [20, 20, 22]], float
)
_FUR = np.array(
    [[150, 106, 62], [92, 62, 40], [40, 36, 34], [214, 200, 176], [190, 142, 84], [120, 116, 112], [226, 222, 214]],
    float,
)
_JEANS = np.array(
    [[44, 58, 92], [30, 32, 40], [70, 74, 80], [120, 104, 80], [24, 24, 28], [90, 60, 50], [170, 160, 140]], float
)
_SADDLE, _CRANK, _HEAD_TUBE, _BAR, _REAR_HUB, _FRONT_HUB, _SEAT = range(7)


@dataclass(frozen=True)
class PersonLook:
    """Body and clothes of one person; lengths in metres, colours 0..255."""

    height: float
    build: float
    shirt: Array
    trousers: Array
    skin: Array
    hair: Array
    shoes: Array
    forearm: Array
    shin: Array
    skirt: bool
    coat: bool
    long_hair: bool
    hat: Array | None
    backpack: Array | None
    bag: Array | None


@dataclass(frozen=True)
class DogLook:
    """Body of one dog; `height` at the shoulders in metres."""

    height: float
    length: float
    stout: float
    fur: Array
    patch: Array
    drop_ears: bool
    tail_up: float
    collar: Array


@dataclass(frozen=True)
class BicycleLook:
    """A bicycle; `radius` of its wheels in metres."""

    radius: float
    frame: Array
    saddle: float
    step_through: bool
    basket: bool
    mudguards: bool


def draw_person_look(rng: np.random.Generator) -> PersonLook:
    """A random person; about one in seven is a child."""
    child = rng.random() < 0.14
    height = float(rng.uniform(1.0, 1.42) if child else rng.normal(1.71, 0.085))
    skin = _SKIN[int(rng.integers(len(_SKIN)))] * rng.uniform(0.92, 1.06)
    shirt = rng.uniform(20, 235, 3) if rng.random() < 0.65 else np.full(3, rng.uniform(25, 230))
    trousers = _JEANS[int(rng.integers(len(_JEANS)))] * rng.uniform(0.8, 1.25)
    if rng.random() < 0.15:
        trousers = rng.uniform(20, 220, 3)
    coat = rng.random() < 0.25
    return PersonLook(
        height=min(max(height, 0.95), 2.0),
        build=float(rng.uniform(0.85, 1.3) * (1.1 if child else 1.0)),
        shirt=shirt,
        trousers=trousers,
        skin=skin,
        hair=_HAIR[int(rng.integers(len(_HAIR)))] * rng.uniform(0.8, 1.2),
        shoes=np.full(3, rng.uniform(20, 220)) if rng.random() < 0.5 else np.array([40.0, 32, 28]),
        forearm=skin if not coat and rng.random() < 0.45 else shirt,
        shin=skin if not coat and rng.random() < 0.2 else trousers,
        skirt=bool(rng.random() < 0.15),
        coat=bool(coat),
        long_hair=bool(rng.random() < 0.35),
        hat=rng.uniform(20, 220, 3) if rng.random() < 0.2 else None,
        backpack=rng.uniform(20, 200, 3) if rng.random() < 0.22 else None,
        bag=rng.uniform(20, 200, 3) if rng.random() < 0.2 else None,
    )


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


def draw_bicycle_look(rng: np.random.Generator) -> BicycleLook:
    """A random bicycle."""
    return BicycleLook(
        radius=float(rng.uniform(0.31, 0.36)),
        frame=rng.uniform(15, 235, 3),
        saddle=float(rng.uniform(0.88, 1.0)),
        step_through=bool(rng.random() < 0.35),
        basket=bool(rng.random() < 0.25),
        mudguards=bool(rng.random() < 0.4),
    )


def draw_person(
    look: PersonLook, position: Array, heading: float, walked: float, pace: float, camera: Camera, light: Light
) -> Sprite:
    """A walking, running or standing person; `walked` metres drive the gait, `pace` in m/s its reach."""
    unit = look.height
    reach = min(0.12 + 0.33 * pace, 0.75) if pace > 0.15 else 0.0
    stride = 0.75 * unit * (0.55 + 0.55 * reach)
    phase = np.pi * walked / max(stride, 0.3)
    swing = reach * np.sin(phase)
    bob = 0.012 * unit * abs(np.cos(phase)) * (reach > 0)
    hip_z, shoulder_z = 0.525 * unit + bob - 0.02 * unit * abs(swing), 0.82 * unit + bob
    lean = 0.03 * pace
    half_hip, half_shoulder = 0.055 * unit, 0.098 * unit * look.build**0.5
    joints = np.empty((17, 3))
    for k, side in enumerate((1.0, -1.0)):
        thigh = side * swing
        lift = max(0.0, -np.cos(phase) * side) * reach
        shin = thigh - 0.15 * (reach > 0) - 1.1 * lift
        knee = (0.245 * unit * np.sin(thigh), side * half_hip, hip_z - 0.245 * unit * np.cos(thigh))
        ankle = (
            knee[0] + 0.24 * unit * np.sin(shin),
            side * half_hip,
            max(knee[2] - 0.24 * unit * np.cos(shin), 0.04 * unit),
        )
        arm = -side * swing * 0.85
        elbow = (
            lean * 0.5 + 0.165 * unit * np.sin(arm),
            side * (half_shoulder + 0.03 * unit),
            shoulder_z - 0.16 * unit * np.cos(arm),
        )
        fore = arm + 0.25 + 0.5 * reach
        joints[0 + k] = (0, side * half_hip, hip_z)
        joints[2 + k] = knee
        joints[4 + k] = ankle
        joints[6 + k] = (ankle[0] + 0.085 * unit, ankle[1], max(ankle[2] - 0.025 * unit, 0.02 * unit))
        joints[8 + k] = (lean * 0.5, side * half_shoulder, shoulder_z)
        joints[10 + k] = elbow
        joints[12 + k] = (elbow[0] + 0.15 * unit * np.sin(fore), elbow[1], elbow[2] - 0.15 * unit * np.cos(fore))
    joints[14] = (lean * 0.6, 0, shoulder_z + 0.03 * unit)
    joints[15] = (lean * 0.8 + 0.012 * unit, 0, 0.925 * unit + bob)
    joints[16] = (lean * 0.8 - 0.018 * unit, 0, 0.945 * unit + bob)
    return _person_sprite(look, joints, position, heading, camera, light)


def draw_rider(
    look: PersonLook, bicycle: BicycleLook, position: Array, heading: float, driven: float, camera: Camera, light: Light
) -> Sprite:
    """A person on a bicycle; `driven` metres turn the pedals."""
    unit = look.height
    saddle_z = min(bicycle.saddle, 0.53 * unit) + 0.05
    crank = np.array([0.02, 0.0, 0.28])
    angle = -driven / 1.6
    half_hip, half_shoulder = 0.06 * unit, 0.11 * unit * look.build**0.5
    hip = np.array([-0.24, 0.0, saddle_z])
    shoulder = hip + np.array([0.16 * unit, 0, 0.29 * unit])
    bar = np.array([0.40, 0.0, 0.98])
    joints = np.empty((17, 3))
    for k, side in enumerate((1.0, -1.0)):
        turn = angle + (np.pi if k else 0.0)
        foot = crank + np.array([0.17 * np.cos(turn), side * 0.1, 0.17 * np.sin(turn)])
        pelvis = hip + (0, side * half_hip, 0)
        joints[0 + k] = pelvis
        joints[2 + k] = _bend(pelvis, foot + (0, 0, 0.06), 0.245 * unit, 0.25 * unit, forward=True)
        joints[4 + k] = foot + (-0.03, 0, 0.06)
        joints[6 + k] = foot + (0.1, 0, 0.02)
        joints[8 + k] = shoulder + (0, side * half_shoulder, 0)
        joints[12 + k] = bar + (0, side * 0.24, 0.02)
        joints[10 + k] = _bend(joints[8 + k], joints[12 + k], 0.17 * unit, 0.16 * unit, forward=False)
    joints[14] = shoulder + (0.03, 0, 0.04 * unit)
    joints[15] = shoulder + (0.07 * unit, 0, 0.115 * unit)
    joints[16] = shoulder + (0.04 * unit, 0, 0.135 * unit)
    return _person_sprite(look, joints, position, heading, camera, light)


def draw_dog(
    look: DogLook, position: Array, heading: float, walked: float, pace: float, camera: Camera, light: Light
) -> Sprite:
    """A standing, trotting or running dog."""
    h, half = look.height, look.length / 2
    reach = min(0.2 + 0.25 * pace, 0.75) if pace > 0.12 else 0.0
    phase = 2 * np.pi * walked / (1.35 * h * (0.6 + reach))
    bob = 0.03 * h * np.sin(2 * phase) * (reach > 0)
    back = 0.84 * h + bob
    wag = 0.25 * np.sin(1.7 * phase + 3 * look.tail_up)
    joints = np.empty((28, 3))
    for k, (x, side, shift) in enumerate(
        ((half * 0.78, 1, 0.0), (half * 0.78, -1, np.pi), (-half * 0.8, 1, np.pi), (-half * 0.8, -1, 0.0))
    ):
        swing = reach * np.sin(phase + shift)
        lift = 0.14 * h * reach * max(0.0, np.cos(phase + shift))
        bend = -0.1 * h if k < 2 else -0.12 * h
        foot = np.array([x + 0.5 * h * swing * 0.8, side * 0.1 * h, 0.035 * h + lift])
        top = np.array([x, side * 0.1 * h, 0.62 * h + bob])
        joints[3 * k] = top
        joints[3 * k + 1] = (top + foot) / 2 + (bend * (0.6 if k < 2 else 1.0), 0, 0.02 * h)
        joints[3 * k + 2] = foot
    joints[12] = (half * 0.72, 0, back - 0.14 * h)  # chest
    joints[13] = (-half * 0.8, 0, back - 0.1 * h)  # rump
    joints[14] = (half * 1.05, 0, back + 0.12 * h)  # neck
    joints[15] = (half * 1.2, 0, back + 0.26 * h)  # head
    joints[16] = (half * 1.2 + 0.3 * h, 0, back + 0.19 * h)  # nose
    for k, side in enumerate((1, -1)):
        joints[17 + 2 * k] = (half * 1.13, side * 0.1 * h, back + 0.34 * h)
        joints[18 + 2 * k] = (half * 1.1, side * 0.15 * h, back + (0.18 if look.drop_ears else 0.5) * h)
    joints[21] = (-half * 0.98, 0, back)
    joints[22] = (-half * 1.2, wag * 0.3 * h, back + (0.15 + 0.2 * look.tail_up) * h)
    joints[23] = (-half * 1.3, wag * 0.6 * h, back + (0.1 + 0.45 * look.tail_up) * h)
    joints[24] = (half * 1.2 + 0.31 * h, 0, back + 0.2 * h)
    joints[25] = (half * 0.9, 0, back + 0.02 * h)
    joints[26], joints[27] = (half * 0.4, 0, back - 0.01 * h), (-half * 0.7, 0, back)  # saddle
    a = [0, 1, 3, 4, 6, 7, 9, 10, 12, 12, 14, 15, 17, 19, 21, 22, 24, 25, 26]
    b = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 15, 16, 18, 20, 22, 23, 24, 14, 27]
    s = look.stout
    ra = (
        np.array(
            [
                0.1,
                0.065,
                0.1,
                0.065,
                0.12,
                0.07,
                0.12,
                0.07,
                0.22 * s,
                0.16 * s,
                0.13,
                0.14,
                0.055,
                0.055,
                0.06,
                0.045,
                0.035,
                0.135,
                0.1,
            ]
        )
        * h
    )
    rb = (
        np.array(
            [
                0.065,
                0.05,
                0.065,
                0.05,
                0.07,
                0.05,
                0.07,
                0.05,
                0.18 * s,
                0.13,
                0.14,
                0.07,
                0.03,
                0.03,
                0.045,
                0.03,
                0.035,
                0.135,
                0.09,
            ]
        )
        * h
    )
    leg, dark = look.fur * 0.74, look.patch
    colours = np.array(
        [
            leg,
            leg * 0.95,
            leg,
            leg * 0.95,
            leg,
            leg * 0.95,
            leg,
            leg * 0.95,
            look.fur,
            look.fur,
            look.fur,
            dark,
            dark,
            dark,
            look.fur,
            dark,
            [24, 20, 20],
            look.collar,
            look.fur * 0.6 + dark * 0.22,
        ]
    )
    # Sorted about the body's middle: near legs in front of it, far legs behind; nose and collar over what they lie on.
    bias = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, -0.02, -0.04, -0.06, -0.07, -0.07, 0, 0, -0.12, -0.03, -0.03]) * h
    return _bars_sprite(joints, np.array(a), np.array(b), ra, rb, colours, bias, position, heading, camera, light)


def draw_bicycle(
    look: BicycleLook, position: Array, heading: float, driven: float, camera: Camera, light: Light
) -> Sprite:
    """A bicycle, ridden or parked; `driven` metres turn wheels and pedals."""
    r = look.radius
    turn = -driven / 1.6
    rear, front, crank = np.array([-0.5, 0, r]), np.array([0.55, 0, r]), np.array([0.02, 0, 0.28])
    seat_top = np.array([-0.24, 0, look.saddle])
    head_low, head_top = np.array([0.42, 0, 0.66]), np.array([0.36, 0, 0.88])
    mid = np.array([-0.12, 0, 0.58]) if look.step_through else np.array([-0.2, 0, 0.8])
    top_end = crank + (0.03, 0, 0.25) if look.step_through else mid
    foot = 0.17 * np.array([np.cos(turn), 0, np.sin(turn)])
    joints = np.array([
        rear, crank, crank, seat_top, rear, mid, top_end, head_low + (-0.01, 0, 0.12), crank, head_low, head_low, front, head_low, head_top + (0.02, 0, 0.1),
        head_top + (0.0, 0.27, 0.12), head_top + (0.0, -0.27, 0.12), seat_top + (-0.14, 0, 0.02), seat_top + (0.12, 0, 0.02),
        crank + (0, 0.06, 0), crank + foot + (0, 0.08, 0), crank - (0, 0.06, 0), crank - foot - (0, 0.08, 0),
    ])  # fmt: skip
    a = np.arange(0, 22, 2)
    radius = np.array([0.016, 0.022, 0.014, 0.022, 0.024, 0.02, 0.022, 0.018, 0.045, 0.018, 0.018])
    tube, dark = look.frame, np.array([30.0, 30, 32])
    colours = np.array([tube, tube, tube, tube, tube, tube * 0.8, tube, dark + 30, dark, dark + 60, dark + 60])
    sprite = Sprite()
    turn_world = _heading_matrix(heading)
    middle = camera.to_camera((position + (0, 0, 0.5))[None])[0]
    if middle[2] < NEAR * 2:
        return sprite
    scale = camera.focal / middle[2]
    lit = light.shade(np.array([[26.0, 26, 28], [150, 152, 156], look.frame * 0.8]), None, position, float(middle[2]))
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = np.stack([np.cos(angles), np.zeros(25), np.sin(angles)], axis=1)
    tyre_width = max(1, round(0.05 * scale))
    for hub in (rear, front):
        rim = to_fixed(camera.project(position + (hub + ring * (r - 0.025)) @ turn_world.T)[0])
        if scale * r > 12:
            spin = -driven / r
            ends = np.array([spin + k * np.pi / 4 for k in range(4)])
            spokes = np.stack([np.cos(ends), np.zeros(4), np.sin(ends)], axis=1) * (r - 0.03)
            for spoke in spokes:
                line = to_fixed(camera.project(position + np.stack([hub - spoke, hub + spoke]) @ turn_world.T)[0])
                sprite.add(line, tuple(lit[1].tolist()), 1, False)
        sprite.add(rim, tuple(lit[0].tolist()), tyre_width)
        if look.mudguards:
            guard = ring[2:12] if hub[0] > 0 else ring[1:13]
            arc = to_fixed(camera.project(position + (hub + guard * (r + 0.03)) @ turn_world.T)[0])
            sprite.add(arc, tuple(lit[2].tolist()), max(1, round(0.03 * scale)))
    bars = _bars_sprite(
        joints, a, a + 1, radius, radius, colours, np.zeros(11), position, heading, camera, light, least=1.0
    )
    for shape, colour in zip(bars.shapes, bars.colours, strict=True):
        sprite.add(shape, colour)
    if look.basket:
        corner = np.array([[0.5, -0.16, 0.72], [0.78, -0.16, 0.72], [0.78, 0.16, 0.72], [0.5, 0.16, 0.72]])
        corners = np.concatenate([corner, corner + (0.03, 0, 0.24)])
        pixels = camera.project(position + corners @ turn_world.T)[0]
        hull = cv2.convexHull(to_fixed(pixels))[:, 0]
        colour = light.shade(np.array([[120.0, 92, 60]]), None, position, float(middle[2]))[0]
        sprite.add(hull, tuple(colour.tolist()))
    return sprite


def _person_sprite(
    look: PersonLook, joints: Array, position: Array, heading: float, camera: Camera, light: Light
) -> Sprite:
    unit, wide = look.height, look.build**0.5
    # Bars: feet, shins, thighs, upper arms, forearms; left then right.
    a = np.array([4, 5, 2, 3, 0, 1, 8, 9, 10, 11])
    b = np.array([6, 7, 4, 5, 2, 3, 10, 11, 12, 13])
    ra = np.repeat([0.026, 0.042, 0.055 * wide, 0.036 * wide, 0.03], 2) * unit
    rb = np.repeat([0.02, 0.028, 0.042, 0.03, 0.023], 2) * unit
    shade = 0.88
    colours = np.array(
        [
            look.shoes,
            look.shoes,
            look.shin,
            look.shin * shade,
            look.trousers,
            look.trousers * shade,
            look.shirt,
            look.shirt * shade,
            look.forearm,
            look.forearm * shade,
        ]
    )
    world = position + joints @ _heading_matrix(heading).T
    pixels, depths = camera.project(world)
    sprite = Sprite()
    if depths.min() < NEAR:
        return sprite
    scale = camera.focal / depths
    depth = float(depths[14])
    torso_radius = 0.045 * unit * wide
    ends_a = np.array([8, 9, 14])
    ends_b = np.array([0, 1, 14])
    caps = capsule_shapes(
        np.concatenate([pixels[a], pixels[ends_a]]),
        np.concatenate([pixels[b], pixels[ends_b]]),
        np.concatenate([np.maximum(ra * scale[a], 0.6), scale[ends_a] * (torso_radius, torso_radius, 0.035 * unit)]),
        np.concatenate(
            [np.maximum(rb * scale[b], 0.5), scale[ends_b] * (torso_radius * 1.1, torso_radius * 1.1, 0.035 * unit)]
        ),
    )
    fixed = to_fixed(caps)
    palette = [
        tuple(c)
        for c in light.shade(
            np.array(
                [
                    *colours,
                    look.shirt,
                    look.skin,
                    look.hair,
                    look.hat if look.hat is not None else look.hair,
                    look.backpack if look.backpack is not None else look.shirt,
                    look.bag if look.bag is not None else look.shirt,
                ]
            ),
            None,
            position,
            depth,
        ).tolist()
    ]
    torso_depth = float(depths[[0, 1, 8, 9]].mean())
    bar_depth = (depths[a] + depths[b]) / 2
    order = np.argsort(-bar_depth, kind="stable").tolist()
    in_front = bar_depth < torso_depth - 0.02 * unit
    in_front[:6] |= not look.skirt  # trousers are drawn before the torso only where it hides them
    faces_away = float(np.array([np.cos(heading), np.sin(heading), 0.0]) @ (camera.position - position)) < 0

    def add_pack() -> None:
        if look.backpack is not None:
            centre = (pixels[8] + pixels[9]) * 0.36 + (pixels[0] + pixels[1]) * 0.14
            back = np.array([-np.cos(heading), -np.sin(heading), 0.0]) * 0.11 * unit
            moved = camera.project(
                (position + back + (joints[8] + joints[9]) * (0.0, 0.0, 0.36) + (joints[0] + joints[1]) * (0, 0, 0.14))[
                    None
                ]
            )[0][0]
            moved = moved * 0.9 + centre * 0.1
            up = (pixels[14] - (pixels[0] + pixels[1]) / 2) * 0.22
            shape = capsule_shapes(
                (moved + up)[None],
                (moved - up)[None],
                np.array([0.075 * unit * scale[14]]),
                np.array([0.085 * unit * scale[14]]),
            )
            sprite.add(to_fixed(shape[0]), palette[14])

    legs = [bar for bar in order if bar < 6]
    arms = [bar for bar in order if bar >= 6]
    for bar in arms:
        if not in_front[bar]:
            sprite.add(fixed[bar], palette[bar])
    if not faces_away:
        add_pack()
    for bar in legs:
        sprite.add(fixed[bar], palette[bar])
    if look.skirt or look.coat:
        low = (pixels[2] + pixels[3]) / 2 + (pixels[[2, 3]] - (pixels[2] + pixels[3]) / 2) * 1.15
        if look.coat:
            low = low * 0.75 + pixels[[0, 1]] * 0.25
        flare = capsule_shapes(pixels[[0, 1]], low, scale[[0, 1]] * 0.06 * unit, scale[[2, 3]] * 0.075 * unit * wide)
        hull = cv2.convexHull(to_fixed(flare.reshape(-1, 2)))[:, 0]
        sprite.add(hull, palette[10] if look.coat else palette[4])
    sprite.add(cv2.convexHull(fixed[10:12].reshape(-1, 2))[:, 0], palette[10])
    if faces_away:
        add_pack()
    sprite.add(fixed[12], palette[11])
    _add_head(sprite, look, pixels, scale, palette, faces_away)
    for bar in arms:
        if in_front[bar]:
            sprite.add(fixed[bar], palette[bar])
    hand_radius = np.maximum(0.026 * unit * scale[[12, 13]], 0.5)
    hands = to_fixed(capsule_shapes(pixels[[12, 13]], pixels[[12, 13]], hand_radius, hand_radius))
    for k in (0, 1):
        if in_front[8 + k]:
            sprite.add(hands[k], palette[11])
    if look.bag is not None and in_front[8]:
        drop = np.array([0.0, 0.13 * unit * scale[12]])
        bag = capsule_shapes(
            (pixels[12] + drop * 0.6)[None],
            (pixels[12] + drop)[None],
            np.array([0.05 * unit * scale[12]]),
            np.array([0.07 * unit * scale[12]]),
        )
        sprite.add(to_fixed(bag[0]), palette[15])
    return sprite


def _add_head(
    sprite: Sprite, look: PersonLook, pixels: Array, scale: Array, palette: list[tuple[float, ...]], faces_away: bool
) -> None:
    unit = look.height
    face, hair = pixels[15], pixels[16]
    r = 0.06 * unit * scale[15] * (1.12 if unit < 1.45 else 1.0)
    down = np.array([0.0, r * 0.28])
    head = to_fixed(
        capsule_shapes(
            np.array([face - down, hair - down]),
            np.array([face + down, hair]),
            np.array([r, r * 1.08]),
            np.array([r * 0.86, r * 1.0]),
        )
    )
    skin, mane, hat = palette[11], palette[12], palette[13]
    fall = np.array([0.0, r * (1.9 if faces_away else 0.75)])
    locks = to_fixed(
        capsule_shapes((hair - down)[None], (hair + fall)[None], np.array([r * 1.08]), np.array([r * 0.85]))
    )[0]
    if faces_away:
        sprite.add(head[0], skin)
        sprite.add(locks if look.long_hair else head[1], mane)
    else:
        sprite.add(locks if look.long_hair else head[1], mane)
        lower = to_fixed(
            capsule_shapes((face + down * 0.3)[None], (face + down)[None], np.array([r * 0.92]), np.array([r * 0.84]))
        )[0]
        sprite.add(lower, skin)
    if look.hat is not None:
        top = (face + hair) / 2 - down * 2.2
        sprite.add(
            to_fixed(
                capsule_shapes(
                    (top - (r * 0.5, 0))[None], (top + (r * 0.5, 0))[None], np.array([r * 0.72]), np.array([r * 0.72])
                )
            )[0],
            hat,
        )


def _bars_sprite(
    joints: Array, a: NDArray[np.int64], b: NDArray[np.int64], ra: Array, rb: Array, colours: Array, bias: Array,
    position: Array, heading: float, camera: Camera, light: Light, least: float = 0.6,
) -> Sprite:  # fmt: skip
    pixels, depths = camera.project(position + joints @ _heading_matrix(heading).T)
    sprite = Sprite()
    if depths.min() < NEAR:
        return sprite
    scale = camera.focal / depths
    shapes = to_fixed(
        capsule_shapes(pixels[a], pixels[b], np.maximum(ra * scale[a], least), np.maximum(rb * scale[b], least))
    )
    palette = light.shade(colours, None, position, float(depths.mean())).tolist()
    for bar in np.argsort(-((depths[a] + depths[b]) / 2 + bias), kind="stable").tolist():
        sprite.add(shapes[bar], tuple(palette[bar]))
    return sprite


def _bend(start: Array, end: Array, upper: float, lower: float, *, forward: bool) -> Array:
    """The knee or elbow of a limb from `start` to `end`, in the x-z plane."""
    line = end - start
    length = float(np.hypot(line[0], line[2]))
    reach = min(max(length, 0.05), (upper + lower) * 0.999)
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    off = np.sqrt(max(upper**2 - along**2, 0.0))
    across = np.array([-line[2], 0.0, line[0]]) / max(length, 1e-6)
    if (across[0] > 0) != forward:
        across = -across
    return start + line * (along / max(length, 1e-6)) + across * off


def _heading_matrix(heading: float) -> Array:
    cos, sin = np.cos(heading), np.sin(heading)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
