"""From prompts to latents: one call of the pipeline for a batch, a generator for each clip, a check after each step.

The call runs to its end with the VAE's ``decode`` put off: what the pipeline hands it is kept for later. So every
pipeline keeps its own way from latents to what its VAE wants, and decoding can happen clip by clip, elsewhere, while
the next batch denoises.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from generators.diffusers_video.inputs import load_first_frame, load_frames
from generators.diffusers_video.messages import ClipTask
from generators.diffusers_video.probe import probe_call
from generators.diffusers_video.prompt_embeddings import PromptEmbeddings
from generators.diffusers_video.render_plan import RenderPlan


@dataclass
class DecodeCall:
    """A call of ``vae.decode`` that was put off: its arguments, for a whole batch."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def of_clip(self, index: int, clips: int) -> "DecodeCall":
        """The part of the call for one of ``clips`` clips: every tensor with a row for each is cut to its row."""

        def cut(value: Any) -> Any:
            has_rows = hasattr(value, "shape") and len(value.shape) and value.shape[0] == clips
            return value[index : index + 1] if has_rows else value

        return DecodeCall(tuple(map(cut, self.args)), {name: cut(value) for name, value in self.kwargs.items()})


@dataclass
class Denoised:
    """A batch of clips as latents.

    Attributes:
        tasks: the clips.
        decode: what the VAE is to be called with, for ``rows`` clips; None when the batch was interrupted.
        rows: clips that were denoised: the tasks, and what filled the batch up.
        spoiled_at: for each clip, the step at which it was first not finite; -1 for a sound one.
        started, ended: by ``time.perf_counter``.
    """

    tasks: tuple[ClipTask, ...]
    decode: DecodeCall | None
    spoiled_at: list[int]
    started: float
    rows: int
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """Wall time of the batch."""
        return self.ended - self.started


class DeferredVae:
    """Stands between a pipeline and its VAE: keeps calls of ``decode``, and lets one thread at a time into the VAE."""

    def __init__(self, vae: Any) -> None:
        self._decode, self._encode = vae.decode, vae.encode
        self._lock = threading.RLock()  # a causal VAE keeps its state between chunks on itself
        self.kept: list[DecodeCall] = []
        vae.decode, vae.encode = self._keep, self._encode_alone

    def decode(self, call: DecodeCall) -> Any:
        """Carry out ``call``; the decoded video, in the VAE's own range."""
        with self._lock:
            decoded = self._decode(*call.args, **call.kwargs)
        return decoded[0] if isinstance(decoded, tuple) else decoded.sample

    def _keep(self, *args: Any, **kwargs: Any) -> Any:
        import torch

        self.kept.append(DecodeCall(args, kwargs))
        latents = args[0] if args else kwargs["z"]
        stand_in = torch.zeros(latents.shape[0], 3, 1, 8, 8)
        return SimpleNamespace(sample=stand_in) if kwargs.get("return_dict", True) else (stand_in,)

    def _encode_alone(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return self._encode(*args, **kwargs)


@dataclass
class Denoiser:
    """Denoises batches of clips with one loaded pipeline."""

    pipe: Any
    plan: RenderPlan
    device: str
    embeddings: PromptEmbeddings | None
    stopped: Callable[[], bool] = lambda: False
    vae: DeferredVae = field(init=False)

    def __post_init__(self) -> None:
        self.vae = DeferredVae(self.pipe.vae)
        self._shape = probe_call(type(self.pipe))

    def denoise(self, tasks: Sequence[ClipTask], batch_size: int = 1) -> Denoised:
        """Denoise ``tasks`` together.

        Fewer than ``batch_size`` are filled up with copies of the last, whose latents nobody decodes: the order of sums
        depends on the shape of a batch, and a clip of a run that was killed and resumed should come out as in one go.

        A clip that turns to NaN or infinity is marked; once all have, or ``stopped()`` says so, the rest of the steps
        is skipped.

        Raises:
            MediaError: an input cannot be read.
            torch.OutOfMemoryError: the device's memory is exhausted.
        """
        import torch

        filled = [*tasks, *[tasks[-1]] * (batch_size - len(tasks))]
        batch = Denoised(tuple(tasks), None, [-1] * len(tasks), time.perf_counter(), len(filled))
        self.vae.kept.clear()
        interrupted = False

        def check_step(pipe: Any, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            nonlocal interrupted
            finite = torch.isfinite(tensors["latents"]).flatten(1).all(1).tolist()[: len(tasks)]
            for row, sound in enumerate(finite):
                if not sound and batch.spoiled_at[row] < 0:
                    batch.spoiled_at[row] = step
            if self.stopped() or min(batch.spoiled_at) >= 0:
                pipe._interrupt = interrupted = True
            return {}

        # A pipeline that reports no steps is checked after decoding alone, and stopped only with its process.
        checks = {"callback_on_step_end": check_step} if self._shape.reports_steps else {}
        with torch.no_grad():
            self.pipe(**self._arguments(filled), **checks)
        if self.device != "cpu":
            torch.cuda.synchronize(self.device)
        if self.vae.kept and not interrupted:
            batch.decode = self.vae.kept.pop()
        self.vae.kept.clear()
        batch.ended = time.perf_counter()
        return batch

    def _arguments(self, tasks: Sequence[ClipTask]) -> dict[str, Any]:
        import torch

        plan = self.plan
        # On the CPU, so that a seed means the same noise on every device.
        generators = [torch.Generator("cpu").manual_seed(task.seed) for task in tasks]
        values = {
            "height": plan.height,
            "width": plan.width,
            "num_inference_steps": plan.steps,
            "guidance_scale": plan.guidance,
            "sigmas": list(plan.sigmas) or None,
            "max_sequence_length": plan.prompt_tokens,
            "generator": generators,
            "output_type": "pt",
            "use_resolution_binning": False,  # Sana would render the size of its nearest bin, and rescale it
            **self._prompts(tasks),
            **self._inputs(tasks),
        }
        if self._shape.frames:
            values[self._shape.frames] = plan.frames
        if self._shape.rate:
            values[self._shape.rate] = plan.fps
        return self._shape.keep(values)

    def _prompts(self, tasks: Sequence[ClipTask]) -> dict[str, Any]:
        scenarios = [task.job.scenario for task in tasks]
        prompts, negatives = (
            [scenario.prompt for scenario in scenarios],
            [scenario.negative_prompt for scenario in scenarios],
        )
        if self.embeddings is None:
            return {"prompt": prompts, "negative_prompt": negatives if self.plan.guided else None}
        found: dict[str, Any] = dict(self.embeddings.load(prompts, self.device))
        if self.plan.guided:
            against = self.embeddings.load(negatives, self.device)
            found |= {f"negative_{name}": value for name, value in against.items()}
        return found

    def _inputs(self, tasks: Sequence[ClipTask]) -> dict[str, Any]:
        from PIL import Image

        plan = self.plan
        sources = [task.source for task in tasks if task.source is not None]
        if plan.mode == "image":
            images = [Image.fromarray(load_first_frame(source, plan.width, plan.height)) for source in sources]
            return {"image": images if len(images) > 1 else images[0]}
        if plan.mode == "video":
            videos = [load_frames(source, plan.frames, plan.fps, plan.width, plan.height) for source in sources]
            pictures = [[Image.fromarray(frame) for frame in video] for video in videos]
            if plan.family and plan.family.conditions:
                # Latents mixed with so much noise and denoised from there on; noise of its own kind would come on top.
                return {"video": pictures, "strength": 1 - plan.strength, "image_cond_noise_scale": 0.0}
            return {"video": pictures if len(pictures) > 1 else pictures[0], "strength": plan.strength}
        return {}
