"""Thinning: of frames that look alike within a clip, the first stays, and every one that alone shows an object."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curators.vectors import as_whole_numbers, exact_limit, vectors_of

ReadVectors = Callable[[Sequence[str]], pa.Table]
"""Clip ids -> ``EMBEDDINGS`` of these clips with ``clip_id`` in front, sorted by clip, in that order, and frame."""

_CLIPS_AT_ONCE = 512


def thin_frames(
    frames: pa.Table,
    usable: np.ndarray,
    read_vectors: ReadVectors,
    *,
    threshold: float,
    every: int = 1,
    at_once: int = _CLIPS_AT_ONCE,
) -> np.ndarray:
    """Find the frames that look like the last one that was kept of their clip.

    One in ``every`` frames is embedded; those up to the next share its fate. However much they look like the last,
    frames are kept that show a track for the first time, be it among all usable frames or among those embedded.

    Memory: the vectors of ``at_once`` clips.

    Args:
        frames: ``FRAMES``, sorted by clip and frame, each clip whole.
        usable: bool, one a frame: it can be exported. Others are neither kept nor compared with.
        read_vectors: embeddings by clip.
        threshold: cosine similarity from which on a frame looks like another.
        every: how many frames one is embedded.
        at_once: clips that are read and compared at once.

    Returns:
        bool, one a frame: it is usable, and too much like the last one kept.
    """
    ids = frames["clip_id"].combine_chunks().dictionary_encode()
    starts = np.flatnonzero(np.diff(ids.indices.to_numpy(), prepend=-1))
    bounds = [*starts.tolist(), len(frames)]
    names = frames["clip_id"].take(starts).to_pylist() if len(frames) else []
    embedded = frames["frame"].to_numpy() % every == 0
    first_shown = _first_of_each_track(frames, usable) | _first_of_each_track(frames, usable & embedded)
    thinned = np.zeros(len(frames), dtype=bool)
    for begin in range(0, len(names), at_once):
        clips = names[begin : begin + at_once]
        rows = slice(bounds[begin], bounds[begin + len(clips)])
        place = np.asarray(pc.index_in(frames["clip_id"][rows].combine_chunks(), value_set=pa.array(clips)))
        vectors = read_vectors(clips)
        at = np.asarray(pc.index_in(vectors["clip_id"].combine_chunks(), value_set=pa.array(clips)))
        thinned[rows] = _thin_block(
            place, frames["frame"][rows].to_numpy(), usable[rows], first_shown[rows],
            at, vectors["frame"].to_numpy(), as_whole_numbers(vectors_of(vectors)), exact_limit(threshold),
        )  # fmt: skip
    return thinned


def _thin_block(
    clip: np.ndarray, frame: np.ndarray, usable: np.ndarray, first_shown: np.ndarray,
    vector_clip: np.ndarray, vector_frame: np.ndarray, vectors: np.ndarray, least: float,
) -> np.ndarray:  # fmt: skip
    """Thin the frames of some clips, step by step through all of them at once."""
    # Which vector speaks for each frame: that of the last embedded frame of its clip up to it.
    width = int(max(frame.max(initial=0), vector_frame.max(initial=0))) + 1
    keys = vector_clip.astype(np.int64) * width + vector_frame
    speaker = np.searchsorted(keys, clip.astype(np.int64) * width + frame, side="right") - 1
    spoken = (speaker >= 0) & (vector_clip[np.maximum(speaker, 0)] == clip) if len(keys) else np.zeros(len(frame), bool)
    counted = usable & spoken
    is_usable = np.zeros(len(keys), dtype=bool)
    is_usable[speaker[counted]] = True
    must_stay = np.zeros(len(keys), dtype=bool)
    must_stay[speaker[counted & first_shown]] = True

    kept = np.zeros(len(keys), dtype=bool)
    chosen = np.flatnonzero(is_usable)
    owner = vector_clip[chosen]
    begins = np.searchsorted(owner, owner)  # of each vector's clip, among the chosen
    step = np.arange(len(chosen)) - begins
    last = np.full(int(vector_clip.max(initial=-1)) + 1, -1, np.int64)
    by_step = np.argsort(step, kind="stable")
    for here in np.split(by_step, np.flatnonzero(np.diff(step[by_step])) + 1) if len(chosen) else ():
        rows, owners = chosen[here], owner[here]
        product = np.einsum("nd,nd->n", vectors[rows], vectors[last[owners]])
        stays = (last[owners] < 0) | (product < least) | must_stay[rows]
        kept[rows[stays]] = True
        last[owners[stays]] = rows[stays]
    thinned: np.ndarray = counted & ~kept[speaker]
    return thinned


def _first_of_each_track(frames: pa.Table, usable: np.ndarray) -> np.ndarray:
    """bool, one a frame: a track of its clip is shown here for the first time among usable frames."""
    objects = frames["objects"].combine_chunks()
    row = pc.list_parent_indices(objects).to_numpy()
    track = pc.struct_field(objects.flatten(), "track").to_numpy()
    clip = frames["clip_id"].combine_chunks().dictionary_encode().indices.to_numpy()[row]
    counted = usable[row]
    keys = clip[counted].astype(np.int64) << 32 | track[counted].astype(np.int64)
    first = np.zeros(len(frames), dtype=bool)
    if len(keys):
        _, at = np.unique(keys, return_index=True)  # the first, since rows are sorted by frame
        first[row[counted][at]] = True
    return first
