"""How bright a surface looks: daylight, dusk or street lamps, and fog by depth."""

from dataclasses import dataclass

import numpy as np

from generators.procedural.arrays import Floats
from generators.procedural.conditions import Conditions

_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Light:
    """Light of a scene. Colours are factors of a surface's colour, except fog and sky, which are 0..255.

    `sun` points to the sun (unit vector); `shadow` is the share of light that a cast shadow takes, 0..1; `fog_length`
    is the depth in metres over which contrast falls to 1/e; `lamps` are (N, 2) ground positions of street lamps that
    are on.
    """

    ambient: Floats
    direct: Floats
    sun: Floats
    shadow: float
    sky_top: Floats
    sky_low: Floats
    fog: Floats
    fog_length: float
    lamps: Floats
    lamp_colour: Floats
    lamp_reach: float
    lights_on: bool
    is_night: bool

    def lamp_light(self, x: Floats, y: Floats) -> Floats:
        """Light from street lamps at ground positions, 0..about 1, of the shape of `x`."""
        total = np.zeros(np.shape(x))
        for lamp_x, lamp_y in self.lamps:
            total += 1.0 / (1.0 + ((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / self.lamp_reach**2) ** 1.5
        return np.minimum(total, 1.2)

    def local_light(self, position: Floats) -> Floats:
        """Factor (3,) of undirected light at a place."""
        if not len(self.lamps):
            return self.ambient
        light: Floats = self.ambient + self.lamp_colour * self.lamp_light(position[0], position[1])
        return light

    def shade(self, colours: Floats, normals: Floats | None, position: Floats, depth: float) -> Floats:
        """Colours (N, 3) of surfaces with outward `normals` (None: round ones) as seen at `depth`, 0..255."""
        if normals is None:
            lit = self.local_light(position) * 0.9 + self.direct * 0.5
        else:
            facing = np.maximum(normals @ self.sun, 0.0)[:, None]
            lit = self.local_light(position) * (0.8 + 0.2 * normals[:, 2:3]) + self.direct * facing
        return self.add_fog(np.minimum(colours * lit, 255.0), depth)

    def add_fog(self, colours: Floats, depth: float) -> Floats:
        """Mix colours with the fog in front of them."""
        clear = np.exp(-max(depth, 0.0) / self.fog_length)
        hazy: Floats = colours * clear + self.fog * (1.0 - clear)
        return hazy


def draw_light(conditions: Conditions, lamps: Floats, rng: np.random.Generator) -> Light:
    """Light for the conditions, varied by `rng`; `lamps` (N, 2) are where street lamps stand."""
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 1.2)
    warmth = rng.uniform(-1, 1)
    warm = np.array([1 + 0.06 * warmth, 1.0, 1 - 0.08 * warmth])
    grey = conditions.weather in ("rain", "fog", "snow")
    overcast = grey or rng.random() < 0.3
    on = conditions.light != "day"
    if conditions.light == "day":
        ambient = warm * (rng.uniform(0.72, 0.95) if overcast else rng.uniform(0.5, 0.65))
        direct = warm * (rng.uniform(0.05, 0.15) if overcast else rng.uniform(0.45, 0.7))
        shadow = 0.12 if overcast else rng.uniform(0.35, 0.6)
        top, low = (np.array([176, 184, 194.0]), np.array([206, 210, 214.0]))
        if not overcast:
            top, low = np.array([rng.uniform(70, 130), rng.uniform(130, 170), 225.0]), np.array([190, 212, 235.0])
    elif conditions.light == "dusk":
        height = rng.uniform(0.15, 0.3)
        ambient = np.array([0.5, 0.47, 0.5]) * rng.uniform(0.75, 1.1)
        direct = np.array([0.4, 0.26, 0.14]) * (0.2 if overcast else rng.uniform(0.5, 1.1))
        shadow = 0.1 if overcast else 0.3
        top, low = np.array([78, 84, 128.0]), np.array([226, 150 + rng.uniform(-20, 20), 104.0])
        if overcast:
            top, low = np.array([92, 96, 116.0]), np.array([152, 142, 142.0])
    else:
        ambient = np.array([0.29, 0.3, 0.37]) * rng.uniform(0.8, 1.25)
        direct, shadow = np.zeros(3), 0.12
        top, low = np.array([10, 12, 26.0]), np.array([30, 28, 40.0]) * rng.uniform(0.8, 1.4)
    top, low = top * rng.uniform(0.9, 1.08), low * rng.uniform(0.92, 1.06)
    fog_length, fog = 400.0, low.copy()
    if conditions.weather == "fog":
        fog_length = rng.uniform(14.0, 32.0)
        fog = {
            "day": np.array([196, 199, 203.0]),
            "dusk": np.array([142, 134, 138.0]),
            "night": np.array([46, 46, 54.0]),
        }[conditions.light] * rng.uniform(0.88, 1.08)
        top, low = fog * 1.02, fog
    elif grey:
        fog_length = rng.uniform(60.0, 120.0)
    sodium = rng.random() < 0.6
    lamp_colour = np.array([0.95, 0.7, 0.4]) if sodium else np.array([0.75, 0.8, 0.85])
    power = {"day": 0.0, "dusk": 0.45, "night": 1.0}[conditions.light] * rng.uniform(0.65, 1.05)
    sun = np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
    return Light(
        ambient=ambient,
        direct=direct,
        sun=sun,
        shadow=float(shadow),
        sky_top=np.minimum(top, 255),
        sky_low=np.minimum(low, 255),
        fog=np.minimum(fog, 255),
        fog_length=fog_length,
        lamps=lamps if on else np.empty((0, 2)),
        lamp_colour=lamp_colour * power,
        lamp_reach=float(rng.uniform(4.0, 7.0)),
        lights_on=on or (grey and rng.random() < 0.6),
        is_night=conditions.light == "night",
    )
