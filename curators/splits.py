"""Splits by family: what shows the same thing stays on one side, and nothing ever moves."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from schemas.curation_options import SplitOptions
from schemas.identity import stable_fraction

SPLITS = ("train", "val", "test")


def assign_splits(clips: pa.Table, options: SplitOptions, seed: int) -> pa.Array:
    """The split of each clip: a hash of the seed and its family, held against the cumulative shares.

    A family is one prompt text or one source video, widened by ``options.by``: clips that agree in these attributes
    share a family, whatever their text. A clip's split depends on the seed, its family and the shares alone, never on
    which other clips there are; the shares are therefore met on average, not exactly.

    Args:
        clips: ``schemas.tables.CLIPS``.
        options: shares and widening axes.
        seed: of the recipe.

    Returns:
        Strings, one a clip: train, val or test.
    """
    names = family_names(clips, options)
    split_of = {name: _split_at(stable_fraction("split", seed, name), options) for name in set(names)}
    return pa.array([split_of[name] for name in names], pa.string())


def family_names(clips: pa.Table, options: SplitOptions) -> list[str]:
    """The family of each clip, as text."""
    if not options.by:
        return [str(name) for name in clips["family"].to_pylist()]
    return [_widened(dict(attributes or ()), options) or str(family) for family, attributes in _pairs(clips)]


def _pairs(clips: pa.Table) -> zip:
    return zip(clips["family"].to_pylist(), clips["attributes"].to_pylist(), strict=True)


def _widened(attributes: Mapping[str, str], options: SplitOptions) -> str:
    """The widening attributes as text; empty for a clip that has none of them, such as footage."""
    held = [f"{axis}={attributes[axis]}" for axis in options.by if axis in attributes]
    return "; ".join(held)


def _split_at(fraction: float, options: SplitOptions) -> str:
    bounds = np.cumsum([options.train, options.val, options.test])
    bounds[-1] = 1.0  # whatever rounding left over
    return SPLITS[int(np.searchsorted(bounds, fraction, side="right"))]
