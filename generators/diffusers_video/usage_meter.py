"""How busy a device was, how much memory it took, and how much a cache saved."""

import threading
from typing import Any

from generators.diffusers_video.loading import blocks_of, transformers_of
from generators.diffusers_video.messages import Usage


class UsageMeter:
    """Gathers the stretches of work of one renderer; any thread may add."""

    def __init__(self, device: str, pipe: Any) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._stretches: list[tuple[float, float]] = []
        self._seconds = {"denoise": 0.0, "decode": 0.0, "encode": 0.0}
        self._clips = 0
        self._last = 0.0
        self._cache = CacheMeter.watch(pipe)

    def add(self, work: str, started: float, ended: float) -> None:
        """Record a stretch of ``denoise``, ``decode`` (both keep the device busy) or ``encode`` (does not)."""
        with self._lock:
            self._seconds[work] += ended - started
            self._last = max(self._last, ended)
            if work != "encode":
                self._stretches.append((started, ended))

    def add_clip(self) -> None:
        """Count a finished clip."""
        with self._lock:
            self._clips += 1

    def usage(self) -> Usage:
        """What was measured so far."""
        with self._lock:
            first = min((start for start, _ in self._stretches), default=self._last)
            return Usage(
                device=self._device,
                busy_seconds=length_of_union(self._stretches),
                wall_seconds=self._last - first,
                denoise_seconds=self._seconds["denoise"],
                decode_seconds=self._seconds["decode"],
                encode_seconds=self._seconds["encode"],
                clips=self._clips,
                peak_memory_gb=_peak_memory(self._device),
                cached_share=self._cache.share() if self._cache else None,
            )


class CacheMeter:
    """Counts how often the last block's attention computed, against the first block's norm, which always does."""

    def __init__(self) -> None:
        self._first = self._last = 0

    @classmethod
    def watch(cls, pipe: Any) -> "CacheMeter | None":
        """A meter on the transformers of ``pipe`` that have a cache; None when none has."""
        import torch

        meter = cls()
        # Outside of compiled graphs: a graph would be compiled again for each new count, and given up after a few.
        count_first, count_last = (torch.compiler.disable(count) for count in (meter._count_first, meter._count_last))
        watched = [model for model in transformers_of(pipe) if getattr(model, "is_cache_enabled", False)]
        for model in watched:
            blocks = blocks_of(model)
            next(blocks[0].children()).register_forward_hook(count_first)
            _first_projection(blocks[-1]).register_forward_hook(count_last)
        return meter if watched else None

    def share(self) -> float:
        """Share of the steps, in [0, 1], whose later blocks, or their attention, were taken from the cache."""
        return 1 - self._last / self._first if self._first else 0.0

    def _count_first(self, *_: Any) -> None:
        self._first += 1

    def _count_last(self, *_: Any) -> None:
        self._last += 1


def _first_projection(block: Any) -> Any:
    """A layer inside the attention of ``block``: computed only where neither block nor attention is cached."""
    import torch

    layers = [(name, layer) for name, layer in block.named_modules() if isinstance(layer, torch.nn.Linear)]
    return next((layer for name, layer in layers if name.startswith("attn")), layers[0][1])


def length_of_union(stretches: list[tuple[float, float]]) -> float:
    """Total length of what ``stretches`` cover; what two cover counts once."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(stretches):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _peak_memory(device: str) -> float:
    if device == "cpu":
        return 0.0
    import torch

    return float(torch.cuda.max_memory_allocated(device)) / 1e9
