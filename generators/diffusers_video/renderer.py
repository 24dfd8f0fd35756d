"""One loaded model on one device: batches of clips in, finished files out, decoding and encoding in a thread beside."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from generators.diffusers_video.decoding import SpoiledClipError, decode_clip
from generators.diffusers_video.denoising import Denoised, Denoiser
from generators.diffusers_video.loading import load_renderer, place
from generators.diffusers_video.memory_ladder import MemoryLadder, Work, is_out_of_memory
from generators.diffusers_video.messages import Answer, ClipTask, Done, Event, GivenUp, Spoiled
from generators.diffusers_video.prompt_embeddings import PromptEmbeddings, free_memory
from generators.diffusers_video.render_plan import RenderPlan
from generators.diffusers_video.tiling import enable_tiling, tiles_engage
from generators.diffusers_video.usage_meter import UsageMeter
from schemas.errors import FramefoundryError
from storage.video import write_clip


class Renderer:
    """Renders batches; every clip ends in exactly one ``Done``, ``Spoiled`` or ``GivenUp`` passed to ``tell``."""

    def __init__(
        self,
        plan: RenderPlan,
        device: str,
        embeddings: PromptEmbeddings | None,
        tell: Callable[[Answer], None],
        stopped: Callable[[], bool] = lambda: False,
        crashed: Callable[[], None] = lambda: None,
    ) -> None:
        """Load the model.

        ``stopped`` is asked after each step; ``crashed`` is called when the thread that finishes clips cannot go on.

        Raises:
            EnvironmentFault: see ``loading.load_renderer``.
        """
        self._plan = plan
        self._device = device
        self._tell = tell
        self._stopped = stopped
        self._crashed = crashed
        self._pipe = load_renderer(plan, device)
        self._meter = UsageMeter(device, self._pipe)
        self._denoiser = Denoiser(self._pipe, plan, device, embeddings, stopped)
        tiles = tiles_engage(self._pipe, plan.width, plan.height)
        self._ladder = MemoryLadder(plan.settings, can_offload=device != "cpu", can_tile=tiles)
        self._device_lock = threading.Lock()  # held while denoising; a decoder that lacks memory waits for it
        self._denoised: queue.Queue[Denoised | None] = queue.Queue(maxsize=1)
        self._finisher = threading.Thread(target=self._finish_all, name="finish-clips", daemon=True)
        self._crash: BaseException | None = None
        self._finisher.start()

    @property
    def ladder(self) -> MemoryLadder:
        """What was given up for want of memory."""
        return self._ladder

    def render(self, tasks: Sequence[ClipTask]) -> None:
        """Denoise ``tasks``; returns when the device is free for more, while the last are still being written."""
        groups = deque([list(tasks)])
        while groups and not self._stopped():
            self._raise_crash()
            group = groups.popleft()
            size = self._ladder.footing.batch
            if len(group) > size:
                groups.extendleft([group[size:], group[:size]])
                continue
            if not self._denoise(group):
                groups.appendleft(group)

    def drain(self) -> None:
        """Wait until every clip handed over so far is written."""
        self._denoised.join()
        self._raise_crash()

    def close(self) -> None:
        """Write what is pending, and end the thread."""
        self._denoised.put(None)
        self._finisher.join()

    def _denoise(self, group: list[ClipTask]) -> bool:
        """Denoise ``group`` and pass it on; False when it is to be tried again on a lower footing."""
        failure = ""
        try:
            with self._device_lock:
                batch = self._denoiser.denoise(group, self._ladder.footing.batch)
        except FramefoundryError as fault:
            self._give_up(group, "bad_input", str(fault))
            return True
        except Exception as fault:
            if not is_out_of_memory(fault):
                if _device_is_lost(fault):
                    raise
                self._give_up(group, "render_error", f"{type(fault).__name__}: {fault}")
                return True
            failure = _one_line(fault)
        # Outside the handler: the exception holds on to tensors.
        if failure:
            return self._step_down("denoise", group, failure)
        self._meter.add("denoise", batch.started, batch.ended)
        if self._ladder.footing.overlap:
            self._denoised.put(batch)
        else:
            self._denoised.join()
            self._finish(batch)
        return True

    def _step_down(self, work: Work, group: list[ClipTask], failure: str) -> bool:
        """Take a rung of the ladder; True when there was none and the clips are given up."""
        if threading.current_thread() is not self._finisher:
            self._denoised.join()  # nothing may be decoding while parts of the pipeline change or move
        with self._device_lock:
            name = self._ladder.step_down(work, len(group))
            self._apply(name)
        if name is None:
            self._give_up(group, "out_of_memory", f"while it tried to {work}, with nothing left to give up: {failure}")
            return True
        self._tell(Event(f"{self._device}: out of memory ({work}, {len(group)} clips together): now {name}"))
        return False

    def _apply(self, rung: str | None) -> None:
        free_memory()
        if rung == "vae tiling":
            enable_tiling(self._pipe)
        elif rung == "offload model":
            place(self._pipe, "model", self._device)

    def _finish_all(self) -> None:
        while (batch := self._denoised.get()) is not None:
            try:
                self._finish(batch)
            except BaseException as fault:  # carried to the thread that feeds us
                self._crash = fault
                self._crashed()
            finally:
                self._denoised.task_done()

    def _finish(self, batch: Denoised) -> None:
        share = batch.seconds / len(batch.tasks)
        for index, task in enumerate(batch.tasks):
            if batch.spoiled_at[index] >= 0:
                self._tell(Spoiled(task.clip_id, "not_finite", f"NaN or infinity at step {batch.spoiled_at[index]}"))
            elif batch.decode is not None:
                self._finish_clip(task, batch, index, share)

    def _finish_clip(self, task: ClipTask, batch: Denoised, index: int, denoise_seconds: float) -> None:
        assert batch.decode is not None
        call = batch.decode.of_clip(index, batch.rows)
        started = time.perf_counter()
        try:
            frames = self._decode(task, call)
            if frames is None:
                return
            decoded = time.perf_counter()
            self._meter.add("decode", started, decoded)
            encoded = write_clip(task.path, iter(frames), self._plan.fps, crf=task.crf)
        except SpoiledClipError as spoiled:
            self._tell(Spoiled(task.clip_id, spoiled.reason, spoiled.detail))
            return
        except FramefoundryError as fault:
            self._give_up([task], "unwritten", str(fault))
            return
        except Exception as fault:
            if _device_is_lost(fault):
                raise
            self._give_up([task], "render_error", f"{type(fault).__name__}: {fault}")
            return
        ended = time.perf_counter()
        self._meter.add("encode", decoded, ended)
        self._meter.add_clip()
        self._tell(self._meter.usage())  # before the last answer, after which nobody may listen
        self._tell(Done(task.clip_id, task.job.attempt, encoded, denoise_seconds + ended - started, self._ladder.taken))

    def _decode(self, task: ClipTask, call: Any) -> Any:
        """Frames of one clip; None when it was given up. On want of memory: again, alone on the device."""
        alone = False
        while True:
            failure = ""
            try:
                return self._decode_once(call, alone=alone)
            except Exception as fault:
                if not is_out_of_memory(fault):
                    raise
                failure = _one_line(fault)
            if self._step_down("decode", [task], failure):
                return None
            alone = True

    def _decode_once(self, call: Any, *, alone: bool) -> Any:
        if alone and threading.current_thread() is self._finisher:
            with self._device_lock:
                free_memory()
                return decode_clip(self._pipe, self._denoiser.vae, call)
        return decode_clip(self._pipe, self._denoiser.vae, call)

    def _give_up(self, tasks: Sequence[ClipTask], reason: str, detail: str) -> None:
        for task in tasks:
            self._tell(GivenUp(task.clip_id, reason, detail))

    def _raise_crash(self) -> None:
        if self._crash is not None:
            raise self._crash


def _device_is_lost(fault: BaseException) -> bool:
    """Whether the process can no longer use its device: after such a fault every call fails; a new process is due."""
    return isinstance(fault, RuntimeError) and any(sign in str(fault) for sign in ("CUDA error", "cuBLAS", "CUDNN"))


def _one_line(fault: BaseException) -> str:
    return str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
