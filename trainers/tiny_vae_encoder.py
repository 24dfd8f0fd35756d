"""Compute the encoder of an `AutoencoderKLWan`: principal components of blocks of 4 x 4 pixels and 4 frames.

All of that class's encoder is linear but for residual blocks, attention, and a last norm and SiLU. With the former two
switched off, and the latter two kept where they are all but linear, its convolutions can do any linear map of a block.
As in every Wan VAE, the first frame is a latent frame by itself; here it is coded as a block that stands still.
Imports torch and diffusers inside its functions.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

BLOCK = 4
"""Pixels along each side of a block, and its frames."""

LATENT_CHANNELS = 12

_PAIR = 12
"""Numbers of a frame's 2 x 2 pixels in 3 colours; the first level keeps them of each pair of frames."""

_ANCHOR = 2000.0
"""A constant channel beside codes of about 1: a norm divides by little else, hence divides all places by the same."""

_DECODER_WIDTH = 16
_SMALLEST_LOGVAR = -30.0
_SMALLEST_SPREAD = 1e-3


def build_linear_encoder(clips: "torch.Tensor") -> Any:
    """An `AutoencoderKLWan` that codes blocks by the principal components of those of ``clips``; its decoder is random.

    Its encoder takes no gradient. The spread that pipelines divide latents by lies halfway, on a scale of ratios,
    between each channel's own and the largest: channels that say little stay quieter.

    Args:
        clips: N x 3 x T x H x W from -1 to 1; 4 k + 1 frames, sides that are multiples of 4.
    """
    import torch
    from diffusers import AutoencoderKLWan

    centre, components, spread = find_components(clips)
    # A mapping, because lists of whole numbers are not what the class declares.
    settings: dict[str, Any] = {
        "base_dim": 2 * _PAIR + 2, "decoder_base_dim": _DECODER_WIDTH, "z_dim": LATENT_CHANNELS,
        "dim_mult": [1, 1, 1], "num_res_blocks": 0, "temperal_downsample": [True, True],
        "latents_mean": [0.0] * LATENT_CHANNELS, "latents_std": (spread * spread.max()).sqrt().tolist(),
        "scale_factor_temporal": BLOCK, "scale_factor_spatial": BLOCK,
    }  # fmt: skip
    vae: Any = AutoencoderKLWan(**settings)
    fixed = torch.nn.ModuleList([vae.encoder, vae.quant_conv]).requires_grad_(False)
    for weight in fixed.parameters():
        weight.zero_()
    _keep_pairs(vae.encoder)
    _project_pairs(vae.encoder.down_blocks[1], centre, components)
    _read_codes(vae)
    return vae


def find_components(clips: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]:
    """Mean block, 3 x T x H x W; its first components, C x 3 x T x H x W; their standard deviations, C."""
    import torch

    blocks = torch.cat([clips[:, :, :1].expand(-1, -1, BLOCK - 1, -1, -1), clips], 2)
    for axis in (2, 3, 4):
        blocks = blocks.unfold(axis, BLOCK, BLOCK)
    blocks = blocks.permute(0, 2, 3, 4, 1, 5, 6, 7).flatten(4).flatten(0, 3)
    variances, directions = torch.linalg.eigh(torch.cov(blocks.T))
    first = directions.T.flip(0)[:LATENT_CHANNELS]
    spread = variances.flip(0)[:LATENT_CHANNELS].clamp_min(_SMALLEST_SPREAD**2).sqrt()
    return blocks.mean(0).view(3, BLOCK, BLOCK, BLOCK), first.reshape(-1, 3, BLOCK, BLOCK, BLOCK), spread


def _keep_pairs(encoder: Any) -> None:
    """Let the first level keep all: of 2 x 2 pixels of two frames, the means and half the changes.

    The very first frame meets no convolution over time, and so passes as a mean with no change.
    """
    level = encoder.down_blocks[0]
    for colour in range(3):
        encoder.conv_in.weight[colour, colour, -1, 1, 1] = 1.0
        for place in range(4):
            level.resample[1].weight[4 * colour + place, colour, place // 2, place % 2] = 1.0
    for number in range(_PAIR):
        level.time_conv.weight[number, number, 1:, 0, 0] = 0.5
        level.time_conv.weight[_PAIR + number, number, 1, 0, 0] = 0.5
        level.time_conv.weight[_PAIR + number, number, 2, 0, 0] = -0.5


def _project_pairs(level: Any, centre: "torch.Tensor", components: "torch.Tensor") -> None:
    """Let the second level project blocks on ``components``.

    A pair of frames cannot know whether it is a block's earlier or later, so it is projected as both, and the sum and
    difference of the two projections are kept. The convolution over time gets the fitting one out of each; the very
    first frame does not meet it, and its code is the sum.
    """
    import torch

    count = len(components)
    # C x colour x pair x frame x Y x dy x X x dx: (dy, dx) is a pixel's place in a square of four, (Y, X) the square's.
    split = components.view(count, 3, 2, 2, 2, 2, 2, 2)
    one, other = split[:, :, :, 0], split[:, :, :, 1]
    both = torch.stack([one + other, one - other], 1)  # for means, for changes
    early, late = both.permute(3, 0, 1, 2, 5, 7, 4, 6).flatten(2, 5)  # each C x 24 x Y x X
    space = level.resample[1]
    space.weight[:count, : 2 * _PAIR, :2, :2] = early + late
    space.weight[count : 2 * count, : 2 * _PAIR, :2, :2] = early - late
    space.bias[:count] = -(components * centre).flatten(1).sum(1)
    for code in range(count):  # half of the earlier pair's sum and difference, half of the later's, that one negative
        level.time_conv.weight[code, code, 1:, 0, 0] = 0.5
        level.time_conv.weight[code, count + code, 1, 0, 0] = 0.5
        level.time_conv.weight[code, count + code, 2, 0, 0] = -0.5
    space.bias[2 * count] = level.time_conv.bias[2 * count] = _ANCHOR


def _read_codes(vae: Any) -> None:
    """Undo what the norm and the SiLU, x / 2 near zero, do to the codes beside the anchor; let them have no spread."""
    encoder, count = vae.encoder, vae.config.z_dim
    encoder.norm_out.gamma.fill_(1.0)
    for code in range(count):
        encoder.conv_out.weight[code, code, -1, 1, 1] = 2 * _ANCHOR / encoder.norm_out.scale
        vae.quant_conv.weight[code, code, 0, 0, 0] = 1.0
    vae.quant_conv.bias[count:] = _SMALLEST_LOGVAR
