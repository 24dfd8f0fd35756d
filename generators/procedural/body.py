"""Person sprites: from the joints of a body to limbs, clothes and head, in the order in which they hide each other."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from generators.procedural.arrays import Colour, FixedPoints, Flags, Floats
from generators.procedural.bicycles import BicycleLook
from generators.procedural.camera import NEAR, Camera
from generators.procedural.canvas import Sprite, capsule_shapes, to_colours, to_fixed
from generators.procedural.light import Light
from generators.procedural.limbs import heading_matrix
from generators.procedural.people import (
    ANKLES,
    CROWN,
    ELBOWS,
    FACE,
    HANDS,
    HIPS,
    KNEES,
    NECK,
    SHOULDERS,
    TOES,
    PersonLook,
    pose_rider,
    pose_walker,
)

# Bars, left then right: feet, shins, thighs, upper arms, forearms; then the two sides of the torso, and the neck.
_LIMBS = 10
_FIRST_ARM = 6
_FOREARMS = (8, 9)
_HAND_NAMES = ("left hand", "right hand")
_TORSO_BARS = slice(10, 12)
_NECK_BAR = 12
_STARTS = np.array([*ANKLES, *KNEES, *HIPS, *SHOULDERS, *ELBOWS, *SHOULDERS, NECK])
_ENDS = np.array([*TOES, *ANKLES, *KNEES, *ELBOWS, *HANDS, *HIPS, NECK])
_RIGHT_SHADE = 0.88
# The palette: one colour per limb, then these.
_SHIRT, _SKIN, _HAIR, _HAT, _PACK, _BAG = range(_LIMBS, _LIMBS + 6)
_TROUSERS = 4


_Capsule: TypeAlias = tuple[Floats, Floats, float, float]
"""A round-ended bar on the canvas: start (2,), end (2,) and their radii in pixels."""


@dataclass(frozen=True)
class _Body:
    """One person in one frame: joints on the canvas with their pixels per metre, shapes and colours."""

    look: PersonLook
    pixels: Floats
    scale: Floats
    bars: FixedPoints
    """Outlines (13, 12, 2) of limbs, torso and neck."""
    parts: dict[str, FixedPoints]
    """Outlines (12, 2) of what is round or carried, by name."""
    palette: list[Colour]
    faces_away: bool
    in_front: Flags
    """Limbs (10,) that lie before the torso."""


def draw_walker(
    look: PersonLook, position: Floats, heading: float, walked: float, pace: float, camera: Camera, light: Light
) -> Sprite:
    """A walking, running or standing person; `walked` metres drive the gait, `pace` in m/s its reach."""
    return draw_body(look, pose_walker(look, walked, pace), position, heading, camera, light)


def draw_rider(
    look: PersonLook,
    bicycle: BicycleLook,
    position: Floats,
    heading: float,
    driven: float,
    camera: Camera,
    light: Light,
) -> Sprite:
    """A person on a bicycle; `driven` metres turn the pedals."""
    return draw_body(look, pose_rider(look, bicycle, driven), position, heading, camera, light)


def draw_body(
    look: PersonLook, joints: Floats, position: Floats, heading: float, camera: Camera, light: Light
) -> Sprite:
    """A person with joints (17, 3) in its own frame; nothing when one of them is too close to the camera."""
    pixels, depths = camera.project(position + joints @ heading_matrix(heading).T)
    sprite = Sprite()
    if depths.min() < NEAR:
        return sprite
    scale = camera.focal / depths
    ahead = np.array([np.cos(heading), np.sin(heading), 0.0])
    faces_away = float(ahead @ (camera.position - position)) < 0
    parts = _head_capsules(look, pixels, scale, faces_away) | _hand_capsules(look, pixels, scale)
    if look.backpack is not None:
        parts["pack"] = _pack_capsule(look, joints, pixels, scale, position, ahead, camera)
    limbs = _limb_capsules(look, pixels, scale)
    shapes = _outline_capsules(limbs, list(parts.values()))
    order, in_front = _sort_limbs(look, depths)
    body = _Body(
        look=look,
        pixels=pixels,
        scale=scale,
        bars=shapes[: len(_STARTS)],
        parts=dict(zip(parts, shapes[len(_STARTS) :], strict=True)),
        palette=_palette(look, position, float(depths[NECK]), light),
        faces_away=faces_away,
        in_front=in_front,
    )
    _add_parts(sprite, body, order)
    return sprite


def _add_parts(sprite: Sprite, body: _Body, order: list[int]) -> None:
    """All parts from back to front; `order` sorts the limbs by depth."""
    arms = [bar for bar in order if bar >= _FIRST_ARM]
    _add_limbs(sprite, body, [bar for bar in arms if not body.in_front[bar]])
    if not body.faces_away:
        _add_part(sprite, body, "pack", _PACK)
    _add_limbs(sprite, body, [bar for bar in order if bar < _FIRST_ARM])
    _add_skirt(sprite, body)
    sprite.add(_hull(body.bars[_TORSO_BARS]), body.palette[_SHIRT])
    if body.faces_away:
        _add_part(sprite, body, "pack", _PACK)
    sprite.add(body.bars[_NECK_BAR], body.palette[_SKIN])
    _add_head(sprite, body)
    _add_limbs(sprite, body, [bar for bar in arms if body.in_front[bar]])
    _add_hands(sprite, body)


def _limb_capsules(look: PersonLook, pixels: Floats, scale: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Limbs, torso and neck: starts (13, 2), ends (13, 2) and radii (13,) in pixels."""
    unit, wide = look.height, look.build**0.5
    a, b = _STARTS, _ENDS
    ra = np.repeat([0.026, 0.042, 0.055 * wide, 0.036 * wide, 0.03], 2) * unit
    rb = np.repeat([0.02, 0.028, 0.042, 0.03, 0.023], 2) * unit
    torso, neck = 0.045 * unit * wide, 0.035 * unit
    start_radius = [np.maximum(ra * scale[a[:_LIMBS]], 0.6), scale[a[_LIMBS:]] * (torso, torso, neck)]
    end_radius = [np.maximum(rb * scale[b[:_LIMBS]], 0.5), scale[b[_LIMBS:]] * (torso * 1.1, torso * 1.1, neck)]
    return pixels[a], pixels[b], np.concatenate(start_radius), np.concatenate(end_radius)


def _head_capsules(look: PersonLook, pixels: Floats, scale: Floats, faces_away: bool) -> dict[str, _Capsule]:
    """Face, hair and hat."""
    face, crown = pixels[FACE], pixels[CROWN]
    r = 0.06 * look.height * scale[FACE] * (1.12 if look.height < 1.45 else 1.0)
    down = np.array([0.0, r * 0.28])
    if faces_away:
        parts = {"face": (face - down, face + down, r, r * 0.86)}
    else:  # hair covers the upper half
        parts = {"face": (face + down * 0.3, face + down, r * 0.92, r * 0.84)}
    if look.long_hair:
        fall = np.array([0.0, r * (1.9 if faces_away else 0.75)])
        parts["hair"] = (crown - down, crown + fall, r * 1.08, r * 0.85)
    else:
        parts["hair"] = (crown - down, crown, r * 1.08, r * 1.0)
    if look.hat is not None:
        top = (face + crown) / 2 - down * 2.2
        parts["hat"] = (top - (r * 0.5, 0), top + (r * 0.5, 0), r * 0.72, r * 0.72)
    return parts


def _hand_capsules(look: PersonLook, pixels: Floats, scale: Floats) -> dict[str, _Capsule]:
    """Both hands, and the bag in the left one."""
    unit = look.height
    parts = {}
    for name, hand in zip(_HAND_NAMES, HANDS, strict=True):
        radius = max(0.026 * unit * scale[hand], 0.5)
        parts[name] = (pixels[hand], pixels[hand], radius, radius)
    if look.bag is not None:
        hand = HANDS[0]
        drop = np.array([0.0, 0.13 * unit * scale[hand]])
        ends = pixels[hand] + drop * 0.6, pixels[hand] + drop
        parts["bag"] = (*ends, 0.05 * unit * scale[hand], 0.07 * unit * scale[hand])
    return parts


def _pack_capsule(
    look: PersonLook, joints: Floats, pixels: Floats, scale: Floats, position: Floats, ahead: Floats, camera: Camera
) -> _Capsule:
    """The backpack, mostly behind the back and a little on it."""
    unit, (left_hip, right_hip), (left_shoulder, right_shoulder) = look.height, HIPS, SHOULDERS
    centre = (pixels[left_shoulder] + pixels[right_shoulder]) * 0.36 + (pixels[left_hip] + pixels[right_hip]) * 0.14
    back = -ahead * 0.11 * unit
    shoulders = (joints[left_shoulder] + joints[right_shoulder]) * (0.0, 0.0, 0.36)
    hips = (joints[left_hip] + joints[right_hip]) * (0, 0, 0.14)
    moved = camera.project((position + back + shoulders + hips)[None])[0][0]
    middle = moved * 0.9 + centre * 0.1
    up = (pixels[NECK] - (pixels[left_hip] + pixels[right_hip]) / 2) * 0.22
    return middle + up, middle - up, 0.075 * unit * scale[NECK], 0.085 * unit * scale[NECK]


def _outline_capsules(limbs: tuple[Floats, Floats, Floats, Floats], parts: list[_Capsule]) -> FixedPoints:
    """Outlines (13 + N, 12, 2) of the limbs and of N parts, in one go."""
    columns = (np.array(column) for column in zip(*parts, strict=True))
    return to_fixed(capsule_shapes(*(np.concatenate(pair) for pair in zip(limbs, columns, strict=True))))


def _palette(look: PersonLook, position: Floats, depth: float, light: Light) -> list[Colour]:
    limbs = [look.shoes, look.shoes]
    for colour in (look.shin, look.trousers, look.shirt, look.forearm):
        limbs += [colour, colour * _RIGHT_SHADE]
    hat, pack, bag = (
        worn if worn is not None else instead
        for worn, instead in ((look.hat, look.hair), (look.backpack, look.shirt), (look.bag, look.shirt))
    )
    colours = np.array([*limbs, look.shirt, look.skin, look.hair, hat, pack, bag])
    return to_colours(light.shade(colours, None, position, depth))


def _sort_limbs(look: PersonLook, depths: Floats) -> tuple[list[int], Flags]:
    """The limbs from far to near, and which of them lie before the torso."""
    bar_depth = (depths[_STARTS[:_LIMBS]] + depths[_ENDS[:_LIMBS]]) / 2
    order = np.argsort(-bar_depth, kind="stable").tolist()
    torso_depth = float(depths[[*HIPS, *SHOULDERS]].mean())
    in_front = bar_depth < torso_depth - 0.02 * look.height
    return order, in_front


def _add_limbs(sprite: Sprite, body: _Body, bars: list[int]) -> None:
    for bar in bars:
        sprite.add(body.bars[bar], body.palette[bar])


def _add_part(sprite: Sprite, body: _Body, name: str, colour: int) -> None:
    """One part of `body.parts`, if this person has it."""
    if name in body.parts:
        sprite.add(body.parts[name], body.palette[colour])


def _add_skirt(sprite: Sprite, body: _Body) -> None:
    """A skirt, or the lower half of a coat."""
    look, pixels, scale = body.look, body.pixels, body.scale
    if not (look.skirt or look.coat):
        return
    hips, knees = pixels[list(HIPS)], pixels[list(KNEES)]
    between = (knees[0] + knees[1]) / 2
    hem = between + (knees - between) * 1.15
    if look.coat:
        hem = hem * 0.75 + hips * 0.25
    waist_radius = scale[list(HIPS)] * 0.06 * look.height
    hem_radius = scale[list(KNEES)] * 0.075 * look.height * look.build**0.5
    shape = _hull(to_fixed(capsule_shapes(hips, hem, waist_radius, hem_radius)))
    sprite.add(shape, body.palette[_SHIRT if look.coat else _TROUSERS])


def _add_head(sprite: Sprite, body: _Body) -> None:
    if body.faces_away:
        _add_part(sprite, body, "face", _SKIN)
        _add_part(sprite, body, "hair", _HAIR)
    else:
        _add_part(sprite, body, "hair", _HAIR)
        _add_part(sprite, body, "face", _SKIN)
    _add_part(sprite, body, "hat", _HAT)


def _add_hands(sprite: Sprite, body: _Body) -> None:
    """The hands before the torso, then the bag in the left one."""
    for name, forearm in zip(_HAND_NAMES, _FOREARMS, strict=True):
        if body.in_front[forearm]:
            _add_part(sprite, body, name, _SKIN)
    if body.in_front[_FOREARMS[0]]:
        _add_part(sprite, body, "bag", _BAG)


def _hull(shapes: FixedPoints) -> FixedPoints:
    return cv2.convexHull(shapes.reshape(-1, 2))[:, 0]
