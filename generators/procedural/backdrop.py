"""The background plate: sky, ground, buildings and trees, drawn once per scene with fog and lamp light baked in."""

import cv2
import numpy as np
from numpy.typing import NDArray

from generators.procedural.camera import Camera, clip_to_near
from generators.procedural.canvas import SHIFT, to_fixed
from generators.procedural.conditions import Conditions
from generators.procedural.layout import Layout
from generators.procedural.light import Light
import itertools

Array = NDArray[np.float64]

_FAR = 160.0
_FACADES = np.array(
    [
        [168, 120, 96],
        [190, 170, 140],
        [150, 146, 142],
        [206, 196, 178],
        [132, 92, 78],
        [120, 130, 140],
        [176, 150, 120],
        [92, 88, 90],
        [214, 206, 196],
        [150, 164, 160],
    ],
    float,
)


class _Plate:
    """The picture, the depth of every pixel and how much it glows by itself."""

    def __init__(self, camera: Camera, width: int, height: int, scale: int) -> None:
        self.camera = camera
        self.image = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), 1e4, np.float32)
        self.glow = np.zeros((height, width), np.float32)
        self.scale = scale

    def polygon(self, points: Array, colour: Array, depth: float | None = None, glow: float = 0.0) -> None:
        local = clip_to_near(self.camera.to_camera(np.asarray(points, float)))
        if len(local) < 3:
            return
        fixed = to_fixed(self.camera.project_local(local)[0])
        height, width = self.depth.shape
        low, high = fixed.min(axis=0) >> SHIFT, fixed.max(axis=0) >> SHIFT
        if high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height:
            return
        cv2.fillConvexPoly(self.image, fixed, tuple(float(c) for c in colour), cv2.LINE_8, SHIFT)
        near = float(np.linalg.norm(local, axis=1).mean()) if depth is None else depth
        cv2.fillConvexPoly(self.depth, fixed, near, cv2.LINE_8, SHIFT)
        cv2.fillConvexPoly(self.glow, fixed, glow, cv2.LINE_8, SHIFT)

    def blob(self, centre: Array, radius: float, colour: Array) -> None:
        local = self.camera.to_camera(np.asarray(centre, float)[None])
        if local[0, 2] < 1.0:
            return
        pixels = to_fixed(self.camera.project_local(local)[0])[0]
        r = round(radius * self.camera.focal / local[0, 2] * (1 << SHIFT))
        for image, value in (
            (self.image, tuple(float(c) for c in colour)),
            (self.depth, float(local[0, 2])),
            (self.glow, 0.0),
        ):
            cv2.circle(image, (int(pixels[0]), int(pixels[1])), r, value, -1, cv2.LINE_8, SHIFT)


def draw_backdrop(
    layout: Layout,
    conditions: Conditions,
    light: Light,
    camera: Camera,
    width: int,
    height: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """The plate (height, width, 3), uint8 RGB, as `camera` sees it."""
    plate = _Plate(camera, width, height, 1)
    grid = _ground_grid(camera, width, height)
    _draw_sky(plate, light, conditions, rng)
    _draw_horizon(plate, layout, conditions, rng)
    _draw_ground(plate, layout, conditions, grid, rng)
    _draw_buildings(plate, layout, conditions, light, rng)
    _draw_trees(plate, layout, conditions, rng)
    return _apply_light(plate, layout, conditions, light, grid, rng)


def _ground_grid(
    camera: Camera, width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """World x, y and distance (float32) of the ground point at every pixel; distance is inf above the horizon."""
    u = ((np.arange(width) - camera.centre[0]) / camera.focal).astype(np.float32)
    v = ((np.arange(height) - camera.centre[1]) / camera.focal).astype(np.float32)
    r = camera.rotation.astype(np.float32)
    dz = u[None, :] * r[0, 2] + v[:, None] * r[1, 2] + r[2, 2]
    with np.errstate(divide="ignore"):
        share = np.where(dz < -1e-4, -np.float32(camera.position[2]) / dz, np.float32(np.inf))
    inside = np.minimum(share, 1e3)
    x = np.float32(camera.position[0]) + inside * (u[None, :] * r[0, 0] + v[:, None] * r[1, 0] + r[2, 0])
    y = np.float32(camera.position[1]) + inside * (u[None, :] * r[0, 1] + v[:, None] * r[1, 1] + r[2, 1])
    return x, y, share


def _draw_sky(plate: _Plate, light: Light, conditions: Conditions, rng: np.random.Generator) -> None:
    height, width = plate.depth.shape
    horizon = plate.camera.centre[1] - plate.camera.focal * np.tan(
        np.arcsin(np.clip(-plate.camera.rotation[2, 2], -1, 1))
    )
    share = np.clip((np.arange(height) / max(horizon, 1.0)), 0, 1)[:, None] ** 1.5
    sky = light.sky_top * (1 - share) + light.sky_low * share
    plate.image[:] = sky[:, None, :]
    if conditions.weather == "clear" and not light.is_night:
        clouds = np.zeros((height, width), np.float32)
        for rows, weight in ((8, 0.6), (17, 0.35), (38, 0.25), (80, 0.12)):
            clouds += weight * cv2.resize(
                rng.random((rows, rows), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC
            )
        amount = np.clip((clouds - rng.uniform(0.55, 0.85)) * 2.2, 0, 0.8)[..., None]
        plate.image += amount * (np.minimum(light.sky_low * 1.12, 255).astype(np.float32) - plate.image)
    elif light.is_night and conditions.weather == "clear":
        for _ in range(30):
            x, y = int(rng.integers(width)), int(rng.integers(max(1, int(height * 0.5))))
            plate.image[y : y + 2, x : x + 2] += rng.uniform(20, 90)
    plate.glow[:] = 1.0


def _draw_horizon(plate: _Plate, layout: Layout, conditions: Conditions, rng: np.random.Generator) -> None:
    """Hills, a tree line or a skyline, all around, behind everything."""
    town = layout.place in ("city street", "square", "parking lot")
    snow = conditions.weather == "snow"
    centre = plate.camera.position[:2]
    count = 90
    angles = np.linspace(0, 2 * np.pi, count + 1)
    smooth = np.interp(np.arange(count + 1), np.linspace(0, count, 24), rng.random(24))
    for k in range(count):
        height = (8 + 22 * rng.random()) if town else 5 + 12 * smooth[k] + 2 * rng.random()
        if layout.place == "country road" and smooth[k] < 0.4:
            height *= 0.4
        colour = (
            np.array([132.0, 134, 142]) * rng.uniform(0.8, 1.1)
            if town
            else np.array([70.0, 94, 62]) * rng.uniform(0.85, 1.1)
        )
        if snow and not town:
            colour = colour * 0.6 + 70
        a, b = angles[k] - 0.01, angles[k + 1] + 0.01
        base = [[*(centre + _FAR * np.array([np.cos(t), np.sin(t)])), 0.0] for t in (a, b)]
        plate.polygon(
            np.array(
                [
                    base[0],
                    base[1],
                    [base[1][0], base[1][1], height],
                    [base[0][0], base[0][1], height * rng.uniform(0.9, 1.1)],
                ]
            ),
            colour,
        )


def _draw_ground(plate: _Plate, layout: Layout, conditions: Conditions, grid: tuple, rng: np.random.Generator) -> None:
    x, y, share = grid
    below = np.isfinite(share)
    distance = np.where(below, share, 1e4)
    across = np.abs(y)
    snow, rain = conditions.weather == "snow", conditions.weather == "rain"
    tint = rng.uniform(-6, 6, 3)
    asphalt = np.full(3, rng.uniform(72, 118)) + tint * 0.6
    paving = np.full(3, rng.uniform(130, 176)) + tint
    grass = np.array([84.0, 112, 56]) * rng.uniform(0.75, 1.2) + tint
    earth = np.array([150.0, 134, 104]) * rng.uniform(0.8, 1.1)
    road = {"park": earth if rng.random() < 0.5 else asphalt * 1.2, "square": paving}.get(layout.place, asphalt)
    walk = {"park": grass, "country road": grass * 0.6 + earth * 0.4}.get(
        layout.place, paving * (0.92 if layout.place == "square" else 1.0)
    )
    beyond = (
        paving
        if layout.place in ("city street", "square")
        else (asphalt if layout.place == "parking lot" and rng.random() < 0.5 else grass)
    )
    if rain:
        road, walk = road * 0.66, walk * 0.75
    if snow:
        cover = rng.uniform(0.35, 0.95)
        white = np.array([226.0, 230, 236])
        road = road * (1 - 0.55 * cover) + white * 0.55 * cover
        walk, beyond = walk * (1 - 0.85 * cover) + white * 0.85 * cover, beyond * (1 - cover) + white * cover
    colour = np.where(
        (across < layout.road)[..., None], road, np.where((across < layout.edge)[..., None], walk, beyond)
    ).astype(np.float32)
    if layout.junction is not None:
        side = (np.abs(x - layout.junction) < 3.4) & (across >= layout.road)
        colour[side] = road
    fade = np.clip(14.0 / np.maximum(distance, 0.1), 0, 1).astype(np.float32)
    texture = _tile(rng, 256, (2, 6, 24), (0.4, 0.35, 0.55))
    sample = cv2.remap(texture, (x * 20) % 255, (y * 20) % 255, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    coarse = cv2.remap(texture, (x * 2.3) % 255, (y * 2.3) % 255, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    colour *= (1.0 + 0.2 * sample * fade + 0.16 * coarse * np.sqrt(fade))[..., None]
    colour *= _marking_shade(layout, conditions, x, y, across, distance, rng)[..., None]
    lines = _line_share(layout, x, y, across, distance, rng) * (0.25 if snow else 0.85)
    colour += lines[..., None] * (np.array([222.0, 220, 212], np.float32) - colour)
    kerb = (across > layout.road) & (across < layout.road + 0.16) & below
    if layout.place in ("city street", "residential street"):
        colour[kerb] *= 1.22
        colour[(across > layout.road - 0.1) & (across <= layout.road) & below] *= 0.72
    if conditions.weather in ("rain", "snow") and layout.place != "square":
        for lane, _ in layout.lanes:
            for rut in (-0.75, 0.75):
                amount = 0.16 * np.exp(-(((y - lane - rut) / 0.22) ** 2)) * below
                colour *= (1 - amount)[..., None]
    plate.image[below] = np.clip(colour, 0, 255)[below]
    plate.depth[below] = distance[below] * 1.0
    plate.glow[below] = 0.0


def _marking_shade(
    layout: Layout, conditions: Conditions, x: Array, y: Array, across: Array, distance: Array, rng: np.random.Generator
) -> Array:
    shade = np.ones_like(x)
    fade = np.clip(12.0 / np.maximum(distance, 0.1), 0, 1)
    size = rng.uniform(0.5, 1.2)
    paved = (across > layout.road) & (across < layout.edge)
    if layout.place == "square":
        paved = across < layout.front + 5
    if layout.place in ("city street", "square", "residential street"):
        joint = ((x % size) < 0.05) | ((y % size) < 0.05)
        shade = np.where(joint & paved, 1 - 0.16 * fade, shade)
        if layout.place == "square":
            chess = ((np.floor(x / (size * 3)) + np.floor(y / (size * 3))) % 2) * 0.08
            shade = shade * (1 - chess)
    if layout.place == "city street":
        for _ in range(int(rng.integers(0, 4))):
            px, py, a, b = (
                rng.uniform(-12, 12),
                rng.uniform(-layout.road, layout.road),
                rng.uniform(0.3, 2.0),
                rng.uniform(0.3, 1.2),
            )
            shade = np.where(
                (np.abs(x - px) < a) & (np.abs(y - py) < b) & (across < layout.road),
                shade * rng.uniform(0.75, 1.12),
                shade,
            )
    return shade


def _line_share(layout: Layout, x: Array, y: Array, across: Array, distance: Array, rng: np.random.Generator) -> Array:
    lines = np.zeros_like(x)
    dash, wide = rng.uniform(3, 6), rng.uniform(0.1, 0.16)
    if layout.place in ("city street", "residential street", "country road"):
        solid = rng.random() < 0.3
        middle = across < wide / 2 + 0.02
        lines = np.where(middle & (solid | ((x % dash) < dash * 0.5)), 1.0, lines)
        if len(layout.lanes) == 4:
            lines = np.where((np.abs(across - layout.road * 0.48) < wide / 2) & ((x % dash) < dash * 0.5), 1.0, lines)
        if layout.place == "country road" or rng.random() < 0.3:
            lines = np.where(np.abs(across - layout.road + 0.25) < wide / 2, 1.0, lines)
        if layout.place == "city street" and rng.random() < 0.45:
            at = rng.uniform(-9, 9)
            crossing = (np.abs(x - at) < 1.6) & (across < layout.road - 0.2) & ((y % 1.0) < 0.5)
            lines = np.where(crossing, 1.0, np.where(np.abs(x - at) < 2.2, np.where(crossing, 1.0, 0.0), lines))
    elif layout.place == "parking lot":
        bays = (np.abs(x % 2.6) < 0.11) & (across > layout.road - 4.6)
        lines = np.where(bays & (across < layout.road + 0.1), 1.0, lines)
        lines = np.where((np.abs(across - layout.road + 4.6) < 0.06), 1.0, lines)
    return (lines * np.clip(30.0 / np.maximum(distance, 0.1), 0, 1)).astype(np.float32)


def _draw_buildings(
    plate: _Plate, layout: Layout, conditions: Conditions, light: Light, rng: np.random.Generator
) -> None:
    built = {
        "city street": 1.0,
        "square": 0.9,
        "residential street": 0.8,
        "parking lot": 0.6,
        "country road": 0.12,
        "park": 0.0,
    }[layout.place]
    blocks = []
    for side in (-1.0, 1.0):
        if side == layout.camera_side and layout.near_open:
            continue
        x = -95.0 + rng.uniform(0, 6)
        while x < 95:
            house = layout.place in ("residential street", "country road")
            length = rng.uniform(7, 12) if house else rng.uniform(8, 20)
            gap = rng.uniform(2, 7) if house else (0.0 if layout.place == "city street" else rng.uniform(0, 4))
            style = rng.random(8)
            junction = layout.junction is not None and x - 4 < layout.junction < x + length + 4
            if rng.random() < built and not junction:
                blocks.append((x, x + length, side * layout.front, side, house, style))
            x += length + gap
    eye = plate.camera.position

    def farness(block: tuple) -> float:
        nearest = min(max(eye[0], block[0]), block[1])
        return -float(np.hypot(nearest - eye[0], block[2] - eye[1]))

    for block in sorted(blocks, key=farness):
        # One generator per block: what is outside the view costs no draws of the others.
        _draw_block(plate, layout, light, block, np.random.Generator(np.random.PCG64(int(block[5][7] * 2**40))))


def _draw_block(plate: _Plate, layout: Layout, light: Light, block: tuple, rng: np.random.Generator) -> None:
    x0, x1, y, side, house, style = block
    corners = plate.camera.to_camera(np.array([[x0, y, 0.0], [x1, y, 0.0], [(x0 + x1) / 2, y, 0.0]]))
    if (corners[:, 2] < 0.5).all():
        return
    floors = int(1 + (style[0] < 0.5)) if house else int(2 + style[0] * 6)
    if layout.place == "parking lot":
        floors = int(1 + style[0] * 3)
    storey = 2.7 + 0.7 * style[1]
    top = floors * storey + 0.4
    colour = _FACADES[int(style[2] * len(_FACADES))] * (0.75 + 0.4 * style[3])
    depth = 8.0
    lit_side = colour * 0.8
    for end in (x0, x1):
        plate.polygon(
            np.array([[end, y, 0], [end, y + side * depth, 0], [end, y + side * depth, top], [end, y, top]]), lit_side
        )
    # Long facades recede: their fog needs more than one depth.
    pieces = max(1, int((x1 - x0) / 5))
    edges = np.linspace(x0, x1, pieces + 1)
    for a, b in itertools.pairwise(edges):
        plate.polygon(np.array([[a, y, 0], [b, y, 0], [b, y, top], [a, y, top]]), colour)
    plate.polygon(np.array([[x0, y, 0], [x1, y, 0], [x1, y, 0.5], [x0, y, 0.5]]), colour * 0.7)
    if house:
        roof = (
            np.array([120.0, 74, 60]) * (0.6 + 0.6 * style[4])
            if style[5] < 0.6
            else np.array([90.0, 92, 98]) * (0.7 + 0.4 * style[4])
        )
        ridge = top + 1.8 + style[6]
        plate.polygon(
            np.array(
                [
                    [x0 - 0.4, y - side * 0.4, top - 0.1],
                    [x1 + 0.4, y - side * 0.4, top - 0.1],
                    [x1 - 0.8, y + side * 3.5, ridge],
                    [x0 + 0.8, y + side * 3.5, ridge],
                ]
            ),
            roof,
        )
    else:
        plate.polygon(np.array([[x0, y, top - 0.35], [x1, y, top - 0.35], [x1, y, top], [x0, y, top]]), colour * 1.15)
    distance = float(np.linalg.norm(corners, axis=1).min())
    if distance > 90:
        return
    shop = not house and layout.place in ("city street", "square") and style[6] < 0.75
    pitch = 1.9 + 1.6 * style[4]
    columns = max(2, int((x1 - x0) / pitch))
    step = (x1 - x0) / columns
    win_w, win_h = step * (0.28 + 0.14 * style[5]), storey * (0.22 + 0.1 * style[1])
    frame = colour * 1.2 if style[3] < 0.5 else np.array([214.0, 212, 206])
    lit_odds = 0.4 if light.lights_on else 0.0
    for floor in range(floors):
        if floor == 0 and shop:
            continue
        z = floor * storey + storey * 0.55
        for column in range(columns):
            centre = x0 + (column + 0.5) * step
            door = floor == 0 and column == columns // 2
            low, high = (0.0, min(2.2, storey * 0.8)) if door else (z - win_h, z + win_h)
            lit = rng.random() < lit_odds and not door
            glass = (
                np.array([255.0, 214, 140]) * rng.uniform(0.6, 1.0)
                if lit
                else np.array([58.0, 70, 84]) * rng.uniform(0.7, 1.5)
            )
            if door:
                glass = rng.uniform(30, 130, 3)
            if distance < 45:
                w = win_w * 1.16
                plate.polygon(
                    np.array(
                        [
                            [centre - w, y, low - 0.1],
                            [centre + w, y, low - 0.1],
                            [centre + w, y, high + 0.1],
                            [centre - w, y, high + 0.1],
                        ]
                    ),
                    np.minimum(frame, 240),
                )
            plate.polygon(
                np.array(
                    [
                        [centre - win_w, y, low],
                        [centre + win_w, y, low],
                        [centre + win_w, y, high],
                        [centre - win_w, y, high],
                    ]
                ),
                glass,
                glow=0.8 if lit else 0.0,
            )
    if shop:
        units = max(1, int((x1 - x0) / 5))
        edges = np.linspace(x0, x1, units + 1)
        for a, b in itertools.pairwise(edges):
            sign = rng.uniform(20, 220, 3)
            lit = light.lights_on and rng.random() < 0.75
            inside = (
                np.array([250.0, 226, 180]) * rng.uniform(0.5, 0.9)
                if lit
                else np.array([70.0, 80, 88]) * rng.uniform(0.7, 1.6)
            )
            plate.polygon(
                np.array(
                    [[a + 0.3, y, 0.5], [b - 0.3, y, 0.5], [b - 0.3, y, storey * 0.74], [a + 0.3, y, storey * 0.74]]
                ),
                inside,
                glow=0.7 if lit else 0.0,
            )
            middle = a + (b - a) * rng.uniform(0.25, 0.75)
            plate.polygon(
                np.array(
                    [
                        [middle - 0.5, y, 0],
                        [middle + 0.5, y, 0],
                        [middle + 0.5, y, storey * 0.7],
                        [middle - 0.5, y, storey * 0.7],
                    ]
                ),
                sign * 0.4,
            )
            plate.polygon(
                np.array(
                    [
                        [a + 0.2, y, storey * 0.78],
                        [b - 0.2, y, storey * 0.78],
                        [b - 0.2, y, storey * 0.98],
                        [a + 0.2, y, storey * 0.98],
                    ]
                ),
                sign,
                glow=0.25 if lit else 0.0,
            )
            if rng.random() < 0.3:
                out = y - side * 1.2
                plate.polygon(
                    np.array(
                        [
                            [a + 0.2, y, storey * 0.8],
                            [b - 0.2, y, storey * 0.8],
                            [b - 0.2, out, storey * 0.66],
                            [a + 0.2, out, storey * 0.66],
                        ]
                    ),
                    sign * 0.9,
                )


def _draw_trees(plate: _Plate, layout: Layout, conditions: Conditions, rng: np.random.Generator) -> None:
    eye = plate.camera.position
    order = np.argsort(-np.hypot(layout.trees[:, 0] - eye[0], layout.trees[:, 1] - eye[1]), kind="stable")
    bare = conditions.weather == "snow" and rng.random() < 0.6
    for k in order.tolist():
        x, y = layout.trees[k]
        green = np.array([70.0, 100, 50]) * rng.uniform(0.65, 1.25) + rng.uniform(-12, 12, 3)
        trunk = np.array([94.0, 74, 56]) * rng.uniform(0.6, 1.1)
        tall, spread = rng.uniform(2.0, 3.2), rng.uniform(0.9, 1.7)
        blobs = rng.uniform(-1, 1, (24, 3))
        near = float(np.hypot(x - eye[0], y - eye[1]))
        # Near trees on the walkable ground would hide walkers that the plate lies behind.
        if near < 6 or abs(y) < layout.edge:
            continue
        toward = np.array([eye[0] - x, eye[1] - y]) / near
        across = np.array([-toward[1], toward[0]]) * 0.14
        foot = np.array([x, y])
        plate.polygon(
            np.array(
                [
                    [*(foot - across), 0],
                    [*(foot + across), 0],
                    [*(foot + across * 0.6), tall + 1],
                    [*(foot - across * 0.6), tall + 1],
                ]
            ),
            trunk,
        )
        for level, blob in enumerate(blobs):
            centre = np.array([x + blob[0] * spread, y + blob[1] * spread, tall + 0.4 + level * 0.1 + blob[2] * 0.3])
            colour = green * (0.55 + level * 0.025)
            if bare:
                colour = np.array([150.0, 146, 146]) * (0.7 + 0.02 * level)
            plate.blob(centre, (0.45 if bare else 0.75) * spread * 0.6, colour)


def _apply_light(
    plate: _Plate, layout: Layout, conditions: Conditions, light: Light, grid: tuple, rng: np.random.Generator
) -> NDArray[np.uint8]:
    x, y, share = grid
    factor = np.broadcast_to(
        np.clip(light.ambient + light.direct * max(0.35, light.sun[2]) * 0.8, 0, 1.15), plate.image.shape
    ).astype(np.float32)
    height, width = plate.depth.shape
    if len(light.lamps):
        small = (max(width // 4, 8), max(height // 4, 8))
        ground = np.isfinite(share)
        gx = cv2.resize(np.where(ground, x, 1e3).astype(np.float32), small, interpolation=cv2.INTER_NEAREST)
        gy = cv2.resize(np.where(ground, y, 1e3).astype(np.float32), small, interpolation=cv2.INTER_NEAREST)
        pools = cv2.resize(light.lamp_light(gx, gy).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        facade = 0.38 if light.is_night else 0.25
        on_ground = np.abs(plate.depth - np.where(ground, share, -1)) < 0.01
        amount = np.where(on_ground, pools, facade * np.exp(-plate.depth / 40))
        factor = factor + amount[..., None] * light.lamp_colour.astype(np.float32)
    glow = plate.glow[..., None]
    image = plate.image * (factor * (1 - glow) + glow)
    if conditions.weather == "rain":
        image = _add_wet_reflection(image, layout, y, share, plate)
    clear = np.exp(-plate.depth / np.float32(light.fog_length))[..., None]
    hazy = (plate.depth < 9e3)[..., None]
    image = np.where(hazy, image * clear + light.fog.astype(np.float32) * (1 - clear), image)
    return np.clip(image, 0, 255).astype(np.uint8)


def _add_wet_reflection(
    image: NDArray[np.float32], layout: Layout, y: Array, share: Array, plate: _Plate
) -> NDArray[np.float32]:
    """Facades and lights mirrored, smeared downwards, in the wet carriageway."""
    height = image.shape[0]
    wet = np.isfinite(share) & (np.abs(y) < layout.edge) & (plate.depth < 1e3)
    rows = np.where((~wet).all(axis=1))[0]
    line = int(rows.max()) if len(rows) else height // 2
    mirrored = image[np.clip(2 * line - np.arange(height), 0, height - 1)]
    mirrored = cv2.blur(mirrored, (5, max(3, (height // 12) | 1)))
    return image + wet[..., None] * np.float32(0.26) * (mirrored - image * 0.5)


def _tile(
    rng: np.random.Generator, size: int, cells: tuple[int, ...], weights: tuple[float, ...]
) -> NDArray[np.float32]:
    tile = np.zeros((size, size), np.float32)
    for cell, weight in zip(cells, weights, strict=True):
        noise = rng.standard_normal((max(size // cell, 2), max(size // cell, 2)), dtype=np.float32)
        tile += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)
    return tile
