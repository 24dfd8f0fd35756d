"""What lies between scene and sensor: rain, snow, glow of lamps, lens, exposure and noise."""

import cv2
import numpy as np

from generators.procedural.arrays import Image, Indexes
from generators.procedural.conditions import Conditions
from generators.procedural.light import Light


class Atmosphere:
    """Prepared once per scene: tiles that are moved, never drawn again, from frame to frame."""

    def __init__(
        self,
        conditions: Conditions,
        light: Light,
        width: int,
        height: int,
        frames: int,
        fps: float,
        rng: np.random.Generator,
    ) -> None:
        self.width, self.height = width, height
        self.weather = conditions.weather
        self.layers: list[tuple[Image, Indexes]] = []
        brightness = 0.35 if light.is_night else 0.7 if conditions.light == "dusk" else 1.0
        if conditions.weather == "rain":
            amount, slant = rng.uniform(0.4, 1.2), rng.uniform(-0.25, 0.25)
            for size in (1.0, 0.6):
                tile = _streak_tile(width, height, int(110 * amount), size, slant, 120 * brightness, rng)
                self.layers.append((tile, rng.integers(0, (width, height), (frames, 2))))
        elif conditions.weather == "snow":
            amount = rng.uniform(0.4, 1.3)
            for size in (1.25, 0.85, 0.6):
                tile = _flake_tile(width, height, int(90 * amount / size), size, 235 * max(brightness, 0.55), rng)
                velocity = np.array([rng.uniform(-0.35, 0.35), 0.32 * size + 0.1]) * height / fps
                offset = rng.uniform(0, 1, 2) * (width, height) - np.arange(frames)[:, None] * velocity
                self.layers.append((tile, np.mod(np.rint(offset), (width, height)).astype(np.int64)))
        sigma = rng.uniform(1.0, 4.0) * (2.2 if light.is_night else 1.4 if conditions.light == "dusk" else 1.0)
        grain = rng.standard_normal((height, width, 1), dtype=np.float32) * sigma * 0.8
        colour = rng.standard_normal((height, width, 3), dtype=np.float32) * sigma * 0.6
        self.noise = _repeat(np.rint(grain + colour).astype(np.int16))
        self.noise_offsets = rng.integers(0, (width, height), (frames, 2))
        self.tables = _exposure_tables(light, frames, rng)
        self.softness = float(rng.uniform(0.35, 0.9)) if rng.random() < 0.5 else 0.0
        self.vignette = _vignette(width, height, float(rng.uniform(0.0, 0.3)))

    def finish(self, image: Image, glow: Image | None, frame: int) -> Image:
        """The picture that the sensor hands out; `glow` is added first."""
        if glow is not None:
            image = cv2.add(image, glow)
        for tile, offsets in self.layers:
            image = cv2.add(image, self._window(tile, offsets[frame]))
        if self.softness:
            image = cv2.GaussianBlur(image, (3, 3), self.softness)
        image = cv2.multiply(image, self.vignette, scale=1 / 255)
        image = cv2.LUT(image, self.tables[frame])
        return cv2.add(image, self._window(self.noise, self.noise_offsets[frame]), dtype=cv2.CV_8U)

    def _window(self, tile: np.ndarray, offset: Indexes) -> np.ndarray:
        x, y = int(offset[0]), int(offset[1])
        return np.ascontiguousarray(tile[y : y + self.height, x : x + self.width])


def _repeat(tile: np.ndarray) -> np.ndarray:
    return np.tile(tile, (2, 2, 1))


def _streak_tile(
    width: int, height: int, count: int, size: float, slant: float, brightness: float, rng: np.random.Generator
) -> Image:
    tile = np.zeros((height, width, 3), np.uint8)
    unit = height / 192
    for _ in range(count):
        x, y, length = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(7, 20) * unit * size
        shade = brightness * rng.uniform(0.25, 0.8) * size
        for dx in (-width, 0, width):
            for dy in (-height, 0):
                start = (round((x + dx) * 16), round((y + dy) * 16))
                end = (round((x + dx + slant * length) * 16), round((y + dy + length) * 16))
                cv2.line(
                    tile, start, end, (shade, shade, min(shade * 1.05, 255)), max(1, round(unit * size)), cv2.LINE_AA, 4
                )
    return _repeat(cv2.GaussianBlur(tile, (3, 3), 0.6))


def _flake_tile(width: int, height: int, count: int, size: float, brightness: float, rng: np.random.Generator) -> Image:
    tile = np.zeros((height, width, 3), np.uint8)
    unit = height / 192
    for _ in range(count):
        x, y, shade = rng.uniform(0, width), rng.uniform(0, height), brightness * rng.uniform(0.2, 0.8)
        radius = max(7, round(rng.uniform(0.4, 1.0) * size * unit * 16))
        cv2.circle(tile, (round(x * 16), round(y * 16)), radius, (shade, shade, shade), -1, cv2.LINE_AA, 4)
    return _repeat(cv2.GaussianBlur(tile, (3, 3), 0.5 * size))


def _exposure_tables(light: Light, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Look-up tables (F, 1, 256, 3): gain, gamma and white balance, drifting a little."""
    gain, gamma = rng.uniform(0.86, 1.14) * (1.1 if light.is_night else 1.0), rng.uniform(0.88, 1.12)
    balance = 1 + rng.uniform(-0.05, 0.05, 3)
    lift = rng.uniform(0, 14)
    drift = 1 + rng.uniform(0, 0.03) * np.sin(np.linspace(0, rng.uniform(1, 6), frames) + rng.uniform(0, 6))
    level = (np.arange(256) / 255.0) ** gamma * 255.0
    table = level[None, None, :, None] * gain * drift[:, None, None, None] * balance + lift
    return np.clip(np.rint(table), 0, 255).astype(np.uint8)


def _vignette(width: int, height: int, strength: float) -> Image:
    x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
    shade = 1.0 - strength * np.clip((x**2 + y**2) / 2, 0, 1) ** 1.3
    return np.repeat(np.rint(shade * 255).astype(np.uint8)[..., None], 3, axis=2)
