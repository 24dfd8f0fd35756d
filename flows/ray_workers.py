"""Workers of Ray: a cluster of this machine that lives as long as the run, or the one that ``RAY_ADDRESS`` names."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from flows.device_plan import needs_gpu, renderer_stays
from flows.distant_batches import Cluster
from schemas.recipe import Recipe

ADDRESS_VARIABLE = "RAY_ADDRESS"
OBJECT_STORE_BYTES = 80 * 2**20
"""Ray's least is 75 MB. Batches carry keys and bring back counts."""


@contextmanager
def ray_workers(workers: int | None, environment: dict[str, str]) -> Iterator[Cluster]:
    """Start Ray, or connect to it, and stop what was started.

    Args:
        workers: processes to start; on a cluster that is up already, how many batches of a stage to send at once,
            None: as many as it has CPUs.
        environment: variables of the workers, beside what they have.
    """
    address = os.environ.get(ADDRESS_VARIABLE)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not address:
        _stay_on_loopback()
    import ray
    from prefect_ray import RayTaskRunner
    from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError

    options: dict[str, Any] = {
        "log_to_driver": False,
        "configure_logging": False,
        "runtime_env": {"env_vars": environment},
    }
    with ExitStack() as stack:
        if not address:
            # Ray keeps its logs for good, wherever it is told to: here, until it has ended.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
            options |= {
                "num_cpus": workers,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
                "_temp_dir": folder,
            }
        runner = stack.enter_context(RayTaskRunner(address=address, init_kwargs=options))
        held = ray.cluster_resources()
        yield Cluster(
            "Ray",
            runner,
            workers or int(held.get("CPU", 1)),
            (WorkerCrashedError, NodeDiedError, OutOfMemoryError, ObjectLostError),
            lambda work, recipe: _demands(work.name, recipe, held.get("GPU", 0) > 0),
        )


def _stay_on_loopback() -> None:
    """Ray's own switch for a cluster that nobody else can join, and a token that only this process's workers know."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _demands(task: str, recipe: Recipe, has_gpus: bool) -> AbstractContextManager[Any]:
    """One CPU of Ray's counting each, and a GPU, or half of one that is shared, for what runs on it.

    Ray ends a worker that had a GPU after each task, so that its memory is free. Ours keeps its models, unless another
    stage waits for the memory.
    """
    from prefect_ray.context import remote_options

    # Sending a lost batch again is our own affair: Ray would do so at once, and without end.
    options: dict[str, Any] = {"num_cpus": 1, "max_retries": 0}
    if has_gpus and needs_gpu(task, recipe):
        gives_up = recipe.generator.kind == "diffusers" and not renderer_stays(recipe)
        options |= {"num_gpus": 0.5 if renderer_stays(recipe) else 1, "max_calls": int(gives_up)}
    context: AbstractContextManager[Any] = remote_options(**options)
    return context
