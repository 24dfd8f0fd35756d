"""The choice of a runner, and whether it can be had here; imports neither Prefect nor a runner."""

from importlib.util import find_spec
from typing import Literal

from schemas.errors import EnvironmentFault, RecipeError

RunnerName = Literal["threads", "ray", "dask"]

_PACKAGES = {"ray": ("prefect_ray", "ray"), "dask": ("prefect_dask", "distributed")}


def check_runner(runner: RunnerName, workers: int | None) -> None:
    """Refuse what cannot be carried out here, before any work.

    Raises:
        EnvironmentFault: the package of the runner is not installed.
        RecipeError: ``workers`` without a runner that has any.
    """
    if runner == "threads":
        if workers is not None:
            raise RecipeError(
                f"workers: {workers} has no effect with runner: threads, which uses all cores of this machine.",
                "Choose runner: ray or dask, or leave workers out.",
            )
        return
    missing = [package for package in _PACKAGES[runner] if find_spec(package) is None]
    if missing:
        raise EnvironmentFault(
            f"runner: {runner} needs the package {missing[0]}, which is not installed.",
            f'Install the extra of that name: pip install "framefoundry[{runner}]".',
        )
