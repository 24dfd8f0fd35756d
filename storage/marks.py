"""``store.json``, by which a store is known to be one."""

import json
from typing import Any

from schemas.errors import StoreError
from schemas.version import SCHEMA_VERSION, check_schema_version

MARK = "store.json"


def new_mark(**more: str) -> bytes:
    """Content of a new store's ``store.json``."""
    mark = {"kind": "framefoundry store", "schema_version": SCHEMA_VERSION, **more}
    return json.dumps(mark, indent=2).encode() + b"\n"


def read_mark(data: bytes, where: str) -> dict[str, Any]:
    """What the ``store.json`` at ``where`` says.

    Raises:
        StoreError: it is damaged, or a newer version's.
    """
    try:
        mark = json.loads(data)
    except ValueError:
        raise StoreError(f"{where} is not JSON.", "It is damaged, or not a store; point --store elsewhere.") from None
    check_schema_version(mark.get("schema_version") if isinstance(mark, dict) else None, where)
    return dict(mark)
