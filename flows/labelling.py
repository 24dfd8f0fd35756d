"""The label stage as a Prefect task: one task a batch of sequences."""

from annotators.labelling import ClipSequence, label_sequences
from flows.batches import batch_task
from flows.inputs import unpack_inputs
from flows.lanes import BatchOutcome
from flows.residents import resident_annotator, resident_embedder
from schemas.recipe import Recipe
from schemas.records import Failure
from storage.store import Store


@batch_task(name="label-batch", task_run_name="label sequences {label}")
def label_batch(recipe: Recipe, store: str, sequences: list[ClipSequence], label: str) -> BatchOutcome:
    """Label one batch; clips that a killed attempt had committed are not labelled again."""
    opened = Store.open(store)
    local = unpack_inputs(recipe, opened)
    embedder = resident_embedder(local, opened)
    answers = list(label_sequences(resident_annotator(local, opened), opened, sequences, embedder))
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    return BatchOutcome(len(answers) - len(failures), failures)
