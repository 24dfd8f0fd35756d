"""The flow `build-dataset`: a recipe file in, a published dataset version out."""

from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run
from pydantic import PositiveInt

from flows.batches import one_batch_a_stage
from flows.cancellation import settle_cancellation
from flows.pipeline import run_pipeline
from flows.reaper import claim_run
from flows.run_names import name_recipe_run
from flows.runner_choice import RunnerName
from schemas.run_report import RunReport
from storage.recipes import read_recipe
from storage.store import Store


def _run_name() -> str:
    return name_recipe_run("build", flow_run.parameters)


@flow(
    name="build-dataset",
    flow_run_name=_run_name,
    task_runner=one_batch_a_stage(),
    persist_result=False,
    on_running=[claim_run],
    on_crashed=[settle_cancellation],
)
def build_dataset(
    recipe: str, store: str | None = None, runner: RunnerName = "threads", workers: PositiveInt | None = None
) -> RunReport:
    """Render, label, curate and publish a recipe; what is in the store already is reused.

    Args:
        recipe: path of the recipe (YAML).
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
        runner: who carries out the work: ``threads`` of this process, or workers of a ``ray`` or ``dask`` cluster.
        workers: of that cluster; default: one a core.
    """
    return run_pipeline(read_recipe(Path(recipe)), Store.open(store), runner, workers)
