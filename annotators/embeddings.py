"""Bring embeddings of frames into the store, and read them back clip by clip."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from annotators.embedders import Embedder
from schemas.errors import MediaError
from schemas.records import ClipRecord, Failure
from schemas.tables import EMBEDDING_SIZE, EMBEDDINGS
from storage.clips import media_path
from storage.commits import commit_table, is_committed
from storage.store import Store
from storage.tables import gather_tables
from storage.video import read_frames

EMBEDDING_STAGE = "embeddings"
_BATCH = 16
_CLIPS_AT_ONCE = 256


def embed_missing(embedder: Embedder, store: Store, records: Iterable[ClipRecord]) -> Iterator[Failure]:
    """Commit the embeddings of clips that lack them; yields the clips that cannot be read."""
    for record in records:
        if not is_embedded(embedder, store, record):
            try:
                table = embed_clip(embedder, store, record)
            except MediaError as fault:
                yield Failure(record.clip_id, "embed", "unreadable", str(fault))
            else:
                commit_table(store, EMBEDDING_STAGE, embedder.fingerprint, record.media_id, table)


def is_embedded(embedder: Embedder, store: Store, record: ClipRecord) -> bool:
    """Whether the clip's embeddings are in the store."""
    return is_committed(store, EMBEDDING_STAGE, embedder.fingerprint, record.media_id)


def embed_clip(embedder: Embedder, store: Store, record: ClipRecord) -> pa.Table:
    """``EMBEDDINGS`` of one clip.

    Raises:
        MediaError: it cannot be decoded.
    """
    frames, parts, batch = [], [], []
    for frame, image in read_frames(media_path(store, record), stride=embedder.every):
        frames.append(frame)
        batch.append(image)
        if len(batch) == _BATCH:
            parts.append(embedder.embed(batch))
            batch = []
    if batch:
        # Always one shape of batch, so that a clip's vectors depend on the clip alone.
        parts.append(embedder.embed([*batch, *[batch[-1]] * (_BATCH - len(batch))])[: len(batch)])
    vectors = np.concatenate(parts) if parts else np.empty((0, EMBEDDING_SIZE), np.float16)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), EMBEDDING_SIZE)
    return pa.Table.from_arrays([pa.array(frames, pa.int32()), column.cast(EMBEDDINGS.types[1])], schema=EMBEDDINGS)


def read_embeddings(embedder: Embedder, store: Store, records: Sequence[ClipRecord]) -> pa.Table:
    """``EMBEDDINGS`` of ``records``, with ``clip_id`` in front, in their order.

    Raises:
        StoreError: a clip was not embedded by this embedder.
    """
    keys = {record.clip_id: record.media_id for record in records}
    return gather_tables(store, EMBEDDING_STAGE, embedder.fingerprint, keys, EMBEDDINGS)


def stream_embeddings(
    embedder: Embedder, store: Store, records: Sequence[ClipRecord], *, at_once: int = _CLIPS_AT_ONCE
) -> Iterator[pa.Table]:
    """:func:`read_embeddings` in parts of ``at_once`` clips, so that memory is bounded."""
    for start in range(0, len(records), at_once):
        yield read_embeddings(embedder, store, records[start : start + at_once])
