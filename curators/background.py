"""Which of the frames that show nothing are kept as background."""

import numpy as np
import pyarrow as pa

from schemas.identity import stable_seed


def keep_background(
    clip_ids: pa.Array | pa.ChunkedArray, frames: pa.Array | pa.ChunkedArray, labelled: int, *, share: float, seed: int
) -> np.ndarray:
    """Choose background frames, so that they are at most ``share`` of the frames that are published.

    Frames are ranked by a hash of the seed, their clip and their index, and the first are kept: another clip more or
    less changes where the line is drawn, not the order.

    Args:
        clip_ids, frames: clip and frame index of each frame that shows nothing.
        labelled: frames that show labels.
        share: of background among published frames, 0 to 1; 1 keeps all.
        seed: of the recipe.

    Returns:
        bool, one a frame: is it kept?
    """
    count = len(clip_ids)
    most = count if share >= 1 else min(count, int(share * labelled / (1 - share) + 1e-9))
    kept = np.zeros(count, dtype=bool)
    kept[np.argsort(_ranks(clip_ids, frames, seed), kind="stable")[:most]] = True
    return kept


def _ranks(clip_ids: pa.Array | pa.ChunkedArray, frames: pa.Array | pa.ChunkedArray, seed: int) -> np.ndarray:
    """A well-mixed 64-bit number for each frame: one hash a clip, spread over its frames by SplitMix64.

    Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
    """
    ids = clip_ids.combine_chunks() if isinstance(clip_ids, pa.ChunkedArray) else clip_ids
    encoded = ids.dictionary_encode()
    of_clip = np.array([stable_seed("background", seed, name) for name in encoded.dictionary.to_pylist()], np.uint64)
    with np.errstate(over="ignore"):
        mixed = of_clip[encoded.indices.to_numpy()] if len(ids) else np.empty(0, np.uint64)
        mixed = mixed + np.asarray(frames).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        ranks: np.ndarray = mixed ^ (mixed >> np.uint64(31))
        return ranks
