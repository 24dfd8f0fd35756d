"""Train a tiny text-to-video model from scratch on captioned clips; it is saved as an ordinary diffusers folder.

The objective is that of Wan: flow matching (Lipman et al., 2023) on the latents of a VAE that stays as it is, with
captions left out of a tenth of the clips so that guidance works (Ho and Salimans, 2022).
"""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.tiny_video_parts import (
    PROMPT_TOKENS,
    build_text_encoder,
    build_tokenizer,
    build_transformer,
    save_pipeline,
)

if TYPE_CHECKING:
    import torch

_ENCODED_AT_ONCE = 64

CaptionedClips = tuple[np.ndarray, Sequence[str]]
"""Frames, N x T x H x W x 3, uint8, RGB; a caption for each clip."""


@dataclass(frozen=True)
class TinyVideoTraining:
    """How the model is trained.

    Attributes:
        rounds: steps of the optimizer and highest learning rate of each round. Every round starts from the running
            average of the one before with a fresh optimizer (warm restarts: Loshchilov and Hutter, 2017); its rate
            rises over 60 steps and falls to a tenth along a cosine over the second half.
        batch: clips a step.
        clips: how many are drawn and encoded; steps choose among them.
        captions_dropped: share of clips that are trained without their caption.
        save_every: steps between two checkpoints.
        threads: of torch.
        seed: of weights and noise. Results are equal only on one machine with equal threads.
    """

    rounds: tuple[tuple[int, float], ...] = ((3400, 2e-3), (2400, 1.5e-3))
    batch: int = 32
    clips: int = 8192
    captions_dropped: float = 0.1
    save_every: int = 250
    threads: int = 1
    seed: int = 0

    @property
    def steps(self) -> int:
        """Of all rounds."""
        return sum(steps for steps, _ in self.rounds)


@dataclass(frozen=True)
class StepReport:
    """Where a training stands: ``step`` of ``steps`` is done; ``loss`` is a running mean."""

    step: int
    steps: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class TrainedVideoModel:
    """A finished training: the diffusers folder, trained weights, last running loss, and what it took."""

    folder: Path
    parameters: int
    loss: float
    seconds: float


def train_tiny_video(
    draw: Callable[[int], CaptionedClips],
    prompts: Sequence[str],
    vae: Any,
    folder: Path,
    training: TinyVideoTraining = TinyVideoTraining(),
    on_step: Callable[[StepReport], None] | None = None,
) -> TrainedVideoModel:
    """Train on clips from ``draw``; ``folder`` holds a usable model after every ``save_every`` steps.

    Args:
        draw: makes that many clips with captions.
        prompts: every caption that ``draw`` may give; all their words are known to the model.
        vae: as diffusers' Wan pipelines want it.
        folder: is replaced.
        training: how.
        on_step: told after each step.
    """
    import torch

    torch.set_num_threads(training.threads)
    torch.manual_seed(training.seed)
    tokenizer = build_tokenizer(prompts)
    text_encoder = build_text_encoder(len(tokenizer))
    meanings = _embed(tokenizer, text_encoder, [*prompts, ""])
    latents, captions = _encode(vae, draw, training.clips)
    labels = torch.tensor([prompts.index(caption) for caption in captions])
    model = build_transformer(vae.config.z_dim)
    average = _RunningAverage(model)
    started, running = time.monotonic(), 0.0
    schedule = [(place, *one) for one in training.rounds for place in range(1, one[0] + 1)]
    for step, (at, length, rate) in enumerate(schedule, start=1):
        if at == 1:
            model.load_state_dict(average.model.state_dict())
            optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.9, 0.95), weight_decay=0.01)
        chosen = torch.randint(len(latents), (training.batch,))
        told = torch.where(torch.rand(len(chosen)) < training.captions_dropped, len(prompts), labels[chosen])
        for group in optimizer.param_groups:
            group["lr"] = rate * _warmth(at, length)
        loss = _flow_loss(model, latents[chosen], meanings[told])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update(model, at)
        running += (float(loss.detach()) - running) / min(step, 100)
        if step % training.save_every == 0 or step == training.steps:
            _replace(folder, lambda target: save_pipeline(target, tokenizer, text_encoder, vae, average.model))
        if on_step is not None:
            on_step(StepReport(step, training.steps, running, time.monotonic() - started))
    parameters = sum(weight.numel() for weight in model.parameters())
    return TrainedVideoModel(folder, parameters, running, time.monotonic() - started)


class _RunningAverage:
    """A copy of the model whose weights follow it slowly; it draws better than the model itself."""

    def __init__(self, model: Any) -> None:
        import copy

        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    def update(self, model: Any, step: int) -> None:
        keep = min(0.995, (1 + step) / (10 + step))
        for mine, theirs in zip(self.model.parameters(), model.parameters(), strict=True):
            mine.lerp_(theirs.detach(), 1 - keep)


def _flow_loss(model: Any, latents: "torch.Tensor", meanings: "torch.Tensor") -> "torch.Tensor":
    """Mean squared error of the predicted way from latents to noise, at times that favour the noisy half."""
    import torch

    noise = torch.randn_like(latents)
    at = torch.sigmoid(torch.randn(len(latents)) + 0.5)
    share = at.view(-1, 1, 1, 1, 1)
    predicted = model(
        hidden_states=(1 - share) * latents + share * noise,
        timestep=at * 1000,
        encoder_hidden_states=meanings,
        return_dict=False,
    )[0]
    loss: torch.Tensor = torch.nn.functional.mse_loss(predicted, noise - latents)
    return loss


def _encode(vae: Any, draw: Callable[[int], CaptionedClips], count: int) -> "tuple[torch.Tensor, list[str]]":
    """Latents of drawn clips, as the pipeline scales them, and their captions."""
    import torch

    mean, std = (
        torch.tensor(values).view(1, -1, 1, 1, 1) for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    latents: list[torch.Tensor] = []
    captions: list[str] = []
    for first in range(0, count, _ENCODED_AT_ONCE):
        frames, told = draw(min(_ENCODED_AT_ONCE, count - first))
        with torch.no_grad():
            latents.append((vae.encode(frames_to_clips(frames)).latent_dist.mode() - mean) / std)
        captions.extend(told)
    return torch.cat(latents), captions


def frames_to_clips(frames: np.ndarray) -> "torch.Tensor":
    """N x T x H x W x 3, uint8, as a VAE takes them: N x 3 x T x H x W, float32, -1 to 1."""
    import torch

    return torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def _embed(tokenizer: Any, text_encoder: Any, prompts: Sequence[str]) -> "torch.Tensor":
    """Embeddings as `WanPipeline` makes them: padding is zero."""
    import torch

    tokens = tokenizer(list(prompts), padding="max_length", max_length=PROMPT_TOKENS, return_tensors="pt")
    with torch.no_grad():
        hidden = text_encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
    embedded: torch.Tensor = hidden * tokens.attention_mask[..., None]
    return embedded


def _warmth(step: int, steps: int) -> float:
    """Share of a round's highest learning rate."""
    late = max(0.0, 2 * step / steps - 1)
    return min(1.0, step / 60) * (0.55 + 0.45 * float(np.cos(np.pi * late)))


def _replace(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder beside ``folder``, then put it in its place."""
    fresh = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    write(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
