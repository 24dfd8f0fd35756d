"""Whether a video file is cut short, told by the sizes that its container declares; nothing is decoded."""

import os
from pathlib import Path
from typing import BinaryIO

_BOXES = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid", b"pdin"}
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def missing_bytes(path: Path) -> int:
    """Bytes that an MP4, MOV, MKV or WebM file declares and does not have; 0 for whole files and other formats.

    Top-level boxes as in ISO/IEC 14496-12, section 4.2; EBML elements as in RFC 8794, section 4. A live recording
    declares no size, and nothing is missed there.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        head = file.read(8)
        if head[:4] == _EBML:
            return max(0, _matroska_end(file) - end)
        if head[4:] in _BOXES:
            return max(0, _boxes_end(file, end) - end)
    return 0


def _boxes_end(file: BinaryIO, end: int) -> int:
    """Where the last top-level box ends, as declared; boxes that nobody knows end the walk, as trailing data does."""
    place = 0
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind not in _BOXES or size == 0:  # 0: to the end of the file
            return end
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8:
            return end
        place += size
    return place


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends, as declared; 0 where it declares nothing."""
    file.seek(len(_EBML))
    header = _read_size(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    size = _read_size(file)
    return 0 if size is None else file.tell() + size


def _read_size(file: BinaryIO) -> int | None:
    """An EBML variable-length size; None for "unknown" and for what is not one."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return None if len(rest) < length - 1 or value == (1 << 7 * length) - 1 else value
