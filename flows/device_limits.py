"""One run at a time on a device: a limit of Prefect's for each device, taken with a short lease.

The lease is renewed while the work goes on. A holder that was killed renews it no longer: its devices are free after
75 s at most, and at once where another run starts on that machine (:mod:`flows.reaper`). Whoever starts a run, a worker
or the command line, takes the same limits of the same server.
"""

import itertools
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from flows.progress import Progress, tell
from generators.diffusers_video.devices import choose_devices, count_cuda_devices
from schemas.annotator_options import DetectorOptions
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import Recipe

CPU = "cpu"
LEASE = "framefoundry.device_lease"
"""Label of a run that holds devices: under which lease."""
LEASE_SECONDS = 60.0
"""Prefect's shortest. Its server looks for leases that have run out every 15 s."""
WAIT_SECONDS = 1.0

_log = logging.getLogger(__name__)


def devices_of(recipe: Recipe) -> tuple[str, ...]:
    """The devices of this machine that a run of ``recipe`` works on.

    Those that render, and a GPU that labels; a CPU that labels for a GPU that renders is not held.
    """
    options = recipe.generator
    rendering = choose_devices(options) if isinstance(options, DiffusersOptions) else (CPU,)
    labelling = name_device(recipe.annotator.device) if isinstance(recipe.annotator, DetectorOptions) else CPU
    return tuple(dict.fromkeys([*rendering, *([labelling] if labelling != CPU else [])]))


def devices_here() -> tuple[str, ...]:
    """All devices of this machine."""
    return (CPU, *(f"cuda:{index}" for index in range(count_cuda_devices())))


def name_device(asked: str) -> str:
    """The device that is meant by ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or, as trainings have it, ``1``."""
    if asked == "auto":
        return "cuda:0" if count_cuda_devices() else CPU
    return f"cuda:{asked}" if asked.isdigit() else "cuda:0" if asked == "cuda" else asked


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
    from prefect.client.orchestration import get_client

    names = [limit_name(device) for device in devices]
    with get_client(sync_client=True) as client:
        for name in names:
            _create_unless_there(client, name)
        lease = _acquire(client, names)
        _note(client, lease)
        over = threading.Event()
        threading.Thread(target=_renew, args=(lease, over), name="device-lease", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            release_lease(client, lease)


def release_lease(client: Any, lease: UUID) -> None:
    """Free the devices held under ``lease``; one that nobody holds any more, or a server that is away, is no fault."""
    from httpx import HTTPError
    from prefect.exceptions import PrefectException

    try:
        client.release_concurrency_slots_with_lease(lease)
    except (HTTPError, PrefectException) as fault:
        _log.info("The lease %s could not be given back, and ends by itself: %s", lease, fault)


def _acquire(client: Any, names: Sequence[str]) -> UUID:
    """Take a place in each of the limits ``names`` at once, waiting for it; the lease."""
    from httpx import HTTPStatusError

    waiting = f"wait for {', '.join(names)}"
    for attempt in itertools.count():
        try:
            answer = client.increment_concurrency_slots_with_lease(
                list(names), 1, "concurrency", lease_duration=LEASE_SECONDS, holder=_holder()
            )
        except HTTPStatusError as refused:
            if refused.response.status_code != HTTPStatus.LOCKED:
                raise
            if attempt == 0:
                _log.info("%s, which another run holds.", waiting.capitalize())
                tell(Progress(waiting, 0, 1))
            sleep(WAIT_SECONDS)
            continue
        if attempt:
            tell(Progress(waiting, 1, 1))
        return UUID(answer.json()["lease_id"])
    raise AssertionError("counting has no end")


def _renew(lease: UUID, over: threading.Event) -> None:
    """Renew ``lease`` until ``over``; what goes wrong once may go well the next time."""
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    with get_client(sync_client=True) as client:
        while not over.wait(LEASE_SECONDS / 3):
            try:
                client.renew_concurrency_lease(lease, LEASE_SECONDS)
            except (HTTPError, PrefectException) as fault:
                _log.warning("The lease of this run's devices could not be renewed: %s", fault)


def _note(client: Any, lease: UUID) -> None:
    """Write the lease into the labels of this run: whoever finds its process gone gives it back at once."""
    from prefect.runtime import flow_run

    client.update_flow_run_labels(UUID(str(flow_run.id)), {LEASE: str(lease)})


def _holder() -> Any:
    from prefect.client.schemas.objects import ConcurrencyLeaseHolder
    from prefect.runtime import flow_run

    return ConcurrencyLeaseHolder(type="flow_run", id=UUID(str(flow_run.id)))


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
