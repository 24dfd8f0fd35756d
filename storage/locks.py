"""Locks that keep two runs from doing the same work. They save work; commits are correct without them."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import BusyError
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key
from storage.local_objects import LOCKS
from storage.store import Store


@contextmanager
def hold(store: Store, name: str, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock ``name`` of the store during the block; a holder that dies, however, frees it.

    Args:
        store: the store whose work is guarded.
        name: what is being done, such as ``run-street-night``; a key.
        wait: wait for the holder instead of refusing.

    Raises:
        BusyError: taken; the message names the holder's process, machine and time.
        StoreError: the name is not a key, or the store is not writable.
    """
    path = store.root / LOCKS / f"{check_key(name).replace('/', '+')}.lock"
    holder = path.with_suffix(".json")
    lock = FileLock(path, timeout=-1 if wait else 0)
    with explain_disk_faults(store.root, f"locking {name}"):
        try:
            lock.acquire()
        except Timeout:
            raise BusyError(
                f"{name} is already being worked on{_holder(holder)}.", "Wait for it, or stop it."
            ) from None
    try:
        with explain_disk_faults(store.root, f"locking {name}"):
            _tell(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _tell(holder: Path) -> None:
    told = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    temporary = holder.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(told))
    temporary.replace(holder)


def _holder(holder: Path) -> str:
    """Who holds the lock, as far as is known: the holder may be about to write it down, or to leave."""
    try:
        told = json.loads(holder.read_text())
        return f" by process {told['pid']} on {told['host']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return " by another process"
