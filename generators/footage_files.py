"""Which videos and pictures lie in a folder: none that a link in it fetches from elsewhere."""

import hashlib
import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from schemas.errors import MediaError

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".m4v", ".avi")

logger = logging.getLogger(__name__)


def find_videos(path: Path) -> list[Path]:
    """The videos below the folder ``path``, sorted by their relative names; or ``path`` itself, if it is a file.

    Hidden files and folders are passed over, and so, with a warning, are links that lead out of the folder; links to
    folders are not followed.

    Raises:
        MediaError: there is no such file or folder, or no video in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise MediaError(f"{path}: no such folder.", "Give a folder of videos, or one video file.")
    found = find_files(path, VIDEO_SUFFIXES)
    if not found:
        raise MediaError(
            f"{path}: no videos in it.", f"Looked at all depths for files that end with {', '.join(VIDEO_SUFFIXES)}."
        )
    return found


def find_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files below ``folder`` whose names end in one of ``suffixes``, sorted by their relative names.

    What is passed over is told at :func:`find_videos`.
    """
    found = _walk(folder, folder.resolve(), suffixes)
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 hexadecimal digits.

    Raises:
        MediaError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise MediaError(f"{path}: cannot be read: {fault.strerror}.", "Check the file's permissions.") from None


def _walk(folder: Path, root: Path, suffixes: Collection[str]) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as fault:
        logger.warning("%s: passed over, cannot be read: %s", folder, fault.strerror)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink():
                yield from _walk(entry, root, suffixes)
        elif entry.suffix.lower() in suffixes and entry.is_file():
            if entry.resolve().is_relative_to(root):
                yield entry
            else:
                logger.warning("%s: passed over, it links to a file outside %s", entry, root)
