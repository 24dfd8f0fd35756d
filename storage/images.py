"""Frames as JPEG files, each stored once by its content, whichever dataset versions show it."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from schemas.errors import MediaError, StoreError
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.commits import commit_json, is_committed, object_key, read_json
from storage.store import Store
from storage.video import read_frames

IMAGE_STAGE = "frame_images"
VERSION = "1"


def store_frame_images(store: Store, record: ClipRecord, *, stride: int, quality: int) -> dict[int, str]:
    """Store every ``stride``-th frame of a clip, from frame 0, as JPEG of ``quality`` (1 to 100).

    A second call with the same arguments reads an index and decodes nothing.

    Returns:
        frame index -> key ``frames/ab/<sha256>.jpg``, by frame.

    Raises:
        MediaError: the clip cannot be decoded.
        StoreError: the clip's file is missing, or the disk is full.
    """
    if stride < 1 or not 1 <= quality <= 100:
        raise ValueError(f"stride must be at least 1 and quality 1 to 100, got {stride} and {quality}")
    fingerprint = f"v{VERSION}-stride{stride}-quality{quality}"
    if is_committed(store, IMAGE_STAGE, fingerprint, record.media_id):
        index = _read_index(store, fingerprint, record)
        if not store.missing(list(index.values())):
            return index
    path = media_path(store, record)
    stored = _store_images(store, read_frames(path, stride=stride), quality)
    if len(stored) != len(range(0, record.frames, stride)):
        raise MediaError(
            f"{path}: {len(stored)} frames at stride {stride}; its record says {record.frames} in all.",
            "The file is damaged; remove it and its record, and render it again.",
        )
    commit_json(store, IMAGE_STAGE, fingerprint, record.media_id, stored)
    return _checked(store, fingerprint, record)


def read_image_keys(store: Store, index: str) -> list[str]:
    """Keys of the images that the object ``index``, of the stage ``frame_images``, names.

    Raises:
        StoreError: not there, or damaged.
    """
    _, stage, fingerprint, media_id = index.split("/")
    return list(read_json(store, stage, fingerprint, media_id).values())


def _store_images(store: Store, frames: Iterable[tuple[int, np.ndarray]], quality: int) -> dict[int, str]:
    """Frame index -> key."""
    stored: dict[int, str] = {}

    def encoded() -> Iterator[tuple[str, bytes]]:
        for frame, pixels in frames:
            data = _encode_jpeg(pixels, quality)
            name = hashlib.sha256(data).hexdigest()
            stored[frame] = f"frames/{name[:2]}/{name}.jpg"
            yield stored[frame], data

    store.put_many(encoded())
    return stored


def _encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    import cv2

    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise MediaError(f"a frame of {pixels.shape} cannot be encoded as JPEG.", "Check the clip's size.")
    return data.tobytes()


def _read_index(store: Store, fingerprint: str, record: ClipRecord) -> dict[int, str]:
    entries = read_json(store, IMAGE_STAGE, fingerprint, record.media_id)
    return {int(frame): key for frame, key in sorted(entries.items(), key=lambda entry: int(entry[0]))}


def _checked(store: Store, fingerprint: str, record: ClipRecord) -> dict[int, str]:
    """The committed index: another process's, if it was first. Its images must be there, whoever encoded them."""
    index = _read_index(store, fingerprint, record)
    missing = store.missing(list(index.values()))
    if missing:
        where = store.where(object_key(IMAGE_STAGE, fingerprint, record.media_id))
        raise StoreError(f"{missing[0]} is missing; {where} names it.", f"Remove {where} and run again.")
    return index
