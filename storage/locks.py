"""Locks that keep two runs from doing the same work. They save work; commits are correct without them.

Removing is another matter: what a run has just found in the store must stay until the run is over. So all work holds
``locks/.work`` together, and who removes things holds it alone.

Locks of a remote store are these on each machine, and between machines the leases of :mod:`storage.leases`.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
from filelock import FileLock, Timeout

from schemas.errors import BusyError
from storage.disk_faults import explain_disk_faults
from storage.keys import check_key
from storage.local_objects import LOCKS
from storage.store import Store

if TYPE_CHECKING:
    from storage.s3_objects import S3Objects


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
        with _alone_on_all_machines(store, name):
            yield


@contextmanager
def _with_other_work(store: Store, wait: bool) -> Iterator[None]:
    with _locked(store, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB)) as free:
        if not free:
            raise BusyError(f"things are being removed from the store {store.location}.", "Wait for `framefoundry gc`.")
        with _share_with_all_machines(store, wait):
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
        with _lease(store, name, wait):
            yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _alone_on_all_machines(store: Store, name: str) -> AbstractContextManager[None]:
    if not store.address:
        return nullcontext()
    from storage.leases import hold_removal

    return hold_removal(_remote(store), name, _about_us())


def _share_with_all_machines(store: Store, wait: bool) -> AbstractContextManager[None]:
    if not store.address:
        return nullcontext()
    from storage.leases import share_work

    return share_work(_remote(store), _about_us(), wait=wait)


def _lease(store: Store, name: str, wait: bool) -> AbstractContextManager[None]:
    if not store.address:
        return nullcontext()
    from storage.leases import lease_name

    return lease_name(_remote(store), name, _about_us(), wait=wait)


def _remote(store: Store) -> "S3Objects":
    from storage.remote import remote_objects

    return remote_objects(store.address, store.root)


class Holder(NamedTuple):
    """A process that holds a lock: what it works on, and since when (ISO 8601, UTC)."""

    work: str
    pid: int
    host: str
    since: str


def list_holders(store: Store) -> list[Holder]:
    """Who holds which lock of the store now, by name; a process of this machine that died holds none."""
    if store.address:
        from storage.leases import list_leases, machine_of

        objects = _remote(store)
        here = machine_of(store.root)
        told = [one for one in list_leases(objects) if one.get("home") != here]
        others = [Holder(str(one["work"]), int(one["pid"]), str(one["host"]), str(one["since"])) for one in told]
        return sorted([*_local_holders(store), *others])
    return _local_holders(store)


def _local_holders(store: Store) -> list[Holder]:
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


def _about_us() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _tell(holder: Path) -> None:
    temporary = holder.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(_about_us()))
    temporary.replace(holder)


def _holder(holder: Path) -> str:
    """Who holds the lock, as far as is known: the holder may be about to write it down, or to leave."""
    try:
        told = json.loads(holder.read_text())
        return f" by process {told['pid']} on {told['host']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return " by another process"
