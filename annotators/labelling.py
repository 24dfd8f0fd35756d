"""Bring labels into the store: detect, track and score what is missing, keep what is there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from annotators.clip_scores import CLIP_SCORES_VERSION, score_clip
from annotators.embedders import Embedder
from annotators.embeddings import embed_missing, is_embedded
from annotators.engine.cores import usable_cores
from annotators.engine.ordered_work import work_in_order
from annotators.frame_scores import FRAME_SCORES_VERSION, score_frames
from annotators.label_keys import label_keys
from annotators.protocol import Annotator
from annotators.shots import FRAME_SCORE_STAGE
from annotators.track_drift import measure_drift
from schemas.errors import MediaError
from schemas.identity import digest
from schemas.records import ClipRecord, Failure
from schemas.row_order import sort_rows
from schemas.tables import CLIP_SCORES, DETECTIONS, FRAME_SCORES, TRACKS, empty
from storage.clips import media_path
from storage.commits import commit_table, committed_keys, is_committed, read_table
from storage.store import Store
from storage.tables import gather_tables

DETECTION_STAGE, TRACK_STAGE, CLIP_SCORE_STAGE = "detections", "tracks", "clip_scores"

# Clips that share track ids, in the order of their segments; a rendered clip is a sequence of one.
ClipSequence = Sequence[ClipRecord]


@dataclass(frozen=True)
class Labels:
    """Stored labels of many clips.

    Attributes:
        tracks: ``TRACKS`` with ``clip_id`` in front, sorted by clip, frame and track.
        clip_scores: ``CLIP_SCORES``, one row a clip, sorted by clip.
    """

    tracks: pa.Table
    clip_scores: pa.Table


def is_labelled(store: Store, annotator: Annotator, sequence: ClipSequence, embedder: Embedder | None = None) -> bool:
    """Whether every clip of ``sequence`` has its tracks and scores, and any embeddings asked for, in the store."""
    if embedder is not None and not all(is_embedded(embedder, store, record) for record in sequence):
        return False
    return all(
        is_committed(store, TRACK_STAGE, annotator.fingerprint, key)
        and is_committed(store, CLIP_SCORE_STAGE, score_fingerprint(annotator), record.clip_id)
        for record, key in zip(sequence, label_keys(sequence), strict=True)
    )


def find_labelled(
    store: Store, annotator: Annotator, sequences: Sequence[ClipSequence], embedder: Embedder | None = None
) -> list[ClipSequence]:
    """Those of ``sequences`` for which :func:`is_labelled` holds; looks once what is there, so meant for many."""
    tracked = committed_keys(store, TRACK_STAGE, annotator.fingerprint)
    scored = committed_keys(store, CLIP_SCORE_STAGE, score_fingerprint(annotator))
    return [
        sequence
        for sequence in sequences
        if tracked.issuperset(label_keys(sequence))
        and scored.issuperset(record.clip_id for record in sequence)
        and (embedder is None or all(is_embedded(embedder, store, record) for record in sequence))
    ]


def label_sequences(
    annotator: Annotator, store: Store, sequences: Sequence[ClipSequence], embedder: Embedder | None = None
) -> Iterator[str | Failure]:
    """Label ``sequences``, and embed their frames where that is asked for; yields each clip's id, or its failure.

    A sequence in which one clip cannot be decoded fails as a whole: its track ids could not be carried across.
    """
    outcomes: Iterable[tuple[ClipSequence, Failure | None]] = _label_each(annotator, store, sequences)
    if embedder is not None:
        outcomes = _embed_labelled(embedder, store, list(outcomes))
    for sequence, broken in outcomes:
        if broken is not None:
            yield from (Failure(record.clip_id, broken.stage, broken.reason, broken.detail) for record in sequence)
        else:
            yield from (record.clip_id for record in sequence)


def read_labels(store: Store, annotator: Annotator, sequences: Sequence[ClipSequence]) -> Labels:
    """The stored labels of ``sequences``.

    Raises:
        StoreError: a clip has not been labelled by this annotator.
    """
    keys = {
        record.clip_id: key
        for sequence in sequences
        for record, key in zip(sequence, label_keys(sequence), strict=True)
    }
    keys = dict(sorted(keys.items()))
    tracks = gather_tables(store, TRACK_STAGE, annotator.fingerprint, keys, TRACKS, compact=True)
    scores = gather_tables(store, CLIP_SCORE_STAGE, score_fingerprint(annotator), list(keys), CLIP_SCORES, compact=True)
    return Labels(sort_rows(tracks, ["clip_id", "frame", "track"]), scores)


def score_fingerprint(annotator: Annotator) -> str:
    """What clip scores are committed under: they follow from the tracks and from the scores of frames."""
    return digest([annotator.fingerprint, FRAME_SCORES_VERSION, CLIP_SCORES_VERSION])


def _label_each(
    annotator: Annotator, store: Store, sequences: Sequence[ClipSequence]
) -> Iterator[tuple[ClipSequence, Failure | None]]:
    """Each of ``sequences`` in order, with its failure: one is scored and tracked while later ones are detected."""
    missing = [sequence for sequence in sequences if not is_labelled(store, annotator, sequence)]
    if not missing:
        yield from ((sequence, None) for sequence in sequences)
        return
    _ = annotator.class_names  # loads the detector once, before threads share it
    detected = _detect_each(annotator, store, missing)
    finished = work_in_order(partial(_score_and_track, annotator, store), detected, usable_cores(), waiting=2)
    awaited = {id(sequence) for sequence in missing}
    for sequence in sequences:
        yield sequence, next(finished)[1] if id(sequence) in awaited else None


def _detect_each(
    annotator: Annotator, store: Store, sequences: Sequence[ClipSequence]
) -> Iterator[tuple[ClipSequence, Failure | None]]:
    """Each of ``sequences`` as soon as all its clips have committed detections; or with why one has none."""
    undetected = _undetected(annotator, store, [record for sequence in sequences for record in sequence])
    awaited = {record.clip_id for record in undetected}
    answers = annotator.detect(undetected)
    for sequence in sequences:
        broken = None
        for record in sequence:
            if record.clip_id in awaited:
                _, answer = next(answers)
                if isinstance(answer, Failure):
                    broken = broken or answer
                else:
                    commit_table(store, DETECTION_STAGE, annotator.detection_fingerprint, record.media_id, answer)
        yield sequence, broken


def _score_and_track(
    annotator: Annotator, store: Store, detected: tuple[ClipSequence, Failure | None]
) -> Failure | None:
    """Commit all that follows from a sequence's detections; why that cannot be done."""
    sequence, broken = detected
    for record in sequence:
        if broken is None:
            broken = _score_frames(store, record)
    return broken or _track_and_score(annotator, store, sequence)


def _score_frames(store: Store, record: ClipRecord) -> Failure | None:
    """Commit frame scores of a clip that lacks them."""
    if is_committed(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, record.media_id):
        return None
    try:
        scores = score_frames(media_path(store, record), record.frames)
    except MediaError as fault:
        return Failure(record.clip_id, "score", "unreadable", str(fault))
    commit_table(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, record.media_id, scores)
    return None


def _embed_labelled(
    embedder: Embedder, store: Store, outcomes: Sequence[tuple[ClipSequence, Failure | None]]
) -> Iterator[tuple[ClipSequence, Failure | None]]:
    """The same, and the frames of every readable clip embedded, in batches across clips."""
    readable = (record for sequence, broken in outcomes if broken is None for record in sequence)
    failures = {failure.clip_id: failure for failure in embed_missing(embedder, store, readable)}
    for sequence, broken in outcomes:
        unread = next((failures[record.clip_id] for record in sequence if record.clip_id in failures), None)
        yield sequence, broken or unread


def _track_and_score(annotator: Annotator, store: Store, sequence: ClipSequence) -> Failure | None:
    """Commit tracks and clip scores of ``sequence``; the failure of a clip that was damaged since it was detected."""
    detections = [_read_detections(annotator, store, record) for record in sequence]
    tracks = annotator.track(list(zip(sequence, detections, strict=True)))
    for record, key, detected, tracked in zip(sequence, label_keys(sequence), detections, tracks, strict=True):
        frame_scores = read_table(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, record.media_id, FRAME_SCORES)
        commit_table(store, TRACK_STAGE, annotator.fingerprint, key, tracked)
        try:
            drift = measure_drift(media_path(store, record), tracked, record.frames)
        except MediaError as fault:
            return Failure(record.clip_id, "score", "unreadable", str(fault))
        scores = score_clip(record, frame_scores, tracked, detections=detected, drift=drift)
        commit_table(store, CLIP_SCORE_STAGE, score_fingerprint(annotator), record.clip_id, scores)
    return None


def _undetected(annotator: Annotator, store: Store, records: Sequence[ClipRecord]) -> list[ClipRecord]:
    """The records without detections; none for an annotator that needs none."""
    stage = annotator.detection_fingerprint
    return [r for r in records if stage and not is_committed(store, DETECTION_STAGE, stage, r.media_id)]


def _read_detections(annotator: Annotator, store: Store, record: ClipRecord) -> pa.Table:
    if not annotator.detection_fingerprint:
        return empty(DETECTIONS)
    return read_table(store, DETECTION_STAGE, annotator.detection_fingerprint, record.media_id, DETECTIONS)
