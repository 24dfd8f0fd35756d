import pytest

from storage.truncation import missing_bytes


def _box(kind, payload, declared=None):
    return (len(payload) + 8 if declared is None else declared).to_bytes(4, "big") + kind + payload


FTYP = _box(b"ftyp", b"isom0000")
EBML = b"\x1a\x45\xdf\xa3\x84webm"


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"", 0),
        (b"RIFF....AVI ", 0),
        (FTYP, 0),
        (FTYP + _box(b"mdat", bytes(100)), 0),
        (FTYP + _box(b"mdat", bytes(60), declared=108), 40),
        (FTYP + _box(b"mdat", bytes(60), declared=0), 0),
        (FTYP + (1).to_bytes(4, "big") + b"mdat" + (116).to_bytes(8, "big") + bytes(100), 0),
        (FTYP + (1).to_bytes(4, "big") + b"mdat" + (216).to_bytes(8, "big") + bytes(100), 100),
        (FTYP + _box(b"mdat", bytes(10)) + b"TAG trailing data of another program" * 3, 0),
        (FTYP + _box(b"mdat", b"", declared=3), 0),
        (EBML + b"\x18\x53\x80\x67\x8a" + bytes(10), 0),
        (EBML + b"\x18\x53\x80\x67\x8a" + bytes(4), 6),
        (EBML + b"\x18\x53\x80\x67\x01\x00\x00\x00\x00\x00\x00\x20" + bytes(30), 2),
        (EBML + b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(30), 0),
        (EBML[:5], 0),
        (EBML + b"\x18\x53", 0),
    ],
)
def test_missing_bytes_are_those_declared_and_absent(tmp_path, data, missing):
    (tmp_path / "x").write_bytes(data)
    assert missing_bytes(tmp_path / "x") == missing


@pytest.mark.footage
def test_real_footage_is_whole(shared_footage):
    files = sorted(shared_footage.rglob("*.mp4"))
    assert files
    assert [missing_bytes(file) for file in files] == [0] * len(files)
