"""One figure to rank clips by: no clip wins by being still, dark or empty.

Quality is a product of factors, each a straight ramp over one score, so that one bad property is not made up for by
others, and so that whoever asks why a clip ranks low reads it off one factor. A score that is null is not held against
a clip. Ranking only: what is refused is said by the gates of ``curators/clip_verdicts.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

QUALITY_VERSION = "1"


@dataclass(frozen=True)
class Factor:
    """A ramp over one score: 1 at ``best`` and beyond, 0 at ``worst`` and beyond, straight between."""

    best: float
    worst: float

    def rate(self, value: float) -> float:
        """The factor at ``value``, 0 to 1; 0 where the value is not a number."""
        share = (value - self.worst) / (self.best - self.worst)
        return min(1.0, share) if share > 0 else 0.0


FACTORS: Mapping[str, Factor] = {
    "black_share": Factor(best=0.0, worst=0.5),
    "frozen_share": Factor(best=0.0, worst=1.0),
    "moving_share": Factor(best=0.3, worst=0.0),
    "flicker": Factor(best=0.02, worst=0.3),
    "warp_error": Factor(best=0.0, worst=0.2),
    "blur": Factor(best=0.6, worst=0.95),
    "contrast": Factor(best=0.03, worst=0.0),
    "clipped": Factor(best=0.1, worst=1.0),
    "cuts": Factor(best=0.0, worst=2.0),
    "drift": Factor(best=0.15, worst=0.9),
    "box_flicker": Factor(best=0.1, worst=1.0),
    "class_flicker": Factor(best=0.02, worst=0.5),
    "size_jitter": Factor(best=0.05, worst=0.6),
    "agreement": Factor(best=1.0, worst=-0.25),
}
"""The factor of each column of ``CLIP_SCORES``. Every procedural clip without a fault lies at or near the good end;
clips that show nothing of their promise keep a fifth."""


def rate_factors(scores: Mapping[str, float | None]) -> dict[str, float]:
    """Each factor of a clip, 0 to 1; 1 where its score is null.

    Args:
        scores: the columns of ``CLIP_SCORES`` that ``FACTORS`` names.
    """
    pairs = ((name, factor, scores[name]) for name, factor in FACTORS.items())
    return {name: 1.0 if value is None else factor.rate(value) for name, factor, value in pairs}


def rate_quality(scores: Mapping[str, float | None]) -> float:
    """Quality of a clip, 0 worst to 1 best: the product of :func:`rate_factors`."""
    quality = 1.0
    for factor in rate_factors(scores).values():
        quality *= factor
    return quality
