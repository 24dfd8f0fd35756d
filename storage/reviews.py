"""Reviews: what people found in frames that a detector had labelled. Immutable, one object a review, numbered."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import digest
from schemas.reviews import REVIEWS
from storage.commits import commit_table, committed_keys, read_table
from storage.store import Store

REVIEW_STAGE = "reviews"


def commit_review(store: Store, subject: str, review: pa.Table) -> str:
    """Store ``review`` of the labels of ``subject`` behind the ones before it; the key it has.

    A review that says the same as a stored one is that one.

    Args:
        store: to keep it in.
        subject: key of the :class:`schemas.calibration.Subject` whose labels were reviewed.
        review: ``REVIEWS``, each frame once.
    """
    review = review.cast(REVIEWS).sort_by([("clip_id", "ascending"), ("frame", "ascending")])
    content = digest(review.to_pylist())
    while True:
        keys = sorted(committed_keys(store, REVIEW_STAGE, subject))
        same = next((key for key in keys if key.endswith(content)), None)
        if same is not None:
            return same
        key = f"{len(keys) + 1:06d}-{content}"
        if commit_table(store, REVIEW_STAGE, subject, key, review):
            return key


def review_keys(store: Store, subject: str) -> tuple[str, ...]:
    """Keys of all reviews of ``subject``, the oldest first."""
    return tuple(sorted(committed_keys(store, REVIEW_STAGE, subject)))


def read_reviews(store: Store, subject: str, keys: tuple[str, ...]) -> pa.Table:
    """The reviews under ``keys`` as one ``REVIEWS``; of a frame that was reviewed twice, what was said last.

    Raises:
        StoreError: one is missing or damaged.
    """
    tables = [read_table(store, REVIEW_STAGE, subject, key, REVIEWS) for key in sorted(keys)]
    whole = pa.concat_tables([REVIEWS.empty_table(), *tables]).combine_chunks()
    frames = zip(whole["clip_id"].to_pylist(), whole["frame"].to_pylist(), strict=True)
    last = {frame: row for row, frame in enumerate(frames)}
    return whole.take(pa.array(sorted(last.values()), pa.int64()))


def review_as_truth(review: pa.Table) -> pa.Table:
    """One row an object: clip_id, frame, class_name, x, y, w, h, difficult."""
    objects = review["objects"].combine_chunks()
    parents = pc.list_parent_indices(objects)
    flat = objects.flatten()
    return pa.table(
        {
            **{name: review[name].take(parents) for name in ("clip_id", "frame")},
            **{name: pc.struct_field(flat, name) for name in ("class_name", *"xywh", "difficult")},
        }
    )
