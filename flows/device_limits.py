"""One run at a time on a device: a limit of Prefect's for each device, taken with a short lease.

The lease is renewed while the work goes on. A holder that was killed renews it no longer: within a minute and a half
its devices are free. Whoever starts a run, a worker or the command line, takes the same limits of the same server.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from flows.progress import Progress, tell
from generators.diffusers_video.devices import choose_devices, count_cuda_devices
from schemas.annotator_options import DetectorOptions
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import Recipe

CPU = "cpu"
LEASE_SECONDS = 60.0
"""Prefect's shortest. Its server looks for leases that have run out every 15 s."""


def devices_of(recipe: Recipe) -> tuple[str, ...]:
    """The devices of this machine that a run of ``recipe`` works on.

    Those that render, and a GPU that labels; a CPU that labels for a GPU that renders is not held.
    """
    options = recipe.generator
    rendering = choose_devices(options) if isinstance(options, DiffusersOptions) else (CPU,)
    labelling = _labelling_device(recipe)
    return tuple(dict.fromkeys([*rendering, *([labelling] if labelling != CPU else [])]))


def metered(devices: Sequence[str]) -> tuple[str, ...]:
    """Those of ``devices`` whose hours are counted: the GPUs, or the CPU where there are none."""
    return tuple(device for device in devices if device != CPU) or tuple(devices)


def limit_name(device: str) -> str:
    """Of the limit of ``device`` of this machine: ``cuda:0 of render-3``."""
    return f"{device} of {socket.gethostname()}"


class DeviceUse:
    """The devices of one run: held while it produces, and their time counted."""

    def __init__(self, devices: Sequence[str], *, exclusive: bool = True) -> None:
        """Hold nothing yet.

        Args:
            devices: names, such as ``cpu`` and ``cuda:0``.
            exclusive: False where something else than Prefect decides who works on them, such as a Ray cluster.
        """
        self._devices = tuple(devices)
        self._exclusive = exclusive
        self._held_before = 0.0
        self._since: float | None = None

    @property
    def metered(self) -> tuple[str, ...]:
        """The devices whose time is counted."""
        return metered(self._devices)

    @property
    def seconds(self) -> float:
        """Device seconds so far: of all metered devices together, without the wait for them."""
        now = 0.0 if self._since is None else monotonic() - self._since
        return (self._held_before + now) * len(self.metered)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the devices, and hold them during the block."""
        with hold_devices(self._devices if self._exclusive else ()):
            self._since = monotonic()
            try:
                yield
            finally:
                self._held_before += monotonic() - self._since
                self._since = None


@contextmanager
def hold_devices(devices: Sequence[str]) -> Iterator[None]:
    """Hold ``devices`` of this machine during the block; called from a flow.

    A lease that is lost, because the server is away for longer than it lasts, does not end the work: the next run may
    then begin beside it, which is slow and no fault.
    """
    if not devices:
        yield
        return
    from prefect import get_run_logger
    from prefect.client.orchestration import get_client
    from prefect.concurrency.sync import concurrency

    names = [limit_name(device) for device in devices]
    with get_client(sync_client=True) as client:
        for name in names:
            _create_unless_there(client, name)
        taken = [name for name in names if _is_taken(client, name)]
    for name in taken:
        get_run_logger().info("Waiting for %s, which another run holds.", name)
        tell(Progress(f"wait for {name}", 0, 1))
    with concurrency(names, lease_duration=LEASE_SECONDS, strict=True, raise_on_lease_renewal_failure=False):
        for name in taken:
            tell(Progress(f"wait for {name}", 1, 1))
        yield


def _labelling_device(recipe: Recipe) -> str:
    asked = recipe.annotator.device if isinstance(recipe.annotator, DetectorOptions) else CPU
    if asked == "auto":
        return "cuda:0" if count_cuda_devices() else CPU
    return "cuda:0" if asked == "cuda" else asked


def _create_unless_there(client: Any, name: str) -> None:
    """A limit of one; what somebody has set it to is kept."""
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

    try:
        client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        try:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
        except ObjectAlreadyExists:  # another run was first
            return


def _is_taken(client: Any, name: str) -> bool:
    limit = client.read_global_concurrency_limit_by_name(name)
    return bool(limit.active_slots >= limit.limit)
