"""Buildings along the street: town houses with shops, family houses with roofs, low blocks."""

import itertools
from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.layout import Layout
from generators.procedural.light import Light
from generators.procedural.plate import Plate

_FACADES = np.array([
    [168, 120, 96], [190, 170, 140], [150, 146, 142], [206, 196, 178], [132, 92, 78],
    [120, 130, 140], [176, 150, 120], [92, 88, 90], [214, 206, 196], [150, 164, 160],
], float)  # fmt: skip
_BUILT_SHARE = {
    "city street": 1.0,
    "square": 0.9,
    "residential street": 0.8,
    "parking lot": 0.6,
    "country road": 0.12,
    "park": 0.0,
}
_STREET_END = 95.0
_DEPTH = 8.0
_BLIND_BEYOND, _FRAMED_WITHIN = 90.0, 45.0
"""Metres beyond which windows are left out, and within which they have frames."""
_PIECE = 5.0
"""Metres of facade that are drawn at once: long facades recede, and their fog needs more than one depth."""


@dataclass(frozen=True)
class _Block:
    """One building between `start` and `end` along the street, its facade at `y`; `style` (8,) are numbers 0..1."""

    start: float
    end: float
    y: float
    side: float
    house: bool
    style: Floats
    place: str

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def floors(self) -> int:
        if self.place == "parking lot":
            return int(1 + self.style[0] * 3)
        return int(1 + (self.style[0] < 0.5)) if self.house else int(2 + self.style[0] * 6)

    @property
    def storey(self) -> float:
        return 2.7 + 0.7 * float(self.style[1])

    @property
    def top(self) -> float:
        return self.floors * self.storey + 0.4

    @property
    def colour(self) -> Floats:
        colour: Floats = _FACADES[int(self.style[2] * len(_FACADES))] * (0.75 + 0.4 * self.style[3])
        return colour

    @property
    def has_shops(self) -> bool:
        return not self.house and self.place in ("city street", "square") and bool(self.style[6] < 0.75)

    def wall(self, x0: float, x1: float, z0: float, z1: float) -> Floats:
        """A rectangle (4, 3) in the plane of the facade."""
        y = self.y
        return np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]])

    def farness(self, eye: Floats) -> float:
        """Minus the distance on the ground from `eye`."""
        nearest = min(max(eye[0], self.start), self.end)
        return -float(np.hypot(nearest - eye[0], self.y - eye[1]))


def draw_buildings(plate: Plate, layout: Layout, light: Light, rng: np.random.Generator) -> None:
    """All buildings of the place, from the farthest to the nearest."""
    eye = plate.camera.position
    for block in sorted(_line_street(layout, rng), key=lambda block: block.farness(eye)):
        # One generator per block: what is outside the view costs no draws of the others.
        own_rng = np.random.Generator(np.random.PCG64(int(block.style[7] * 2**40)))
        _draw_block(plate, light, block, own_rng)


def _line_street(layout: Layout, rng: np.random.Generator) -> list[_Block]:
    """The blocks on both sides, with gaps and the opening of the side road."""
    house = layout.place in ("residential street", "country road")
    blocks = []
    for side in (-1.0, 1.0):
        if side == layout.camera_side and layout.near_open:
            continue
        x = -_STREET_END + rng.uniform(0, 6)
        while x < _STREET_END:
            length = rng.uniform(7, 12) if house else rng.uniform(8, 20)
            gap = _draw_gap(layout.place, rng, house=house)
            style = rng.random(8)
            at_junction = layout.junction is not None and x - 4 < layout.junction < x + length + 4
            if rng.random() < _BUILT_SHARE[layout.place] and not at_junction:
                blocks.append(_Block(x, x + length, side * layout.front, side, house, style, layout.place))
            x += length + gap
    return blocks


def _draw_gap(place: str, rng: np.random.Generator, *, house: bool) -> float:
    """Metres between two neighbours."""
    if house:
        return rng.uniform(2, 7)
    return 0.0 if place == "city street" else rng.uniform(0, 4)


def _draw_block(plate: Plate, light: Light, block: _Block, rng: np.random.Generator) -> None:
    x0, x1, y = block.start, block.end, block.y
    corners = plate.camera.to_camera(np.array([[x0, y, 0.0], [x1, y, 0.0], [(x0 + x1) / 2, y, 0.0]]))
    if (corners[:, 2] < 0.5).all():
        return
    _draw_walls(plate, block)
    if block.house:
        _draw_roof(plate, block)
    else:
        plate.polygon(block.wall(x0, x1, block.top - 0.35, block.top), block.colour * 1.15)
    distance = float(np.linalg.norm(corners, axis=1).min())
    if distance > _BLIND_BEYOND:
        return
    _draw_windows(plate, light, block, rng, framed=distance < _FRAMED_WITHIN)
    if block.has_shops:
        units = max(1, int(block.length / 5))
        for start, end in itertools.pairwise(np.linspace(x0, x1, units + 1)):
            _draw_shop(plate, light, block, start, end, rng)


def _draw_walls(plate: Plate, block: _Block) -> None:
    """Gable walls, facade and plinth."""
    x0, x1, y, top, colour = block.start, block.end, block.y, block.top, block.colour
    back = y + block.side * _DEPTH
    for x in (x0, x1):
        plate.polygon(np.array([[x, y, 0], [x, back, 0], [x, back, top], [x, y, top]]), colour * 0.8)
    pieces = max(1, int(block.length / _PIECE))
    for start, end in itertools.pairwise(np.linspace(x0, x1, pieces + 1)):
        plate.polygon(block.wall(start, end, 0, top), colour)
    plate.polygon(block.wall(x0, x1, 0, 0.5), colour * 0.7)


def _draw_roof(plate: Plate, block: _Block) -> None:
    style, side = block.style, block.side
    colour: Floats
    if style[5] < 0.6:
        colour = np.array([120.0, 74, 60]) * (0.6 + 0.6 * style[4])
    else:
        colour = np.array([90.0, 92, 98]) * (0.7 + 0.4 * style[4])
    eaves_y, eaves_z = block.y - side * 0.4, block.top - 0.1
    ridge_y, ridge_z = block.y + side * 3.5, block.top + 1.8 + style[6]
    outline = [
        [block.start - 0.4, eaves_y, eaves_z],
        [block.end + 0.4, eaves_y, eaves_z],
        [block.end - 0.8, ridge_y, ridge_z],
        [block.start + 0.8, ridge_y, ridge_z],
    ]
    plate.polygon(np.array(outline), colour)


def _draw_windows(plate: Plate, light: Light, block: _Block, rng: np.random.Generator, *, framed: bool) -> None:
    """Windows of all floors, some of them lit, and a door; shops take the place of the ground floor."""
    style, storey = block.style, block.storey
    columns = max(2, int(block.length / (1.9 + 1.6 * style[4])))
    step = block.length / columns
    half_width, half_height = step * (0.28 + 0.14 * style[5]), storey * (0.22 + 0.1 * style[1])
    frame = np.minimum(block.colour * 1.2 if style[3] < 0.5 else np.array([214.0, 212, 206]), 240)
    lit_odds = 0.4 if light.lights_on else 0.0
    for floor in range(1 if block.has_shops else 0, block.floors):
        z = floor * storey + storey * 0.55
        for column in range(columns):
            x = block.start + (column + 0.5) * step
            door = floor == 0 and column == columns // 2
            low, high = (0.0, min(2.2, storey * 0.8)) if door else (z - half_height, z + half_height)
            lit = rng.random() < lit_odds and not door
            glass = _draw_glass(rng, lit=lit)
            if door:
                glass = rng.uniform(30, 130, 3)
            if framed:
                half_frame = half_width * 1.16
                plate.polygon(block.wall(x - half_frame, x + half_frame, low - 0.1, high + 0.1), frame)
            plate.polygon(block.wall(x - half_width, x + half_width, low, high), glass, glow=0.8 if lit else 0.0)


def _draw_glass(rng: np.random.Generator, *, lit: bool) -> Floats:
    glass: Floats
    if lit:
        glass = np.array([255.0, 214, 140]) * rng.uniform(0.6, 1.0)
    else:
        glass = np.array([58.0, 70, 84]) * rng.uniform(0.7, 1.5)
    return glass


def _draw_shop(plate: Plate, light: Light, block: _Block, start: float, end: float, rng: np.random.Generator) -> None:
    """Shop window, door, sign and now and then an awning."""
    storey = block.storey
    sign = rng.uniform(20, 220, 3)
    lit = light.lights_on and rng.random() < 0.75
    inside: Floats
    if lit:
        inside = np.array([250.0, 226, 180]) * rng.uniform(0.5, 0.9)
    else:
        inside = np.array([70.0, 80, 88]) * rng.uniform(0.7, 1.6)
    plate.polygon(block.wall(start + 0.3, end - 0.3, 0.5, storey * 0.74), inside, glow=0.7 if lit else 0.0)
    door = start + (end - start) * rng.uniform(0.25, 0.75)
    plate.polygon(block.wall(door - 0.5, door + 0.5, 0, storey * 0.7), sign * 0.4)
    left, right = start + 0.2, end - 0.2
    plate.polygon(block.wall(left, right, storey * 0.78, storey * 0.98), sign, glow=0.25 if lit else 0.0)
    if rng.random() < 0.3:
        out = block.y - block.side * 1.2
        high, low = storey * 0.8, storey * 0.66
        awning = [[left, block.y, high], [right, block.y, high], [right, out, low], [left, out, low]]
        plate.polygon(np.array(awning), sign * 0.9)
