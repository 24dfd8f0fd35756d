"""Stable names for things: hashes of canonical JSON, and seeds derived from them."""

import hashlib
import json
from typing import Any

DIGEST_LENGTH = 32


def canonical_json(value: Any) -> bytes:
    """JSON of ``value`` with sorted keys and no spaces: equal values give equal bytes.

    Raises:
        ValueError: a float is NaN or infinite (no stable text form).
        TypeError: a value that JSON has no form for.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any, length: int = DIGEST_LENGTH) -> str:
    """The first ``length`` hexadecimal digits of SHA-256 over ``canonical_json(value)``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:length]


def stable_seed(*parts: Any) -> int:
    """A seed in [0, 2**63) that depends on ``parts`` alone: equal on every machine and in every process."""
    return int.from_bytes(hashlib.sha256(canonical_json(list(parts))).digest()[:8], "big") >> 1


def stable_fraction(*parts: Any) -> float:
    """A number in [0, 1), uniformly spread over different ``parts``, equal everywhere for equal ones."""
    return (stable_seed(*parts) >> 10) / 2**53  # as many bits as a float holds: never rounded up to 1
