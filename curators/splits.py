"""Splits by family: what is alike stays on one side, and nothing that has a side ever changes it."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.curation_options import SplitOptions
from schemas.identity import stable_fraction
from schemas.tables import NAME

SPLITS = ("train", "val", "test")


def assign_splits(clips: pa.Table, options: SplitOptions, seed: int) -> pa.Array:
    """The split of each of ``clips`` (CLIPS), one of ``SPLITS``, in their order.

    A family is the prompt text, or the source video. With ``options.by``, clips that agree in these axes are one
    family, whatever their text; clips that lack one of the axes keep the family that they have without it.

    A family's side depends on its name, the seed and the shares alone, never on the other clips: shares hold on
    average over families, and are never rebalanced.
    """
    families, family_of_clip = _families(clips, options.by)
    sides = np.array([_side(family, options, seed) for family in families], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(sides[family_of_clip], pa.int32()), pa.array(SPLITS)).cast(NAME)


def _side(family: list[str], options: SplitOptions, seed: int) -> int:
    """Index into ``SPLITS``; a split without a share gets nothing, however its limits are rounded."""
    shares = [getattr(options, name) for name in SPLITS]
    taken = [place for place, share in enumerate(shares) if share > 0]
    fraction = stable_fraction(seed, "split", family)
    limits = list(accumulate(shares[place] for place in taken))
    return next((place for place, limit in zip(taken, limits, strict=True) if fraction < limit), taken[-1])


def _families(clips: pa.Table, by: Sequence[str]) -> tuple[list[list[str]], np.ndarray]:
    """The families' names, and which one each clip belongs to, int64 (clips,)."""
    plain = clips["family"].combine_chunks().dictionary_encode()
    names = [["family", name] for name in plain.dictionary.to_pylist()]
    family_of_clip = plain.indices.to_numpy().astype(np.int64)
    if by:
        widened, wide_of_clip = _widened_families(clips, sorted(by))
        family_of_clip = np.where(wide_of_clip >= 0, len(names) + wide_of_clip, family_of_clip)
        names += widened
    return names, family_of_clip


def _widened_families(clips: pa.Table, axes: Sequence[str]) -> tuple[list[list[str]], np.ndarray]:
    """Families by the values of ``axes``; -1 for clips that lack one of them."""
    attributes = clips["attributes"].combine_chunks()
    columns = [
        pc.map_lookup(attributes, query_key=pa.scalar(axis), occurrence="first").dictionary_encode() for axis in axes
    ]
    codes = np.stack([pc.fill_null(column.indices, -1).to_numpy() for column in columns], axis=1)
    complete = (codes >= 0).all(axis=1)
    distinct, places = np.unique(codes[complete], axis=0, return_inverse=True)
    family_of_clip = np.full(len(clips), -1, np.int64)
    family_of_clip[complete] = places.reshape(-1)
    words = [column.dictionary.to_pylist() for column in columns]
    names = [
        ["axes", *(part for axis, word, place in zip(axes, words, row, strict=True) for part in (axis, word[place]))]
        for row in distinct.tolist()
    ]
    return names, family_of_clip
