"""From free-text slot values to the conditions a scene is drawn under."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# The first word of each entry is its name; all of them are understood, in any slot, in upper or lower case.
_WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "weather": {
        "rain": ("rain", "rainy", "raining", "drizzle", "downpour", "storm", "stormy", "shower", "showers", "wet"),
        "fog": ("fog", "foggy", "mist", "misty", "haze", "hazy"),
        "snow": ("snow", "snowy", "snowing", "snowfall", "blizzard", "winter", "wintry"),
        "clear": ("clear", "sunny", "sun", "sunshine", "fine", "cloudless", "dry"),
    },
    "light": {
        "night": ("night", "nighttime", "midnight", "nocturnal", "dark"),
        "dusk": ("dusk", "dawn", "sunset", "sunrise", "twilight", "evening"),
        "day": ("day", "daytime", "daylight", "noon", "midday", "morning", "afternoon", "sunny"),
    },
    "camera": {
        "panning": ("panning", "pan", "pans", "sweeping", "turning camera"),
        "shaking": ("shaking", "shaky", "handheld", "hand-held", "trembling"),
        "static": ("static", "fixed", "tripod", "still", "stationary", "cctv"),
    },
    "place": {
        "city street": ("city", "street", "downtown", "urban", "avenue", "boulevard"),
        "residential street": ("residential", "suburb", "suburban", "suburbs", "neighbourhood", "neighborhood"),
        "country road": ("country", "countryside", "rural", "village", "highway", "field", "fields"),
        "park": ("park", "garden", "gardens"),
        "square": ("square", "plaza", "marketplace", "market"),
        "parking lot": ("parking", "car park", "lot"),
    },
    "density": {
        "crowded": ("crowded", "busy", "dense", "packed", "rush"),
        "sparse": ("sparse", "quiet", "empty", "calm", "deserted"),
        "normal": ("normal", "moderate"),
    },
}
# More specific places first: "a residential street" and "car park" hold words of other places.
_PLACE_ORDER = ("parking lot", "residential street", "country road", "square", "park", "city street")
_ODDS = {
    "weather": {"clear": 0.55, "rain": 0.15, "fog": 0.15, "snow": 0.15},
    "light": {"day": 0.55, "dusk": 0.2, "night": 0.25},
    "camera": {"static": 0.5, "panning": 0.25, "shaking": 0.25},
    "place": dict.fromkeys(_PLACE_ORDER, 0.12) | {"city street": 0.4},
    "density": {"normal": 0.6, "sparse": 0.2, "crowded": 0.2},
}


@dataclass(frozen=True)
class Conditions:
    """The conditions of one scene; each field holds one of the names in `recognised_attributes`."""

    weather: str
    light: str
    camera: str
    place: str
    density: str


def recognised_attributes() -> Mapping[str, tuple[str, ...]]:
    """The names of the conditions that can be asked for, by kind."""
    return {kind: tuple(names) for kind, names in _WORDS.items()}


def read_conditions(attributes: Mapping[str, str], rng: np.random.Generator) -> Conditions:
    """Find known words in all attribute values; draw from `rng` what is not said.

    Every kind takes one draw from `rng`, needed or not, so that naming one condition leaves the others alone.
    """
    text = " ; ".join(str(attributes[slot]) for slot in sorted(attributes)).lower()
    chosen = {}
    for kind, odds in _ODDS.items():
        weights = np.array(list(odds.values()))
        drawn = list(odds)[int(np.searchsorted(np.cumsum(weights / weights.sum()), rng.random()))]
        chosen[kind] = _find_condition(kind, text) or drawn
    return Conditions(**chosen)


def _find_condition(kind: str, text: str) -> str | None:
    names = _PLACE_ORDER if kind == "place" else tuple(_WORDS[kind])
    for name in names:
        words = "|".join(re.escape(word) for word in (name, *_WORDS[kind][name]))
        if re.search(rf"\b(?:{words})\b", text):
            return name
    return None
