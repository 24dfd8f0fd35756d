"""Locks of a store in a bucket: objects that their holder renews, and that run out when it dies.

A lease is taken, renewed, stolen and given back by conditional writes, so that nobody holds what another holds. Its age
is told by the server alone, which dates the object and its own answer: clocks of machines do not matter. What a dead
process of this machine held is free at once, because whoever asks holds the same lock on this machine already, and the
kernel had freed that; what another machine held is free after ``LEASE_SECONDS``.

A lease is a promise only while its holder runs: one that is suspended for longer may find that it has lost it. Commits
are correct without locks, so that costs work and no more; who shared the store's work is told of it, because things may
have been removed meanwhile.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from schemas.errors import BusyError, StoreError
from schemas.identity import canonical_json
from storage.local_objects import LOCKS, put_if_absent, read_object
from storage.s3_client import Absent
from storage.s3_commits import write_if
from storage.s3_objects import S3Objects

LEASE_SECONDS = 120.0
RENEW_SECONDS = 20.0
WAIT_SECONDS = 1.0

_WORK = f"{LOCKS}/work"
_REMOVAL = f"{LOCKS}/removal"
_MACHINE = "machine"
_FREE = b"{}\n"

Told = Mapping[str, Any]


@contextmanager
def lease_name(objects: S3Objects, name: str, told: Told, *, wait: bool) -> Iterator[None]:
    """Hold the lease ``name``; the caller holds the lock of the same name on this machine.

    Args:
        objects: of the store.
        name: a key.
        told: who holds it, for others: ``pid``, ``host``, ``since``.
        wait: wait for the holder instead of refusing.

    Raises:
        BusyError: taken; the message names the holder.
    """
    place = f"{LOCKS}/{name.replace('/', '+')}.lease"
    with _exclusive(objects, place, {"work": name, **told}, wait):
        yield


@contextmanager
def share_work(objects: S3Objects, told: Told, *, wait: bool) -> Iterator[None]:
    """Keep others from removing things during the block.

    Raises:
        BusyError: things are being removed.
        StoreError: at the end: the lease ran out, because this process was suspended; things may have been removed.
    """
    place = f"{_WORK}/{secrets.token_hex(16)}"
    data = _as_bytes(objects, told)
    # First our own, then the look at the other's; who removes does it the other way round: one of us sees the other.
    while True:
        tag = write_if(objects.bucket, objects.prefix + place, data, tag=None)
        remover = _find(objects, _REMOVAL)
        if remover is None or not remover.is_held_by_another_than(objects):
            break
        _delete(objects, place)
        if not wait:
            raise BusyError(
                f"things are being removed from the store {objects.address}.", "Wait for `framefoundry gc`."
            )
        time.sleep(WAIT_SECONDS)
    with _renewed(objects, place, data, tag or "") as lease:
        try:
            yield
        finally:
            lease.stop()
            _delete(objects, place)
    if lease.is_lost:
        raise StoreError(
            f"this process stood still for over {LEASE_SECONDS:g} s; things may have been removed from the store "
            f"{objects.address} meanwhile.",
            "Run again: what is missing is made again.",
        )


@contextmanager
def hold_removal(objects: S3Objects, name: str, told: Told) -> Iterator[None]:
    """Keep all others, on whatever machine, from working; the caller keeps those of this machine from it.

    Raises:
        BusyError: somebody works, or removes.
    """
    with _exclusive(objects, _REMOVAL, {"work": name, **told}, wait=False):
        for place in list(_places(objects, _WORK)):
            lease = _find(objects, place)
            if lease is not None and lease.is_held_by_another_than(objects):
                raise BusyError(f"{name}: the store is being worked on by {lease.holder}.", "Wait for it, or stop it.")
            _delete(objects, place)
        yield


def list_leases(objects: S3Objects) -> list[Told]:
    """What the holders of leases tell of themselves: ``work``, ``pid``, ``host``, ``since``, ``home``."""
    found = (_find(objects, place) for place in _places(objects, LOCKS) if not place.startswith(f"{_WORK}/"))
    return [lease.told for lease in found if lease is not None and lease.is_alive]


def machine_of(home: Path) -> str:
    """The name of this machine's folder of a store; no other has it."""
    put_if_absent(home, _MACHINE, secrets.token_hex(16).encode())
    return read_object(home, _MACHINE).decode()


@dataclass(frozen=True)
class _Lease:
    """A lease as the server has it; ``age`` in seconds, by the server's clock."""

    told: Told
    tag: str
    age: float

    @property
    def is_alive(self) -> bool:
        return bool(self.told) and self.age < LEASE_SECONDS

    @property
    def holder(self) -> str:
        pid, host, since = (self.told.get(name) for name in ("pid", "host", "since"))
        return f"process {pid} on {host}, since {since}"

    def is_held_by_another_than(self, objects: S3Objects) -> bool:
        return self.is_alive and self.told.get("home") != machine_of(objects.home)


class _Renewal(threading.Thread):
    """Renews a lease until it is stopped, or somebody else has it."""

    def __init__(self, objects: S3Objects, place: str, data: bytes, tag: str) -> None:
        super().__init__(name=f"lease {place}", daemon=True)
        self._objects, self._place, self._data = objects, place, data
        self._done = threading.Event()
        self.tag = tag
        self.is_lost = False

    def run(self) -> None:
        while not self._done.wait(RENEW_SECONDS):
            with suppress(StoreError):  # out of reach for now; the lease may outlast it
                tag = write_if(self._objects.bucket, self._objects.prefix + self._place, self._data, tag=self.tag)
                if tag is None:
                    self.is_lost = True
                    return
                self.tag = tag

    def stop(self) -> None:
        """No renewal is under way when this returns."""
        self._done.set()
        self.join()


@contextmanager
def _renewed(objects: S3Objects, place: str, data: bytes, tag: str) -> Iterator[_Renewal]:
    renewal = _Renewal(objects, place, data, tag)
    renewal.start()
    try:
        yield renewal
    finally:
        renewal.stop()


@contextmanager
def _exclusive(objects: S3Objects, place: str, told: Told, wait: bool) -> Iterator[None]:
    data = _as_bytes(objects, told)
    while (tag := _take(objects, place, data)) is None:
        lease = _find(objects, place)
        if not wait and lease is not None and lease.is_held_by_another_than(objects):
            raise BusyError(
                f"{told['work']} is already being worked on by {lease.holder}.",
                f"Wait for it, or stop it; if that machine is gone, wait {LEASE_SECONDS:g} s.",
            )
        time.sleep(WAIT_SECONDS if wait else 0)
    with _renewed(objects, place, data, tag) as lease_here:
        try:
            yield
        finally:
            lease_here.stop()
            with suppress(StoreError):  # out of reach: it runs out by itself
                write_if(objects.bucket, objects.prefix + place, _FREE, tag=lease_here.tag)


def _take(objects: S3Objects, place: str, data: bytes) -> str | None:
    """Take the lease if nobody else holds it; its entity tag, None if somebody does."""
    found = _find(objects, place)
    if found is not None and found.is_held_by_another_than(objects):
        return None
    return write_if(objects.bucket, objects.prefix + place, data, tag=found.tag if found else None)


def _find(objects: S3Objects, place: str) -> _Lease | None:
    try:
        data, headers = objects.bucket.read(objects.prefix + place)
    except Absent:
        return None
    try:
        told = dict(json.loads(data))
    except (ValueError, TypeError):
        told = {}
    now = parsedate_to_datetime(headers["ResponseMetadata"]["HTTPHeaders"]["date"])
    return _Lease(told, str(headers["ETag"]), (now - headers["LastModified"]).total_seconds())


def _places(objects: S3Objects, folder: str) -> Iterator[str]:
    for page in objects.pages(f"{objects.prefix}{folder}/"):
        yield from (str(found["Key"]).removeprefix(objects.prefix) for found in page.get("Contents", ()))


def _delete(objects: S3Objects, place: str) -> None:
    with suppress(Absent, StoreError):  # out of reach: it runs out by itself
        objects.bucket.call("delete_object", Key=objects.prefix + place)


def _as_bytes(objects: S3Objects, told: Told) -> bytes:
    return canonical_json({**told, "home": machine_of(objects.home), "token": secrets.token_hex(16)})
