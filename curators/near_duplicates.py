"""Near-identical clips: the best of them stays, and so does every one that alone shows something."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curators.vectors import as_whole_numbers, exact_limit, mean_direction, to_similarity, vectors_of
from schemas.tables import EMBEDDING_SIZE

_BLOCK = 2048


@dataclass(frozen=True)
class Duplicates:
    """Aligned with the clips.

    Attributes:
        of: int64 (clips,), the row of the better clip that this one repeats; -1 for clips that stay.
        similarity: float32 (clips,), to that clip; NaN for clips that stay.
    """

    of: np.ndarray
    similarity: np.ndarray


def describe_clips(parts: Iterable[pa.Table]) -> np.ndarray:
    """The mean of each clip's vectors, of length 1 again: float32 (clips, D), in the order of the clips.

    Args:
        parts: ``EMBEDDINGS`` with ``clip_id`` in front, each clip's rows together and in one part.
    """
    means = [np.empty((0, EMBEDDING_SIZE), np.float32)]
    for part in parts:
        clip = part["clip_id"].combine_chunks().dictionary_encode().indices.to_numpy()
        means.append(mean_direction(vectors_of(part), np.flatnonzero(np.diff(clip, prepend=-1))))
    return np.concatenate(means)


def find_near_duplicates(
    vectors: np.ndarray, ranks: np.ndarray, candidates: np.ndarray, *, threshold: float, block: int = _BLOCK
) -> Duplicates:
    """Group clips around the best ones: a clip repeats the nearest better clip that stays, if it is near enough.

    Clips are taken by rank. One that is near to no clip that stays, stays itself: in a chain where the second is near
    to the first, and the third to the second alone, the first and the third stay. The result is exact and depends
    neither on ``block`` nor on threads or the order of the rows (see :mod:`curators.vectors`).

    Memory: the vectors of the clips that stay, in an exact faiss index, and a block of rows times its own length.

    Args:
        vectors: (clips, D) floats of length 1.
        ranks: (clips,), the best has the lowest; all different.
        candidates: bool (clips,): those to compare; the others stay, and nothing repeats them.
        threshold: similarity from which on a clip repeats another, above 0, at most 1.
        block: clips that are compared at once.
    """
    import faiss

    of = np.full(len(ranks), -1, np.int64)
    similarity = np.full(len(ranks), np.nan, np.float32)
    order = np.flatnonzero(candidates)
    order = order[np.argsort(ranks[order], kind="stable")]
    index = faiss.IndexFlatIP(vectors.shape[1])
    indexed: list[np.ndarray] = []
    for start in range(0, len(order), block):
        rows = order[start : start + block]
        whole = as_whole_numbers(vectors[rows])
        product, nearest = np.full(len(rows), -np.inf, np.float32), np.full(len(rows), -1, np.int64)
        if index.ntotal:
            products, places = index.search(whole, 1)
            product, nearest = products[:, 0], np.concatenate(indexed)[places[:, 0]]
        stays = _compare_within(whole, rows, exact_limit(threshold), product, nearest)
        of[rows[~stays]] = nearest[~stays]
        similarity[rows[~stays]] = to_similarity(product[~stays])
        index.add(whole[stays])
        indexed.append(rows[stays])
    return Duplicates(of, similarity)


def keep_coverage(duplicates: Duplicates, ranks: np.ndarray, clip: np.ndarray, thing: np.ndarray) -> Duplicates:
    """Give back the duplicates without which something would be shown by no clip that stays, the best first.

    Args:
        duplicates: as they were found.
        ranks: of the clips.
        clip: int64 (N,), rising: a clip for each thing that it shows.
        thing: int64 (N,), from 0: what it shows, such as a class under a condition.
    """
    of, similarity = duplicates.of.copy(), duplicates.similarity.copy()
    is_shown = np.zeros(int(thing.max(initial=-1)) + 1, dtype=bool)
    is_shown[thing[of[clip] < 0]] = True
    needed = np.unique(clip[~is_shown[thing]])
    for one in needed[np.argsort(ranks[needed], kind="stable")].tolist():
        here = thing[np.searchsorted(clip, one) : np.searchsorted(clip, one, side="right")]
        if not is_shown[here].all():
            of[one], similarity[one] = -1, np.nan
            is_shown[here] = True
    return Duplicates(of, similarity)


def _compare_within(
    whole: np.ndarray, rows: np.ndarray, least: float, product: np.ndarray, nearest: np.ndarray
) -> np.ndarray:
    """Which clips of a block stay, bool; ``product`` and ``nearest`` are brought up to date with those that do.

    Args:
        whole: vectors of the block, by rank.
        rows: of these clips.
        least: product from which on a clip repeats another.
        product, nearest: with and of the nearest clip that stays, of all blocks before.
    """
    products = whole @ whole.T
    stays: np.ndarray = product < least
    # A clip that is near to none before it in the block is done: most are.
    for later in np.flatnonzero(np.tril(products >= least, -1).any(axis=1)):
        nearness = np.where(stays[:later], products[later, :later], -np.inf)
        best = int(nearness.argmax())
        if nearness[best] > product[later]:
            product[later], nearest[later] = nearness[best], rows[best]
            stays[later] = product[later] < least
    return stays
