"""What a process keeps loaded between batches: the generator and the annotator of the recipe it works on.

Models load once, however many batches a worker takes. Batches carry the recipe and keys; nothing here travels.
"""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from schemas.recipe import Recipe
from storage.store import Store

_lock = threading.Lock()
_kept: dict[str, tuple[Recipe, Any]] = {}


def resident_generator(recipe: Recipe, store: Store) -> Any:
    """The generator of ``recipe``, built at its first use in this process."""
    from generators.build import build_generator

    return _resident("generator", recipe, lambda: build_generator(recipe, store))


def resident_annotator(recipe: Recipe, store: Store) -> Any:
    """The annotator of ``recipe``, built at its first use in this process."""
    from annotators.build import build_annotator

    return _resident("annotator", recipe, lambda: build_annotator(recipe, store))


def resident_embedder(recipe: Recipe, store: Store) -> Any:
    """What looks at frames for near-duplicates, built at its first use in this process; None where nothing need."""
    from annotators.embedders import build_embedder

    return _resident("embedder", recipe, lambda: build_embedder(recipe, store))


def name_worker() -> str:
    """This process, told from all others of all machines."""
    return f"{socket.gethostname()}/{os.getpid()}"


def release(kind: str) -> None:
    """Let go of the resident of ``kind``, ending its processes; nothing happens when there is none."""
    with _lock:
        _close(_kept.pop(kind, None))


def _resident(kind: str, recipe: Recipe, build: Callable[[], Any]) -> Any:
    with _lock:
        kept = _kept.get(kind)
        if kept is None or kept[0] != recipe:
            _close(_kept.pop(kind, None))
            kept = _kept[kind] = (recipe, build())
        return kept[1]


def _close(kept: tuple[Recipe, Any] | None) -> None:
    close = getattr(kept[1], "close", None) if kept else None
    if close is not None:
        close()
