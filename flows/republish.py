"""The flow `republish`: a new dataset version from stored scores; nothing is rendered, nothing is labelled."""

from pathlib import Path

from prefect import flow
from prefect.runtime import flow_run

from annotators.label_keys import group_sequences
from annotators.labelling import find_labelled
from flows.batches import one_batch_a_stage
from flows.cancellation import settle_cancellation
from flows.events import tell_of_run
from flows.production import stored_clips
from flows.publishing import publish_version
from flows.reaper import claim_run
from flows.residents import release, resident_annotator, resident_embedder, resident_generator
from flows.run_names import name_recipe_run
from flows.run_page import show_run
from flows.stopwatch import Stopwatch
from schemas.errors import EmptyResultError
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.run_report import RunReport, StageTally
from storage.locks import hold
from storage.recipes import read_recipe
from storage.store import Store


def _run_name() -> str:
    return name_recipe_run("republish", flow_run.parameters)


@flow(
    name="republish",
    flow_run_name=_run_name,
    task_runner=one_batch_a_stage(),
    persist_result=False,
    on_running=[claim_run],
    on_crashed=[settle_cancellation],
)
def republish(
    recipe: str, store: str | None = None, accept: float | None = None, ignore: float | None = None
) -> RunReport:
    """Publish a recipe again with other thresholds, from the labels that are in the store.

    Args:
        recipe: path of the recipe (YAML).
        store: the store's folder; default: ``$FRAMEFOUNDRY_STORE``, else ``foundry/``.
        accept: instead of ``curation.accept``.
        ignore: instead of ``curation.ignore``.

    Raises:
        EmptyResultError: the recipe has not been run on this store, or nothing is accepted.
    """
    asked = with_thresholds(read_recipe(Path(recipe)), accept, ignore)
    opened, watch = Store.open(store), Stopwatch()
    with hold(opened, f"recipe-{asked.name}"):
        try:
            with watch.stage("plan"):
                jobs = resident_generator(asked, opened).jobs()
                records = stored_clips(opened, jobs)
                annotator = resident_annotator(asked, opened)
                embedder = resident_embedder(asked, opened)
                labelled = find_labelled(opened, annotator, group_sequences(records), embedder)
            if not labelled:
                raise EmptyResultError(
                    f"{asked.name}: no labelled clips of this recipe are in {opened.location}.",
                    f"Run `framefoundry run {recipe}` first.",
                )
            published = publish_version(asked, opened, labelled, watch)
        finally:
            release("generator")
            release("annotator")
            release("embedder")
    clips = [record for sequence in labelled for record in sequence]
    report = RunReport(
        recipe=asked.name,
        scenarios=len({record.scenario.scenario_id for record in clips}),
        clips=len(clips),
        frames=sum(record.frames for record in clips),
        render=StageTally(reused=len(clips)),
        label=StageTally(reused=len(clips)),
        seconds=watch.seconds,
        missing_clips=len(jobs) - len(clips),
        **published.model_dump(),
    )
    show_run(report)
    tell_of_run(report, asked)
    return report


def with_thresholds(recipe: Recipe, accept: float | None, ignore: float | None) -> Recipe:
    """``recipe`` with other curation thresholds, validated again.

    Raises:
        RecipeError: out of range, or ignore above accept.
    """
    # What the recipe left unset stays unset: some defaults come from the generator's preset.
    data = recipe.model_dump(mode="json", exclude_unset=True)
    # Reading a recipe may set an annotator's weights and nothing else; whole, it says its kind too.
    data["annotator"] = recipe.annotator.model_dump(mode="json")
    given = {"accept": accept, "ignore": ignore}
    data["curation"] = recipe.curation.model_dump(mode="json") | {
        name: value for name, value in given.items() if value is not None
    }
    if ignore is None:
        data["curation"]["ignore"] = min(data["curation"]["ignore"], data["curation"]["accept"])
    return validate_recipe(data, where=f"{recipe.name} with {given}")
