"""Locks that keep two runs from doing the same work. They save work; commits are correct without them."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil
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


class Holder(NamedTuple):
    """A process that holds a lock: what it works on, and since when (ISO 8601, UTC)."""

    work: str
    pid: int
    host: str
    since: str


def list_holders(store: Store) -> list[Holder]:
    """Who holds which lock of the store now, by name; a process of this machine that died holds none."""
    holders = []
    for path in sorted((store.root / LOCKS).glob("*.json")):
        try:
            told = json.loads(path.read_text())
            holder = Holder(path.stem.replace("+", "/"), int(told["pid"]), str(told["host"]), str(told["since"]))
        except (OSError, ValueError, KeyError, TypeError):  # being written, or just released
            continue
        if holder.host != socket.gethostname() or psutil.pid_exists(holder.pid):
            holders.append(holder)
    return holders


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
