"""Clips from a diffusion pipeline: scenarios in, encoded files out; implements ``generators.protocol.Generator``."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from generators.clip_identity import rendered_clip_id
from generators.diffusers_video.cost import estimate_clip
from generators.diffusers_video.devices import choose_devices
from generators.diffusers_video.inputs import SourcePicker, VideoFile, fit_labels, source_identity, source_labels
from generators.diffusers_video.messages import ClipTask, Done, GivenUp, RendererStart, Usage, describe_usage
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.render_plan import VERSION, RenderPlan, make_plan
from generators.diffusers_video.renderer_pool import PoolLimits, RendererPool
from generators.diffusers_video.renderer_process import serve_batches
from generators.protocol import RenderCost, RenderedClip
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Failure, Origin, Scenario
from storage.store import Store
from storage.video import EncodedClip

KIND = "diffusers"


class DiffusersGenerator:
    """Renders with one process a device; the processes live until ``close``."""

    def __init__(
        self,
        options: DiffusersOptions,
        clip: ClipOptions,
        scenarios: Sequence[Scenario],
        store: Store | None = None,
        *,
        serve: Callable[[Any, Any, RendererStart], None] = serve_batches,
    ) -> None:
        """Settle everything that can be settled without loading the model.

        Args:
            options: the recipe's generator.
            clip: the recipe's clip; what it leaves unset is the preset's.
            scenarios: what to render.
            store: keeps prompt embeddings between runs; None: a temporary folder keeps them for this one.
            serve: main function of a renderer process.

        Raises:
            EnvironmentFault: the model, or an input, is not on this machine.
            RecipeError: the model cannot do what the recipe asks.
        """
        self._plan = make_plan(options, clip, locate_model(options))
        self._clip = self._plan.clip(clip)
        self._sources = SourcePicker(options, self._clip)
        self._scenarios = scenarios
        self._options = options
        self._store = store
        self._serve = serve
        self._pool: RendererPool | None = None
        self._own_store: tempfile.TemporaryDirectory[str] | None = None

    @property
    def plan(self) -> RenderPlan:
        """How the recipe was understood; ``plan.notes`` is for the user."""
        return self._plan

    @property
    def clip(self) -> ClipOptions:
        """The clip that will be rendered: sizes and length as the model can."""
        return self._clip

    @property
    def events(self) -> tuple[str, ...]:
        """What happened on the way: steps down the memory ladder, restarts, second seeds."""
        return tuple(self._pool.events) if self._pool else ()

    @property
    def usage(self) -> tuple[Usage, ...]:
        """How busy each device was, so far."""
        return tuple(self._pool.usage.values()) if self._pool else ()

    def remarks(self) -> tuple[str, ...]:
        """How the recipe was understood, what happened while rendering, and how busy each device was."""
        lines = (self._plan.summary(), *self._plan.notes, *self.events)
        return (*lines, *(describe_usage(used) for used in self.usage if used.clips))

    def cost(self) -> RenderCost:
        """Of one clip, from published figures or the model's arithmetic."""
        devices = choose_devices(self._options)
        seconds, memory, basis = estimate_clip(self._plan, devices)
        return RenderCost(self._clip, seconds, len(devices), memory, basis)

    def jobs(self) -> list[ClipJob]:
        """One job a scenario."""
        return [self._job(scenario) for scenario in self._scenarios]

    def render(self, jobs: Sequence[ClipJob], folder: Path) -> Iterator[RenderedClip | Failure]:
        """Render ``jobs``; clips come as they are ready.

        Raises:
            FramefoundryError: the model cannot be loaded.
        """
        if not jobs:
            return
        by_id = {job.clip_id: job for job in jobs}
        for answer in self._renderers().render([self._task(job, folder) for job in jobs]):
            job = by_id[answer.clip_id]
            yield self._fail(answer) if isinstance(answer, GivenUp) else self._finish(job, answer)

    def close(self) -> None:
        """End the renderer processes."""
        if self._pool is not None:
            self._pool.close()
        if self._own_store is not None:
            self._own_store.cleanup()
            self._own_store = None

    def _job(self, scenario: Scenario) -> ClipJob:
        source = self._sources.pick(scenario)
        parameters = {**self._plan.identity(), "source": source_identity(source)}
        if isinstance(source, VideoFile):
            scenario = replace(scenario, attributes={**scenario.attributes, "source": source.path.stem})
        return ClipJob(rendered_clip_id(scenario, KIND, VERSION, parameters, self._clip), scenario)

    def _task(self, job: ClipJob, folder: Path) -> ClipTask:
        return ClipTask(
            job=job,
            path=folder / f"{job.clip_id}.mp4",
            crf=self._clip.crf,
            source=self._sources.pick(job.scenario),
        )

    def _finish(self, job: ClipJob, done: Done) -> RenderedClip:
        plan = self._plan
        origin = Origin(KIND, VERSION, plan.model, plan.revision, plan.licence, notes="; ".join(done.notes))
        return RenderedClip(
            job=replace(job, attempt=done.attempt),
            encoded=done.encoded,
            truth=None,
            origin=origin,
            seconds=done.seconds,
            source_truth=self._source_truth(job.scenario, done.encoded),
        )

    def _source_truth(self, scenario: Scenario, encoded: EncodedClip) -> pa.Table | None:
        """Labels of the source that ``scenario`` was restyled from; None where nobody knows them."""
        if self._options.source != "procedural":
            return None
        return fit_labels(source_labels(scenario, self._clip), self._clip, encoded)

    def _fail(self, answer: GivenUp) -> Failure:
        return Failure(answer.clip_id, "render", answer.reason, answer.detail)

    def _renderers(self) -> RendererPool:
        if self._pool is None:
            options, plan = self._options, self._plan
            left = options.labelling_memory_gb if options.labelling == "share" else 0.0
            starts = [
                RendererStart(device, self._embedding_store(), self._prompts(), left)
                for device in choose_devices(options)
            ]
            limits = PoolLimits(options.timeout_seconds, options.load_timeout_seconds, plan.settings.batch)
            self._pool = RendererPool(self._serve, plan, starts, limits)
        return self._pool

    def _prompts(self) -> tuple[str, ...]:
        negatives = [scenario.negative_prompt for scenario in self._scenarios] if self._plan.guided else []
        return tuple(dict.fromkeys([*(scenario.prompt for scenario in self._scenarios), *negatives]))

    def _embedding_store(self) -> str:
        if self._store is not None:
            return self._store.location
        if self._own_store is None:
            self._own_store = tempfile.TemporaryDirectory(prefix="framefoundry-embeddings-")
        return str(Path(self._own_store.name) / "store")
