"""Folders of a local store that appear whole or not at all: filled in ``tmp/``, synced, renamed into place."""

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StoreError
from storage.disk_faults import explain_disk_faults
from storage.keys import locate
from storage.local_objects import TMP, sync_folder
from storage.scratch import temporary_directory


@dataclass(frozen=True)
class LocalFolders:
    """The folders of a store below ``root``; see :class:`storage.objects.Folders`."""

    root: Path

    def publish(self, key: str, build: Callable[[Path], None], required: Sequence[str]) -> None:
        """Let ``build`` fill an empty folder and make it the folder ``key``; one that is there already is kept."""
        target = locate(self.root, key)
        if _is_whole(target, required):
            return
        with (
            temporary_directory(self.root / TMP, "publish") as staging,
            explain_disk_faults(self.root, f"publishing {key}"),
        ):
            build(staging)
            check_required(staging, required, key)
            _step("before sync")
            _sync_tree(staging)
            _make_parents(self.root, target.parent)
            _step("before rename")
            _rename_if_absent(staging, target)
            _step("before folder sync")
            sync_folder(target.parent)
            _step("after rename")

    def replace_in(self, key: str, staging: Path, last: str) -> None:
        """Put the entries of ``staging`` in the place of those of the folder ``key``; the file ``last`` last."""
        folder, old = locate(self.root, key), staging / "replaced"
        entries = sorted(staging.iterdir(), key=lambda entry: entry.name == last)
        with explain_disk_faults(self.root, f"renewing {key}"):
            old.mkdir()
            for entry in entries:
                target = folder / entry.name
                if target.is_dir():
                    target.rename(old / entry.name)
                entry.replace(target)

    def exists(self, key: str, required: Sequence[str]) -> bool:
        """Whether the folder ``key`` is there, with every file of ``required``."""
        return _is_whole(locate(self.root, key), required)

    def names_in(self, prefix: str) -> list[str]:
        """Names of the folders in ``prefix``, sorted."""
        folder = locate(self.root, prefix)
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []

    def open(self, key: str) -> Path:
        """The folder ``key`` itself."""
        return locate(self.root, key)

    def find_file(self, key: str, name: str) -> Path | None:
        """The file ``name`` of the folder ``key`` itself; None where there is none."""
        path = locate(self.root, key) / name
        return path if path.is_file() else None


def check_required(staging: Path, required: Sequence[str], key: str) -> None:
    """Refuse a folder that lacks a file of ``required``.

    Raises:
        StoreError: it does.
    """
    missing = next((file for file in required if not (staging / file).is_file()), None)
    if missing is not None:
        raise StoreError(f"{key}: {missing} was not written.", "Nothing was published.")


def _is_whole(folder: Path, required: Sequence[str]) -> bool:
    return all((folder / file).is_file() for file in required)


def _rename_if_absent(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as fault:
        if fault.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise  # else another process published the same rows first: equal by construction, so its folder stays


def _make_parents(root: Path, folder: Path) -> None:
    if folder != root and not folder.is_dir():
        _make_parents(root, folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            # Exports link thousands of frame images, which were synced when they were committed.
            if path.lstat().st_nlink == 1 and not path.is_symlink():
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        sync_folder(Path(parent))


def _step(name: str) -> None:
    """Called between the writes of a publication, for tests that kill the process there."""
