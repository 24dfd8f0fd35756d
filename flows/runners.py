"""Who carries out the batches of a run: threads of this process, or the workers of a Ray or Dask cluster.

It is no part of a recipe: the dataset version is the same, whoever did the work and however many there were.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from flows import dask_workers, ray_workers
from flows.distant_batches import DistantBatches
from flows.inputs import pack_inputs
from flows.production import Launcher, Outcomes
from flows.runner_choice import RunnerName, check_runner
from schemas.errors import EnvironmentFault
from storage.cores import CORES_VARIABLE, usable_cores

ADDRESS_VARIABLES = {"ray": ray_workers.ADDRESS_VARIABLE, "dask": dask_workers.ADDRESS_VARIABLE}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OPENERS = {"ray": ray_workers.ray_workers, "dask": dask_workers.dask_workers}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def open_launcher(
    runner: RunnerName = "threads", workers: int | None = None, outcomes: Outcomes | None = None
) -> Iterator[Launcher]:
    """How the batches of a run are put to work; called from a flow's body.

    Args:
        runner: ``threads``; or ``ray`` or ``dask``, on the cluster that ``RAY_ADDRESS`` or ``DASK_SCHEDULER_ADDRESS``
            names, else on one that is started on this machine, on its loopback interface, and ends with the run.
        workers: processes; default: one a core, or as many as the cluster has. Each is told to use its share of the
            cores and no more.
        outcomes: told what becomes of the clips.

    Raises:
        EnvironmentFault: the package of the runner is not installed, or its workers could not report to Prefect.
        RecipeError: ``workers`` with threads.
    """
    check_runner(runner, workers)
    if runner == "threads":
        yield Launcher(outcomes=outcomes)
        return
    distant = os.environ.get(ADDRESS_VARIABLES[runner], "")
    _check_api(distant)
    asked = workers if distant else workers or usable_cores()
    opened = _OPENERS[runner](asked, _worker_environment(None if distant else asked))
    with opened as cluster, DistantBatches(cluster) as batches:
        yield Launcher(submit=batches.submit, outcomes=outcomes, width=cluster.workers, pack=pack_inputs)


def _worker_environment(sharing: int | None) -> dict[str, str]:
    """Caps for each of the workers ``sharing`` this machine; None: on other machines, where each has one core."""
    cores = str(max(1, usable_cores() // sharing)) if sharing else "1"
    offline = {name: os.environ[name] for name in ("FRAMEFOUNDRY_OFFLINE", "HF_HUB_OFFLINE") if name in os.environ}
    return {CORES_VARIABLE: cores, **dict.fromkeys(THREAD_VARIABLES, cores), "OMP_WAIT_POLICY": "PASSIVE", **offline}


def _check_api(cluster: str) -> None:
    """Refuse a Prefect server that workers could not report to.

    Raises:
        EnvironmentFault: there is none by name, or workers of the cluster at ``cluster`` may be on other machines and
            the server is on this one's loopback interface.
    """
    from prefect.settings import get_current_settings

    api = get_current_settings().api.url
    if not api:
        raise EnvironmentFault(
            "workers report to a Prefect server, and PREFECT_API_URL names none.",
            "Use `framefoundry run`, which brings one along, or start one with `framefoundry serve`.",
        )
    host = urlsplit(cluster if "://" in cluster else f"//{cluster}").hostname or ""
    if cluster and host not in {*_LOOPBACK, "auto", "local"} and urlsplit(api).hostname in _LOOPBACK:
        raise EnvironmentFault(
            f"the workers at {cluster} cannot report to {api}, which only this machine can reach.",
            "Set PREFECT_API_URL to a server that all machines reach; docs/scale-out.md describes one.",
        )
