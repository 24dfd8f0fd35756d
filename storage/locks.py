"""Locks that keep two runs from doing the same work. They save work; commits are correct without them.

Removing is another matter: what a run has just found in the store must stay until the run is over. So all work holds
``locks/.work`` together, and who removes things holds it alone.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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
def hold(store: Store, name: str, *, wait: bool = False, uses_objects: bool = True) -> Iterator[None]:
    """Hold the lock ``name`` of the store during the block; a holder that dies, however, frees it.

    Args:
        store: the store whose work is guarded.
        name: what is being done, such as ``run-street-night``; a key.
        wait: wait for the holder instead of refusing.
        uses_objects: False for who neither reads nor writes objects: these may be removed meanwhile.

    Raises:
        BusyError: taken, or things are being removed; the message names the holder's process, machine and time.
        StoreError: the name is not a key, or the store is not writable.
    """
    with _hold_name(store, name, wait), _with_other_work(store, wait) if uses_objects else nullcontext():
        yield


@contextmanager
def hold_alone(store: Store, name: str) -> Iterator[None]:
    """Hold the lock ``name`` while nobody works on the store's objects, and keep everybody from beginning to.

    Raises:
        BusyError: somebody does; the message names who.
        StoreError: the name is not a key, or the store is not writable.
    """
    with _hold_name(store, name, wait=False), _locked(store, fcntl.LOCK_EX | fcntl.LOCK_NB) as alone:
        if not alone:
            others = [f"{other.work} (process {other.pid})" for other in list_holders(store) if other.work != name]
            raise BusyError(
                f"{name}: the store is being worked on: {', '.join(others) or 'by another process'}.",
                "Wait for it, or stop it.",
            )
        yield


@contextmanager
def _with_other_work(store: Store, wait: bool) -> Iterator[None]:
    with _locked(store, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB)) as free:
        if not free:
            raise BusyError(f"things are being removed from the store {store.root}.", "Wait for `framefoundry gc`.")
        yield


@contextmanager
def _locked(store: Store, mode: int) -> Iterator[bool]:
    """Hold ``locks/.work`` in ``mode``; False where others keep us from it. Freed by the kernel when we die."""
    with explain_disk_faults(store.root, "locking the store"):
        descriptor = os.open(store.root / LOCKS / ".work", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, mode)
            free = True
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)


@contextmanager
def _hold_name(store: Store, name: str, wait: bool) -> Iterator[None]:
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
