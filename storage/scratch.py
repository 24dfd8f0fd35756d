"""Temporary files and directories of a store, with a lease each, so that those of dead processes can be swept.

A lease is an exclusive ``flock``: the kernel frees it when its holder dies, however it dies, in whatever container.
What stands in ``tmp/`` and is not leased belongs to nobody. ``tmp/.guard`` closes the gap between creating and leasing:
creators share it, the sweeper takes it alone.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_GUARD = ".guard"
_LEASE = ".lease"


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[int, Path]]:
    """An empty file in ``folder``, open for writing; removed at exit.

    Yields:
        its descriptor and its path.
    """
    with _guarded(folder, fcntl.LOCK_SH):
        path = folder / f"put-{secrets.token_hex(8)}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield descriptor, path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


@contextmanager
def temporary_directory(folder: Path, purpose: str) -> Iterator[Path]:
    """An empty directory below ``folder``, its name begins with ``purpose``; removed at exit with all it holds."""
    with _guarded(folder, fcntl.LOCK_SH):
        home = folder / f"{purpose}-{secrets.token_hex(8)}"
        home.mkdir()
        lease = os.open(home / _LEASE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(lease, fcntl.LOCK_EX)
    try:
        work = home / purpose
        work.mkdir()
        yield work
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os.close(lease)


def sweep(folder: Path) -> int:
    """Remove what dead processes left in ``folder``; the number of things removed. Live ones are never touched."""
    try:
        with _guarded(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return sum(_remove_if_unleased(entry) for entry in sorted(folder.iterdir()) if entry.name != _GUARD)
    except BlockingIOError:  # somebody is creating or sweeping right now; the next open() has another chance
        return 0


@contextmanager
def _guarded(folder: Path, mode: int) -> Iterator[None]:
    descriptor = os.open(folder / _GUARD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


def _remove_if_unleased(entry: Path) -> bool:
    lease = entry / _LEASE if entry.is_dir() and not entry.is_symlink() else entry
    try:
        descriptor = os.open(lease, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as fault:
        if fault.errno not in {errno.ENOENT, errno.ELOOP}:  # such as too many open files: it may well be leased
            return False
        descriptor = None  # no lease file: its maker died between the two, or rmtree was cut short
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)
