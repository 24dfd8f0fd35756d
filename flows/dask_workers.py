"""Workers of Dask: a cluster of this machine that lives as long as the run, or the one of a scheduler that is up."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from flows.distant_batches import Cluster

ADDRESS_VARIABLE = "DASK_SCHEDULER_ADDRESS"


@contextmanager
def dask_workers(workers: int | None, environment: dict[str, str]) -> Iterator[Cluster]:
    """Start Dask, or connect to it, and stop what was started; see :func:`flows.ray_workers.ray_workers`."""
    import dask
    from distributed.scheduler import KilledWorker
    from prefect_dask.task_runners import DaskTaskRunner

    address = os.environ.get(ADDRESS_VARIABLE)
    own = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": None,
        "env": environment,
    }
    settings = {
        "distributed.scheduler.allowed-failures": 0,  # sending a lost batch again is our own affair
        "distributed.worker.daemon": False,  # renderers are children of their worker
        "distributed.admin.log-length": 0,
    }
    runner = DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs=own)
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with dask.config.set(settings), runner:
        # The runner starts its cluster when it is first asked for its client; two batches at once would start two.
        slots = sum(runner.client.nthreads().values())
        yield Cluster("Dask", runner, workers or slots, (KilledWorker,))
