"""Names of stored objects: slash-separated, plain, and never a way out of the store."""

import re
from pathlib import Path

from schemas.errors import StoreError

MAX_PART_LENGTH = 200
MAX_KEY_LENGTH = 1000

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=@+-]*")
_RESERVED = frozenset({"tmp", "locks"})


def check_key(key: str) -> str:
    """Return ``key`` if it names an object inside a store.

    A key is one or more parts joined by ``/``; a part is letters, digits and ``_.=@+-``, begins with a letter, a digit
    or ``_``, and has at most ``MAX_PART_LENGTH`` characters. So neither ``..`` nor an absolute path is a key.

    Raises:
        StoreError: it is anything else; nothing was touched.
    """
    if len(key) > MAX_KEY_LENGTH:
        raise StoreError(
            f"key {key[:60]!r}… has {len(key)} characters; the limit is {MAX_KEY_LENGTH}.", "Shorten the name."
        )
    parts = key.split("/")
    for part in parts:
        if len(part) > MAX_PART_LENGTH:
            raise StoreError(
                f"key {key[:60]!r}… has a part of {len(part)} characters; the limit is {MAX_PART_LENGTH}.",
                "Shorten the name.",
            )
        if not _PART.fullmatch(part):
            raise StoreError(
                f"{key!r} is not a key: {part!r} cannot be a part of one.",
                "Use letters, digits and _.=@+-, joined by single slashes.",
            )
    if parts[0] in _RESERVED:
        raise StoreError(
            f"key {key!r} lies in {parts[0]}/, which the store keeps for itself.", "Choose another first part."
        )
    return key


def locate(root: Path, key: str) -> Path:
    """The path of ``key`` below ``root``, which must be absolute and free of links.

    Raises:
        StoreError: not a key, or a symbolic link leads out of the store.
    """
    path = root / check_key(key)
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as fault:  # RuntimeError: links in a circle, in Python 3.11 and 3.12
        raise StoreError(f"{path} cannot be followed: {fault}.", "Remove the symbolic link.") from None
    if not real.is_relative_to(root):
        raise StoreError(
            f"{path} leads out of the store, to {real}.",
            "Remove the symbolic link; to keep the data elsewhere, point --store there.",
        )
    return path
