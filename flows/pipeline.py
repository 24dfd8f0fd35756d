"""The main job: what runs when. Every other flow that makes a dataset goes through here."""

from collections.abc import Sequence

from annotators.label_keys import group_sequences
from flows.device_plan import renderer_stays, with_labelling_device
from flows.labelling import Labelled, label_clips
from flows.publishing import Published, publish_version
from flows.rendering import Rendered, render_clips
from flows.residents import release, resident_annotator, resident_embedder, resident_generator
from flows.run_page import show_run
from flows.stopwatch import Stopwatch
from generators.protocol import remarks_of
from schemas.recipe import Recipe
from schemas.records import ClipJob, ClipRecord
from schemas.run_report import RunReport, refuse_empty, tally
from storage.clips import find_clip
from storage.locks import hold
from storage.store import Store


def run_pipeline(recipe: Recipe, store: Store) -> RunReport:
    """Render, label, curate and publish ``recipe``; called from a flow's body.

    Raises:
        BusyError: this recipe is being run on this store by another process.
        EmptyResultError: nothing was rendered, or nothing was accepted; no version was published.
        FramefoundryError: the recipe cannot be carried out here; nothing was done.
    """
    watch = Stopwatch()
    recipe = with_labelling_device(recipe)
    with hold(store, f"recipe-{recipe.name}"):
        try:
            with watch.stage("plan"):
                resident_annotator(recipe, store)  # missing weights are refused before any work
                resident_embedder(recipe, store)
                jobs = resident_generator(recipe, store).jobs()
            with watch.stage("render"):
                rendered = render_clips(recipe, store, jobs)
                remarks = remarks_of(resident_generator(recipe, store))
                if not renderer_stays(recipe):
                    release("generator")
            records = stored_clips(store, jobs)
            refuse_empty("render", len(records), rendered.failures)
            with watch.stage("label"):
                labelled = label_clips(recipe, store, group_sequences(records))
            usable = without_failures(records, labelled)
            refuse_empty("label", len(usable), labelled.failures)
            published = publish_version(recipe, store, group_sequences(usable), watch)
        finally:
            release("generator")
            release("annotator")
            release("embedder")
    report = _report(recipe, jobs, records, rendered, labelled, published, watch, remarks)
    show_run(report)
    return report


def stored_clips(store: Store, jobs: Sequence[ClipJob]) -> list[ClipRecord]:
    """Records of the jobs whose clips are in the store, in the order of the jobs."""
    found = (find_clip(store, job.clip_id) for job in jobs)
    return [record for record in found if record is not None]


def without_failures(records: Sequence[ClipRecord], labelled: Labelled) -> list[ClipRecord]:
    """The records whose labelling did not fail."""
    failed = {failure.clip_id for failure in labelled.failures}
    return [record for record in records if record.clip_id not in failed]


def _report(
    recipe: Recipe,
    jobs: Sequence[ClipJob],
    records: Sequence[ClipRecord],
    rendered: Rendered,
    labelled: Labelled,
    published: Published,
    watch: Stopwatch,
    remarks: Sequence[str],
) -> RunReport:
    seconds = watch.seconds
    failures = [*rendered.failures, *labelled.failures]
    return RunReport(
        recipe=recipe.name,
        scenarios=len({job.scenario.scenario_id for job in jobs}),
        clips=len(records),
        frames=sum(record.frames for record in records),
        render=tally(rendered.done, rendered.reused, rendered.failures, seconds["render"]),
        label=tally(labelled.done, labelled.reused, labelled.failures, seconds["label"]),
        failures=[f"{f.stage} {f.clip_id}: {f.reason}: {f.detail}" for f in failures],
        seconds=dict(seconds),
        remarks=list(remarks),
        **published.model_dump(),
    )
