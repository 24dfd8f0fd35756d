"""People: their looks, and how their joints lie when they walk, stand or ride."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.bicycles import CRANK, METRES_PER_RADIAN, PEDAL_REACH, BicycleLook
from generators.procedural.limbs import bend_limb

_SKIN = np.array(
    [[240, 200, 170], [224, 172, 138], [198, 140, 104], [150, 102, 72], [104, 70, 50], [74, 50, 38]], float
)
_HAIR = np.array(
    [[30, 24, 20], [60, 42, 28], [110, 76, 44], [196, 160, 90], [150, 150, 150], [120, 50, 30], [20, 20, 22]], float
)
_TROUSERS = np.array(
    [[44, 58, 92], [30, 32, 40], [70, 74, 80], [120, 104, 80], [24, 24, 28], [90, 60, 50], [170, 160, 140]], float
)

# Joints of a body, left before right.
HIPS, KNEES, ANKLES, TOES, SHOULDERS, ELBOWS, HANDS = (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13)
NECK, FACE, CROWN = 14, 15, 16
JOINTS = 17


@dataclass(frozen=True)
class PersonLook:
    """Body and clothes of one person; lengths in metres, colours 0..255."""

    height: float
    build: float
    shirt: Floats
    trousers: Floats
    skin: Floats
    hair: Floats
    shoes: Floats
    forearm: Floats
    shin: Floats
    skirt: bool
    coat: bool
    long_hair: bool
    hat: Floats | None
    backpack: Floats | None
    bag: Floats | None


def draw_person_look(rng: np.random.Generator) -> PersonLook:
    """A random person; about one in seven is a child."""
    child = rng.random() < 0.14
    height = float(rng.uniform(1.0, 1.42) if child else rng.normal(1.71, 0.085))
    skin = _SKIN[int(rng.integers(len(_SKIN)))] * rng.uniform(0.92, 1.06)
    shirt = rng.uniform(20, 235, 3) if rng.random() < 0.65 else np.full(3, rng.uniform(25, 230))
    trousers = _TROUSERS[int(rng.integers(len(_TROUSERS)))] * rng.uniform(0.8, 1.25)
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


def pose_walker(look: PersonLook, walked: float, pace: float) -> Floats:
    """Joints (17, 3) of a person on foot; `walked` metres drive the gait, `pace` in m/s its reach, 0: standing."""
    unit = look.height
    reach = min(0.12 + 0.33 * pace, 0.75) if pace > 0.15 else 0.0
    stride = 0.75 * unit * (0.55 + 0.55 * reach)
    phase = np.pi * walked / max(stride, 0.3)
    swing = reach * np.sin(phase)
    bob = 0.012 * unit * abs(np.cos(phase)) * (reach > 0)
    hip_z, shoulder_z = 0.525 * unit + bob - 0.02 * unit * abs(swing), 0.82 * unit + bob
    lean = 0.03 * pace
    joints = np.empty((JOINTS, 3))
    for k, side in enumerate((1.0, -1.0)):
        joints[[HIPS[k], KNEES[k], ANKLES[k], TOES[k]]] = _walking_leg(unit, side, swing, phase, reach, hip_z)
        joints[[SHOULDERS[k], ELBOWS[k], HANDS[k]]] = _swinging_arm(look, side, swing, reach, lean, shoulder_z)
    joints[NECK] = (lean * 0.6, 0, shoulder_z + 0.03 * unit)
    joints[FACE] = (lean * 0.8 + 0.012 * unit, 0, 0.925 * unit + bob)
    joints[CROWN] = (lean * 0.8 - 0.018 * unit, 0, 0.945 * unit + bob)
    return joints


def pose_rider(look: PersonLook, bicycle: BicycleLook, driven: float) -> Floats:
    """Joints (17, 3) of a person on a bicycle; `driven` metres turn the pedals."""
    unit = look.height
    saddle_z = min(bicycle.saddle, 0.53 * unit) + 0.05
    angle = -driven / METRES_PER_RADIAN
    half_hip, half_shoulder = 0.06 * unit, 0.11 * unit * look.build**0.5
    hip = np.array([-0.24, 0.0, saddle_z])
    shoulder = hip + np.array([0.16 * unit, 0, 0.29 * unit])
    bar = np.array([0.40, 0.0, 0.98])
    joints = np.empty((JOINTS, 3))
    for k, side in enumerate((1.0, -1.0)):
        turn = angle + (np.pi if k else 0.0)
        foot = CRANK + np.array([PEDAL_REACH * np.cos(turn), side * 0.1, PEDAL_REACH * np.sin(turn)])
        pelvis = hip + (0, side * half_hip, 0)
        joints[HIPS[k]] = pelvis
        joints[KNEES[k]] = bend_limb(pelvis, foot + (0, 0, 0.06), 0.245 * unit, 0.25 * unit, forward=True)
        joints[ANKLES[k]] = foot + (-0.03, 0, 0.06)
        joints[TOES[k]] = foot + (0.1, 0, 0.02)
        joints[SHOULDERS[k]] = shoulder + (0, side * half_shoulder, 0)
        joints[HANDS[k]] = bar + (0, side * 0.24, 0.02)
        joints[ELBOWS[k]] = bend_limb(joints[SHOULDERS[k]], joints[HANDS[k]], 0.17 * unit, 0.16 * unit, forward=False)
    joints[NECK] = shoulder + (0.03, 0, 0.04 * unit)
    joints[FACE] = shoulder + (0.07 * unit, 0, 0.115 * unit)
    joints[CROWN] = shoulder + (0.04 * unit, 0, 0.135 * unit)
    return joints


def _walking_leg(
    unit: float, side: float, swing: float, phase: float, reach: float, hip_z: float
) -> list[tuple[float, float, float]]:
    """Hip, knee, ankle and toe."""
    half_hip = 0.055 * unit
    thigh = side * swing
    lift = max(0.0, -np.cos(phase) * side) * reach
    shin = thigh - 0.15 * (reach > 0) - 1.1 * lift
    knee = (0.245 * unit * np.sin(thigh), side * half_hip, hip_z - 0.245 * unit * np.cos(thigh))
    ankle_x = knee[0] + 0.24 * unit * np.sin(shin)
    ankle_z = max(knee[2] - 0.24 * unit * np.cos(shin), 0.04 * unit)
    toe = (ankle_x + 0.085 * unit, side * half_hip, max(ankle_z - 0.025 * unit, 0.02 * unit))
    return [(0, side * half_hip, hip_z), knee, (ankle_x, side * half_hip, ankle_z), toe]


def _swinging_arm(
    look: PersonLook, side: float, swing: float, reach: float, lean: float, shoulder_z: float
) -> list[tuple[float, float, float]]:
    """Shoulder, elbow and hand."""
    unit = look.height
    half_shoulder = 0.098 * unit * look.build**0.5
    arm = -side * swing * 0.85
    elbow = (
        lean * 0.5 + 0.165 * unit * np.sin(arm),
        side * (half_shoulder + 0.03 * unit),
        shoulder_z - 0.16 * unit * np.cos(arm),
    )
    fore = arm + 0.25 + 0.5 * reach
    hand = (elbow[0] + 0.15 * unit * np.sin(fore), elbow[1], elbow[2] - 0.15 * unit * np.cos(fore))
    return [(lean * 0.5, side * half_shoulder, shoulder_z), elbow, hand]
