"""The render stage as a Prefect task: one task a batch of clips."""

from flows.batches import batch_task
from flows.inputs import unpack_inputs
from flows.lanes import BatchOutcome
from flows.residents import name_worker, resident_generator
from generators.protocol import remarks_of
from generators.rendering import missing_jobs, render_into_store
from schemas.recipe import Recipe
from schemas.records import ClipJob, Failure
from storage.store import Store


@batch_task(name="render-batch", task_run_name="render clips {label}")
def render_batch(recipe: Recipe, store: str, jobs: list[ClipJob], label: str) -> BatchOutcome:
    """Render one batch; clips that a killed attempt had committed are not rendered again."""
    opened = Store.open(store)
    generator = resident_generator(unpack_inputs(recipe, opened), opened)
    answers = list(render_into_store(generator, opened, missing_jobs(opened, jobs)))
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    return BatchOutcome(len(jobs) - len(failures), failures, remarks_of(generator), name_worker())
