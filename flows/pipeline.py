"""The main job: what runs when. Every other flow that makes a dataset goes through here."""

from collections.abc import Sequence
from dataclasses import replace

from annotators.label_keys import group_sequences
from flows.budget import Budget, refuse_unlabelled
from flows.device_limits import DeviceUse, devices_of
from flows.device_plan import with_labelling_device
from flows.events import tell_of_run
from flows.outcome_table import OutcomeTable
from flows.production import Produced, make_labelled_clips
from flows.publishing import Published, publish_version
from flows.residents import release, resident_annotator, resident_embedder, resident_generator
from flows.run_page import show_run
from flows.runner_choice import RunnerName, check_runner
from flows.runners import open_launcher
from flows.stopwatch import Stopwatch
from publishers.frame_images import asked_images
from schemas.recipe import Recipe
from schemas.records import ClipJob
from schemas.run_report import RunReport, refuse_empty
from storage.locks import hold
from storage.store import Store


def run_pipeline(recipe: Recipe, store: Store, runner: RunnerName = "threads", workers: int | None = None) -> RunReport:
    """Render, label, curate and publish ``recipe``; called from a flow's body.

    Args:
        recipe: what.
        store: where.
        runner, workers: who carries out the batches; see :func:`flows.runners.open_launcher`.

    Raises:
        BusyError: this recipe is being run on this store by another process.
        EmptyResultError: nothing was rendered, or nothing was accepted; no version was published.
        FramefoundryError: the recipe cannot be carried out here; nothing was done.
    """
    check_runner(runner, workers)
    watch = Stopwatch()
    recipe = with_labelling_device(recipe)
    with hold(store, f"recipe-{recipe.name}"):
        try:
            with watch.stage("plan"):
                resident_annotator(recipe, store)  # missing weights are refused before any work
                resident_embedder(recipe, store)
                jobs = resident_generator(recipe, store).jobs()
            outcomes = OutcomeTable(recipe.name)
            budget = Budget(recipe.budget, DeviceUse(devices_of(recipe), exclusive=runner == "threads"))
            with watch.stage("produce"), open_launcher(runner, workers, outcomes) as launcher:
                produced = make_labelled_clips(
                    recipe, store, jobs, images=wants_images_early(recipe), launcher=replace(launcher, budget=budget)
                )
            outcomes.show(outcomes.rows())
            refuse_empty("render", len(produced.records), produced.render.failures)
            refuse_empty("label", len(produced.labelled), produced.label.failures)
            spending = budget.spent(produced.frames_made, produced.clips_left)
            refuse_unlabelled(len(produced.labelled), spending)
            published = publish_version(recipe, store, group_sequences(produced.labelled), watch, spending)
        finally:
            release("generator")
            release("annotator")
            release("embedder")
    report = _report(recipe, jobs, produced, published, watch)
    show_run(report, outcomes)
    tell_of_run(report, recipe)
    return report


def wants_images_early(recipe: Recipe) -> bool:
    """Whether to make frame images before curation: not where it leaves good clips out, or nothing shows images."""
    chooses = recipe.curation.quota is not None or recipe.curation.near_duplicates is not None
    return bool(asked_images(recipe.publish)) and not chooses


def _report(
    recipe: Recipe, jobs: Sequence[ClipJob], produced: Produced, published: Published, watch: Stopwatch
) -> RunReport:
    failures = [*produced.render.failures, *produced.label.failures]
    return RunReport(
        recipe=recipe.name,
        scenarios=len({job.scenario.scenario_id for job in jobs}),
        clips=len(produced.records),
        frames=sum(record.frames for record in produced.records),
        render=produced.render.tally,
        label=produced.label.tally,
        failures=[f"{f.stage} {f.clip_id}: {f.reason}: {f.detail}" for f in failures],
        seconds=watch.seconds,
        busy=produced.busy_shares(watch.seconds["produce"]),
        remarks=produced.remarks,
        **published.model_dump(),
    )
