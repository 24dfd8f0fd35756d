"""Make the tiny video model's VAE: a stock `AutoencoderKLWan` whose encoder is computed and whose decoder is trained.

The encoder is `trainers.tiny_vae_encoder`'s. A decoder of that class cannot be computed: it enlarges by repeating, so
that only its residual blocks can tell a pixel from the one beside it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.tiny_vae_encoder import build_linear_encoder
from trainers.tiny_video import StepReport

if TYPE_CHECKING:
    import torch

_FITTED_CLIPS = 256
_AT_ONCE = 64


@dataclass(frozen=True)
class TinyVaeTraining:
    """How the decoder is trained.

    Attributes:
        steps: of the optimizer.
        batch: clips a step.
        rate: highest learning rate; it rises over 50 steps and falls to zero along a cosine.
        clips: how many are drawn, to compute the encoder and to train the decoder.
        noise: added to the latents, as a share of their spread: a sampled latent is never exactly a coded one.
        threads: of torch.
        seed: of weights, noise and order.
    """

    steps: int = 1600
    batch: int = 4
    rate: float = 5e-3
    clips: int = 2048
    noise: float = 0.1
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class TrainedVae:
    """The VAE, an `AutoencoderKLWan`, and what its training took."""

    vae: Any
    seconds: float


def train_tiny_vae(
    draw: Callable[[int], "torch.Tensor"],
    training: TinyVaeTraining = TinyVaeTraining(),
    on_step: Callable[[StepReport], None] | None = None,
) -> TrainedVae:
    """Compute the encoder from drawn clips, then train the decoder to give them back: absolute plus squared error.

    Args:
        draw: makes that many clips, N x 3 x T x H x W from -1 to 1; 4 k + 1 frames, sides that are multiples of 4.
        training: how.
        on_step: told after each step.
    """
    import torch

    torch.set_num_threads(training.threads)
    torch.manual_seed(training.seed)
    started, running = time.monotonic(), 0.0
    clips = draw(training.clips)
    vae = build_linear_encoder(clips[:_FITTED_CLIPS])
    latents = encode_clips(vae, clips)
    tolerated = training.noise * torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)
    weights = [weight for weight in vae.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, training.rate, betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(1, training.steps + 1):
        chosen = torch.randint(len(clips), (training.batch,))
        for group in optimizer.param_groups:
            group["lr"] = training.rate * _warmth(step, training.steps)
        coded = latents[chosen]
        error = vae.decode(coded + tolerated * torch.randn_like(coded)).sample - clips[chosen]
        loss = error.abs().mean() + error.square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        running += (float(loss.detach()) - running) / min(step, 100)
        if on_step is not None:
            on_step(StepReport(step, training.steps, running, time.monotonic() - started))
    return TrainedVae(vae.eval().requires_grad_(False), time.monotonic() - started)


def encode_clips(vae: Any, clips: "torch.Tensor") -> "torch.Tensor":
    """Latents of ``clips`` as the VAE gives them, a few clips at a time."""
    import torch

    with torch.no_grad():
        return torch.cat([vae.encode(part).latent_dist.mode() for part in clips.split(_AT_ONCE)])


def decode_latents(vae: Any, latents: "torch.Tensor") -> "torch.Tensor":
    """Clips of ``latents``, from -1 to 1, a few at a time."""
    import torch

    with torch.no_grad():
        return torch.cat([vae.decode(part).sample for part in latents.split(_AT_ONCE)])


def _warmth(step: int, steps: int) -> float:
    """Share of the highest learning rate."""
    return min(1.0, step / 50) * (0.5 + 0.5 * float(np.cos(np.pi * step / steps)))
