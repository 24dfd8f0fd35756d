"""Sizes on disk, counted and written for people."""

import os
from pathlib import Path


def folder_size(folder: Path, seen: set[int] | None = None) -> int:
    """Bytes of all files below ``folder``, without those whose inode is in ``seen``; the others are added to it."""
    seen = set() if seen is None else seen
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    total += folder_size(Path(entry.path), seen)
                elif entry.inode() not in seen:
                    seen.add(entry.inode())
                    total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:  # a running job tidied it away meanwhile
                continue
    return total


def show_size(size: float) -> str:
    """``1536`` as ``"1.5 kB"``: decimal units, one digit after the point."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def show_duration(seconds: float) -> str:
    """``75`` as ``"1 min 15 s"``; below a minute in seconds, above an hour in hours and minutes."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
