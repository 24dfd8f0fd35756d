"""The nearest allowed name, for error messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest_hint(given: str, allowed: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for a near miss, ``"; allowed: …"`` otherwise, ``""`` when nothing is allowed."""
    names = [str(name) for name in allowed]
    near = get_close_matches(str(given), names, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; allowed: {', '.join(names)}" if names else ""
