"""Clips of procedural street scenes: scenarios in, encoded files with exact truth out, several processes at once."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa

from generators.clip_identity import attempt_seed, rendered_clip_id
from generators.procedural import render, scene
from generators.protocol import RenderedClip
from schemas.errors import FramefoundryError
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Failure, Origin, Scenario
from schemas.tables import TRUTH, table_from_columns
from storage.cores import usable_cores
from storage.processes import end_with_parent
from storage.video import write_clip

KIND = "procedural"
LICENCE = "CC0-1.0"


class ProceduralGenerator:
    """Renders on the CPU, one single-threaded process a core; implements ``generators.protocol.Generator``."""

    def __init__(self, scenarios: Sequence[Scenario], clip: ClipOptions, workers: int | None = None) -> None:
        self._scenarios = scenarios
        self._clip = clip
        self._workers = workers or usable_cores()
        self._pool: ProcessPoolExecutor | None = None

    def jobs(self) -> list[ClipJob]:
        """One job a scenario."""
        return [
            ClipJob(rendered_clip_id(scenario, KIND, scene.VERSION, {}, self._clip), scenario)
            for scenario in self._scenarios
        ]

    def render(self, jobs: Sequence[ClipJob], folder: Path) -> Iterator[RenderedClip | Failure]:
        """Render ``jobs``, each in one process; clips come as they are ready."""
        if self._workers == 1 or len(jobs) == 1:
            yield from (_render_or_fail(job, self._clip, folder) for job in jobs)
            return
        futures: list[Future[RenderedClip | Failure]] = []
        try:
            futures = [self._processes().submit(_render_or_fail, job, self._clip, folder) for job in jobs]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            self.close()  # a killed process leaves the pool unusable; the next call starts a new one
            raise
        finally:
            for future in futures:
                future.cancel()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned, not forked: a fork would copy the locks of whatever threads run here.
            self._pool = ProcessPoolExecutor(self._workers, get_context("spawn"), initializer=end_with_parent)
        return self._pool


def _render_or_fail(job: ClipJob, clip: ClipOptions, folder: Path) -> RenderedClip | Failure:
    try:
        return render_clip(job, clip, folder)
    except FramefoundryError as fault:
        return Failure(job.clip_id, "render", type(fault).__name__, str(fault))


def render_clip(job: ClipJob, clip: ClipOptions, folder: Path) -> RenderedClip:
    """Render and encode one scene, gathering its truth on the way.

    Raises:
        RecipeError: the scenario promises a class that the renderer cannot draw.
        StoreError: the file could not be written.
    """
    started = time.perf_counter()
    request = scene.SceneRequest(
        attributes=job.scenario.attributes,
        objects=job.scenario.objects,
        seed=attempt_seed(job.scenario, job.attempt),
        frames=clip.frames,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
    )
    truth: list[scene.TruthObjects] = []

    def images() -> Iterator[np.ndarray]:
        for frame in render.render_scene(request):
            truth.append(frame.objects)
            yield frame.image

    encoded = write_clip(folder / f"{job.clip_id}.mp4", images(), clip.fps, crf=clip.crf)
    seconds = time.perf_counter() - started
    origin = Origin(KIND, scene.VERSION, licence=LICENCE)
    return RenderedClip(job, encoded, truth_table(truth), origin, seconds)


def truth_table(frames: Sequence[scene.TruthObjects]) -> pa.Table:
    """The ``TRUTH`` table of a clip from its frames' objects, in frame order."""
    boxes = np.concatenate([objects.box for objects in frames]).reshape(-1, 4)
    full = np.concatenate([objects.full_box for objects in frames]).reshape(-1, 4)
    return table_from_columns(
        TRUTH,
        {
            "frame": np.repeat(np.arange(len(frames), dtype=np.int32), [len(objects.track) for objects in frames]),
            "track": np.concatenate([objects.track for objects in frames]),
            "class_name": [str(name) for objects in frames for name in objects.class_name],
            **{name: boxes[:, i] for i, name in enumerate(("x", "y", "w", "h"))},
            **{name: full[:, i] for i, name in enumerate(("full_x", "full_y", "full_w", "full_h"))},
            "visibility": np.concatenate([objects.visibility for objects in frames]),
            "difficult": np.concatenate([objects.difficult for objects in frames]),
        },
    )
