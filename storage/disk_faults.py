"""Operating-system errors of the store, told as what happened and what to do."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LINKS = {errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def explain_disk_faults(root: Path, doing: str) -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a :class:`StoreError` that names ``doing`` and the way out."""
    try:
        yield
    except OSError as fault:
        raise _explain(fault, root, doing) from fault


def free_megabytes(folder: Path) -> int | None:
    """Free space on the filesystem of ``folder`` in megabytes (10^6 bytes); None where it cannot be told."""
    try:
        return shutil.disk_usage(folder).free // 10**6
    except OSError:
        return None


def _explain(fault: OSError, root: Path, doing: str) -> StoreError:
    reason = fault.strerror or type(fault).__name__
    if fault.errno in _FULL:
        free = free_megabytes(root)
        left = "" if free is None else f" ({free} MB free)"
        return StoreError(
            f"{doing}: the disk of {root} is full{left}.",
            "Free some space or point --store at another disk, then run again: what is committed is kept.",
        )
    if fault.errno in _FORBIDDEN:
        return StoreError(f"{doing}: {root} is not writable: {reason}.", "Check its owner and permissions.")
    if fault.errno in _NO_LINKS:
        return StoreError(
            f"{doing}: the filesystem of {root} has no hard links.", "Keep the store on a native filesystem."
        )
    if fault.errno == errno.EFBIG:
        return StoreError(f"{doing}: the file is larger than the system allows.", "Raise `ulimit -f`.")
    return StoreError(f"{doing}: {fault}.", f"Check {root} and its disk.")
