"""The label stage as Prefect tasks: one task a batch of sequences."""

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed

from annotators.labelling import ClipSequence, is_labelled, label_sequences
from flows.batches import batched, worth_retrying
from flows.progress import StageProgress
from flows.residents import resident_annotator, resident_embedder
from schemas.recipe import Recipe
from schemas.records import Failure
from storage.store import Store


@dataclass(frozen=True)
class Labelled:
    """What the label stage did, in clips: labelled now, found labelled, failed."""

    done: int
    reused: int
    failures: list[Failure]


def label_clips(recipe: Recipe, store: Store, sequences: Sequence[ClipSequence]) -> Labelled:
    """Bring the labels of every sequence into the store; called from a flow's body."""
    annotator = resident_annotator(recipe, store)
    embedder = resident_embedder(recipe, store)
    missing = [sequence for sequence in sequences if not is_labelled(store, annotator, sequence, embedder)]
    found, clips = (sum(len(sequence) for sequence in group) for group in (sequences, missing))
    if not missing:
        return Labelled(0, found, [])
    progress = StageProgress("label", clips)
    failures: list[Failure] = []
    futures = [label_batch.submit(recipe, str(store.root), batch, label) for label, batch in batched(missing)]
    for future in as_completed(futures):
        outcome = future.result()
        failures += outcome.failures
        progress.advance(outcome.done + len(outcome.failures))
    return Labelled(clips - len(failures), found - clips, failures)


@task(
    name="label-batch",
    task_run_name="label sequences {label}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=1,
    retry_delay_seconds=2,
    retry_condition_fn=worth_retrying,
)
def label_batch(recipe: Recipe, store: str, sequences: list[ClipSequence], label: str) -> Labelled:
    """Label one batch; clips that a killed attempt had committed are not labelled again."""
    opened = Store.open(store)
    embedder = resident_embedder(recipe, opened)
    answers = list(label_sequences(resident_annotator(recipe, opened), opened, sequences, embedder))
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    return Labelled(len(answers) - len(failures), 0, failures)
