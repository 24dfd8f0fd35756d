"""Embeddings as whole numbers, so that comparing them is exact: not a bit depends on threads, blocks or libraries.

A sum of floats depends on the order in which it is taken, and that order on the processor, the library and the size of
the block; a clip whose similarity lies at the threshold could then change sides between two machines. So vectors of
length 1 are multiplied by ``LENGTH`` and rounded. Products of whole numbers below 2 ** 24 are exact in float32, in any
order, and by Cauchy and Schwarz no partial sum of a product of two such vectors is larger.
"""

import numpy as np
import pyarrow as pa

LENGTH = 4000.0
"""Of a vector. Rounding lengthens it by at most 16 in 1,024 dimensions; the square of that is below 2 ** 24."""


def vectors_of(embeddings: pa.Table) -> np.ndarray:
    """The column ``vector`` of ``EMBEDDINGS`` as (N, D) float16."""
    column = embeddings["vector"].combine_chunks()
    flat: np.ndarray = column.flatten().to_numpy()
    return flat.reshape(-1, column.type.list_size)


def as_whole_numbers(vectors: np.ndarray) -> np.ndarray:
    """(N, D) float32 whole numbers from (N, D) vectors of length 1."""
    scaled = np.rint(vectors.astype(np.float32) * np.float32(LENGTH))
    return np.ascontiguousarray(scaled)


def exact_limit(threshold: float) -> float:
    """What a product of two such vectors must reach for a similarity of ``threshold``."""
    return float(np.ceil(threshold * LENGTH**2))


def to_similarity(products: np.ndarray) -> np.ndarray:
    """Similarity, float32 up to 1, from products; rounded to three digits, which is what it is right to."""
    return np.minimum(np.round(products / LENGTH**2, 3), 1.0).astype(np.float32)


def mean_direction(vectors: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The mean of each group of ``vectors``, of length 1 again.

    Args:
        vectors: (N, D) of length 1.
        starts: (groups,), rising: where each group begins; none is empty.

    Returns:
        (groups, D) float32.
    """
    sums = np.add.reduceat(as_whole_numbers(vectors).astype(np.int64), starts, axis=0)
    lengths = np.sqrt((sums**2).sum(axis=1, keepdims=True))
    means: np.ndarray = sums / np.maximum(lengths, 1)
    return means.astype(np.float32)
