"""The render stage as Prefect tasks: one task a batch of clips."""

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed

from flows.batches import batched, worth_retrying
from flows.progress import StageProgress
from flows.residents import resident_generator
from generators.rendering import missing_jobs, render_into_store
from schemas.recipe import Recipe
from schemas.records import ClipJob, Failure
from storage.store import Store


@dataclass(frozen=True)
class Rendered:
    """What the render stage did: how many clips it made and found, and which failed."""

    done: int
    reused: int
    failures: list[Failure]


def render_clips(recipe: Recipe, store: Store, jobs: Sequence[ClipJob]) -> Rendered:
    """Bring every clip of ``jobs`` into the store; called from a flow's body."""
    missing = missing_jobs(store, jobs)
    if not missing:
        return Rendered(0, len(jobs), [])
    progress = StageProgress("render", len(missing))
    failures: list[Failure] = []
    futures = [render_batch.submit(recipe, str(store.root), batch, label) for label, batch in batched(missing)]
    for future in as_completed(futures):
        outcome = future.result()
        failures += outcome.failures
        progress.advance(outcome.done + len(outcome.failures))
    return Rendered(len(missing) - len(failures), len(jobs) - len(missing), failures)


@task(
    name="render-batch",
    task_run_name="render clips {label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=1,
    retry_delay_seconds=2,
    retry_condition_fn=worth_retrying,
)
def render_batch(recipe: Recipe, store: str, jobs: list[ClipJob], label: str) -> Rendered:
    """Render one batch; clips that a killed attempt had committed are not rendered again."""
    opened = Store.open(store)
    missing = missing_jobs(opened, jobs)
    answers = list(render_into_store(resident_generator(recipe, opened), opened, missing))
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    return Rendered(len(jobs) - len(failures), 0, failures)
