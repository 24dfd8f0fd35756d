"""The flow `build-dataset`: a recipe file in, a published dataset version out."""

from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner

from flows.pipeline import run_pipeline
from schemas.run_report import RunReport
from storage.recipes import read_recipe
from storage.store import Store


def _run_name() -> str:
    return f"build {Path(str(flow_run.parameters['recipe'])).stem}"


# One batch at a time: a batch spreads over all cores by itself, and models are not shared between threads.
@flow(
    name="build-dataset",
    flow_run_name=_run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=1),
    persist_result=False,
)
def build_dataset(recipe: str, store: str | None = None) -> RunReport:
    """Render, label, curate and publish a recipe; what is in the store already is reused.

    Args:
        recipe: path of the recipe (YAML).
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
    """
    return run_pipeline(read_recipe(Path(recipe)), Store.open(store))
