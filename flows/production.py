"""From jobs to labelled clips: rendering, labelling and preparing images at the same time, batch by batch.

Only what needs all clips, curation and the version itself, comes afterwards.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from annotators.label_keys import group_sequences
from annotators.labelling import ClipSequence, find_labelled, is_labelled
from flows.batches import LARGEST
from flows.budget import Budget
from flows.device_plan import labels_beside_rendering, renderer_stays
from flows.imaging import images_batch
from flows.labelling import label_batch
from flows.lanes import Advancing, BatchOutcome, Lane, run_lanes
from flows.progress import StageProgress
from flows.rendering import render_batch
from flows.residents import release, resident_annotator, resident_embedder
from generators.rendering import missing_jobs
from schemas.recipe import Recipe
from schemas.records import ClipJob, ClipRecord, Failure
from schemas.run_report import StageTally, tally
from storage.clip_table import sequence_of
from storage.clips import find_clips
from storage.store import Store

MAX_AHEAD = 4 * LARGEST
"""Rendering waits while this many clips are rendered and not yet labelled: a failing label stage is seen early."""


@dataclass(frozen=True)
class StageAccount:
    """What one stage did.

    Attributes:
        tally: outcomes of its clips, and its wall time.
        busy_seconds: wall time in which it was at work; the rest it waited for another stage.
        failures: clip by clip.
    """

    tally: StageTally
    busy_seconds: float
    failures: list[Failure]


@dataclass(frozen=True)
class Produced:
    """Labelled clips, and how they came to be.

    Attributes:
        records: clips of the recipe that are in the store, in the order of the jobs.
        render, label, images: what each stage did.
        remarks: what the generator did differently from plan.
        unlabelled: clips among the records that the budget did not suffice to label.
        clips_left: of the jobs, for which it did not suffice; these among them.
    """

    records: list[ClipRecord]
    render: StageAccount
    label: StageAccount
    images: StageAccount
    remarks: list[str]
    unlabelled: frozenset[str] = frozenset()
    clips_left: int = 0

    @property
    def labelled(self) -> list[ClipRecord]:
        """The records whose labelling neither failed nor was left."""
        without = {failure.clip_id for failure in self.label.failures} | self.unlabelled
        return [record for record in self.records if record.clip_id not in without]

    @property
    def frames_made(self) -> int:
        """Frames of the clips that were rendered or labelled now, by the mean length of all."""
        made = max(self.render.tally.done, self.label.tally.done)
        return round(made * sum(record.frames for record in self.records) / max(len(self.records), 1))

    def busy_shares(self, seconds: float) -> dict[str, float]:
        """Stage -> share of ``seconds``, the time of all three together, in which it was at work."""
        stages = {"render": self.render, "label": self.label, "images": self.images}
        return {name: round(min(1.0, stage.busy_seconds / max(seconds, 1e-9)), 3) for name, stage in stages.items()}


class Outcomes(Protocol):
    """Keeps count of what becomes of clips."""

    def expect(self, stage: str, clips: int, reused: int) -> None:
        """``clips`` are about to pass ``stage``; ``reused`` had passed it in an earlier run."""

    def count(self, stage: str, outcome: BatchOutcome) -> None:
        """A batch of ``stage`` has ended."""


@dataclass(frozen=True)
class Launcher:
    """How batches are put to work.

    Attributes:
        submit: takes a Prefect task and its arguments, returns a future of its result.
        progress: takes a stage and its count of clips, returns what is told of batches that have ended.
        outcomes: told what becomes of the clips; None: nobody asks before the end.
        budget: holds the devices, and says when nothing more may be begun; None: neither.
        width: batches of one stage that are at work at the same time.
        pack: takes the recipe and the store, returns the recipe as tasks are to have it.
    """

    submit: Callable[..., Any] = lambda work, *arguments: work.submit(*arguments)
    progress: Callable[[str, int], Advancing | None] = StageProgress
    outcomes: Outcomes | None = None
    budget: Budget | None = None
    width: int = 1
    pack: Callable[[Recipe, Store], Recipe] = lambda recipe, store: recipe


def make_labelled_clips(
    recipe: Recipe, store: Store, jobs: Sequence[ClipJob], *, images: bool = True, launcher: Launcher = Launcher()
) -> Produced:
    """Render and label ``jobs``; what is in the store is reused. Called from a flow's body.

    Args:
        recipe: how.
        store: where.
        jobs: which clips.
        images: whether to prepare the frame images that ``recipe.publish`` will ask for.
        launcher: through Prefect, unless something else is wanted of the same stages.
    """
    return _Production(recipe, store, jobs, images, launcher).run()


def stored_clips(store: Store, jobs: Sequence[ClipJob]) -> list[ClipRecord]:
    """Records of the jobs whose clips are in the store, in the order of the jobs."""
    return find_clips(store, [job.clip_id for job in jobs])


class _Production:
    """One call of :func:`make_labelled_clips`: the three lanes, and what goes from one to the next."""

    def __init__(self, recipe: Recipe, store: Store, jobs: Sequence[ClipJob], images: bool, launcher: Launcher) -> None:
        self._recipe, self._store, self._jobs = recipe, store, jobs
        self._with_images, self._launcher = images, launcher
        self._is_stopped = False
        self._packed = launcher.pack(recipe, store)
        self._remarks: dict[str, tuple[str, ...]] = {}
        self._jobs_of: dict[str, list[ClipJob]] = {}
        for job in jobs:
            self._jobs_of.setdefault(sequence_of(job), []).append(job)
        unrendered = missing_jobs(store, jobs)
        self._unrendered = Counter(map(sequence_of, unrendered))
        whole = self._stored_sequences(name for name in self._jobs_of if name not in self._unrendered)
        annotator, embedder = resident_annotator(recipe, store), resident_embedder(recipe, store)
        unlabelled = [sequence for sequence in whole if not is_labelled(store, annotator, sequence, embedder)]
        to_label = sum(map(len, unlabelled)) + sum(len(self._jobs_of[name]) for name in self._unrendered)
        self._rendered_before = len(jobs) - len(unrendered)
        self._labelled_before = len(jobs) - to_label
        if launcher.outcomes is not None:
            launcher.outcomes.expect("render", len(unrendered), self._rendered_before)
            launcher.outcomes.expect("label", to_label, self._labelled_before)
        self._render: Lane[ClipJob] = self._lane("render", render_batch, len(unrendered), len(unrendered))
        sequences = len(unlabelled) + len(self._unrendered)
        self._label: Lane[ClipSequence] = self._lane("label", label_batch, to_label, sequences, len)
        self._images: Lane[ClipRecord] = self._lane("images", images_batch, to_label * images, to_label)
        self._render.add(unrendered)
        self._label.add(unlabelled)

    def run(self) -> Produced:
        lanes: list[Lane[Any]] = [self._render, self._label, self._images]
        budget = None if all(lane.is_idle for lane in lanes) else self._launcher.budget
        with budget.use.held() if budget else nullcontext():
            run_lanes(
                lanes,
                may_start=self._may_start,
                nothing_more_for=self._nothing_more_for,
                on_batch=self._pass_on,
            )
        records = stored_clips(self._store, self._jobs)
        unlabelled = self._find_unlabelled(records) if self._is_stopped else frozenset()
        failed = len(self._render.failures)
        return Produced(
            records=records,
            unlabelled=unlabelled,
            clips_left=len(self._jobs) - len(records) - failed + len(unlabelled) if self._is_stopped else 0,
            render=_account(self._render, self._rendered_before),
            label=_account(self._label, self._labelled_before),
            images=_account(self._images, 0),
            remarks=list(dict.fromkeys(remark for told in self._remarks.values() for remark in told)),
        )

    def _lane(
        self, stage: str, work: Any, clips: int, items: int, clips_of: Callable[[Any], int] = lambda item: 1
    ) -> Lane[Any]:
        where = self._store.location
        return Lane(
            stage,
            lambda batch, label: self._launcher.submit(work, self._packed, where, batch, label),
            items=items,
            progress=self._launcher.progress(stage, clips) if clips else None,
            width=self._launcher.width,
            clips_of=clips_of,
        )

    def _may_start(self, lane: Lane[Any]) -> bool:
        if lane is self._render:
            return not self._is_ahead
        if lane is self._label:
            return self._render.is_idle or labels_beside_rendering(self._recipe)
        return True

    def _nothing_more_for(self, lane: Lane[Any]) -> bool:
        if lane is self._render:
            return True
        if lane is self._label:
            return self._render.is_idle or self._is_ahead
        return self._render.is_idle and self._label.is_idle

    @property
    def _is_ahead(self) -> bool:
        """Whether rendering has run so far ahead that it waits for labelling."""
        return labels_beside_rendering(self._recipe) and self._label.waiting >= MAX_AHEAD

    def _pass_on(self, lane: Lane[Any], batch: list[Any], outcome: BatchOutcome) -> None:
        """Give the next lane what a batch has made ready for it."""
        if self._launcher.outcomes is not None and lane is not self._images:
            self._launcher.outcomes.count(lane.stage, outcome)
        if lane is self._render:
            self._remarks[outcome.worker] = outcome.remarks  # each worker's last ones tell of all that it did
            self._label.add(self._sequences_completed_by(batch))
            if lane.is_idle and not renderer_stays(self._recipe):
                release("generator")
        elif lane is self._label and self._with_images:
            failed = {failure.clip_id for failure in outcome.failures}
            self._images.add(record for sequence in batch for record in sequence if record.clip_id not in failed)
        if self._launcher.budget is not None and self._launcher.budget.is_spent:
            self._stop()

    def _stop(self) -> None:
        """Begin nothing more that takes the devices, so that what is done can be published.

        Where clips are labelled only after all were rendered, and where none is labelled yet, labelling goes on: clips
        without labels are worth nothing.
        """
        if self._render.waiting:
            self._is_stopped = True
            self._render.abandon()
        if self._label.waiting and labels_beside_rendering(self._recipe) and self._label.done + self._labelled_before:
            self._is_stopped = True
            self._label.abandon()

    def _find_unlabelled(self, records: Sequence[ClipRecord]) -> frozenset[str]:
        """The clips among ``records`` that have no labels, and no failure either."""
        annotator = resident_annotator(self._recipe, self._store)
        embedder = resident_embedder(self._recipe, self._store)
        labelled = find_labelled(self._store, annotator, group_sequences(records), embedder)
        have = {record.clip_id for sequence in labelled for record in sequence}
        failed = {failure.clip_id for failure in self._label.failures}
        return frozenset(record.clip_id for record in records) - have - failed

    def _sequences_completed_by(self, jobs: list[ClipJob]) -> list[ClipSequence]:
        """Sequences of which every clip has been answered for, now that ``jobs`` have; failed clips are left out."""
        complete = []
        for job in jobs:
            name = sequence_of(job)
            self._unrendered[name] -= 1
            if not self._unrendered[name]:
                complete.append(name)
        return self._stored_sequences(complete)

    def _stored_sequences(self, names: Iterable[str]) -> list[ClipSequence]:
        return [
            sequence for name in names for sequence in group_sequences(stored_clips(self._store, self._jobs_of[name]))
        ]


def _account(lane: Lane[Any], reused: int) -> StageAccount:
    return StageAccount(
        tally(lane.done, reused, lane.failures, lane.wall_seconds), round(lane.busy_seconds, 2), lane.failures
    )
