"""Folders that no other user of the machine may look into: databases, logs, and models that are loaded unseen."""

import stat
from contextlib import suppress
from pathlib import Path

from schemas.errors import EnvironmentFault

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(folder: Path) -> None:
    """Make ``folder`` if it is absent, and close it to everybody but its owner.

    One that another user owns is used as it is, as long as nobody else can write to it.

    Raises:
        EnvironmentFault: others can write to it, and that cannot be changed; or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_mode & _OPEN_TO_OTHERS:
            with suppress(PermissionError):
                folder.chmod(0o700)
        if not folder.stat().st_mode & _WRITABLE_BY_OTHERS:
            return
        reason = "other users can write to it"
    except OSError as fault:
        reason = str(fault.strerror)
    raise EnvironmentFault(f"{folder} cannot be kept from other users: {reason}.", "Remove it, or name another folder.")
