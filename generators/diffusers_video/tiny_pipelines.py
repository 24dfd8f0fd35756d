"""Real pipelines of stock diffusers classes with tiny random weights, saved as ordinary diffusers folders.

What they render is noise, but they take every option that their large sisters take: for tests and benchmarks.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.recipe import ClipOptions

SMALL = ClipOptions(frames=5, fps=8, width=32, height=32)

WORDS = [
    "a",
    "an",
    "the",
    "of",
    "on",
    "in",
    "red",
    "green",
    "blue",
    "yellow",
    "ball",
    "box",
    "car",
    "truck",
    "bus",
    "person",
    "dog",
    "road",
    "night",
    "day",
    "fog",
    "rain",
    "left",
    "right",
]


def tokenizer(longest: int = 64) -> tuple[Any, int]:
    """A word-level tokenizer with single letters to fall back on, with the marks of T5; and the size of its words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", *WORDS]
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces += [piece for letter in letters for piece in (letter, f"##{letter}") if piece not in pieces]
    inner = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=longest
    )
    return fast, len(pieces)


def text_config(kind: Callable[..., Any], vocabulary: int) -> Any:
    """The configuration of a text encoder of class ``kind``: one layer, 32 wide."""
    return kind(
        vocab_size=vocabulary, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, feed_forward_proj="gated-gelu",
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip


def save_wan(folder: Path, *, first_frame: bool = False, both: bool = False, seed: int = 0) -> Path:
    """A Wan pipeline: text to video, or with ``first_frame`` image to video without an image encoder, as Wan 2.2.

    With ``both`` its weights take a prompt or a first frame, as those of Wan 2.2 5B do.
    """
    import torch
    from diffusers import (
        AutoencoderKLWan,
        UniPCMultistepScheduler,
        WanImageToVideoPipeline,
        WanPipeline,
        WanTransformer3DModel,
    )
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(seed)
    words, vocabulary = tokenizer()
    parts = {
        "tokenizer": words,
        "text_encoder": UMT5EncoderModel(text_config(UMT5Config, vocabulary)),
        "vae": AutoencoderKLWan(
            base_dim=4, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True]
        ),
        "transformer": WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=36 if first_frame else 16,
            out_channels=16, text_dim=32, freq_dim=32, ffn_dim=32, num_layers=2, rope_max_seq_len=64,
        ),
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    }  # fmt: skip
    kind = WanImageToVideoPipeline if first_frame else WanPipeline
    return _save(kind(**parts, expand_timesteps=both), folder)


def save_ltx(folder: Path, *, seed: int = 0) -> Path:
    """An LTX text-to-video pipeline with the real compression: 32 pixels and 8 frames to a latent."""
    import torch
    from diffusers import (
        AutoencoderKLLTXVideo,
        FlowMatchEulerDiscreteScheduler,
        LTXPipeline,
        LTXVideoTransformer3DModel,
    )
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(seed)
    words, vocabulary = tokenizer(128)
    widths = (8, 8, 8, 8)
    vae = AutoencoderKLLTXVideo(
        latent_channels=16, block_out_channels=widths, decoder_block_out_channels=widths, layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5, spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False), decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4, upsample_factor=(1,) * 4, timestep_conditioning=False,
        patch_size=4, patch_size_t=1,
    )  # fmt: skip
    pipe = LTXPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.1),
        vae=vae,
        text_encoder=T5EncoderModel(text_config(T5Config, vocabulary)),
        tokenizer=words,
        transformer=LTXVideoTransformer3DModel(
            in_channels=16, out_channels=16, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=32,
            num_layers=2, caption_channels=32,
        ),
    )  # fmt: skip
    return _save(pipe, folder)


def save_cogvideox(folder: Path, *, seed: int = 0) -> Path:
    """A CogVideoX text-to-video pipeline with the real compression: 8 pixels and 4 frames to a latent."""
    import torch
    from diffusers import (
        AutoencoderKLCogVideoX,
        CogVideoXDDIMScheduler,
        CogVideoXPipeline,
        CogVideoXTransformer3DModel,
    )
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(seed)
    words, vocabulary = tokenizer(226)
    pipe = CogVideoXPipeline(
        scheduler=CogVideoXDDIMScheduler(),
        vae=AutoencoderKLCogVideoX(
            block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2
        ),
        text_encoder=T5EncoderModel(text_config(T5Config, vocabulary)),
        tokenizer=words,
        transformer=CogVideoXTransformer3DModel(
            num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=8,
            text_embed_dim=32, num_layers=2, sample_width=8, sample_height=8, sample_frames=9,
            use_rotary_positional_embeddings=True,
        ),
    )  # fmt: skip
    return _save(pipe, folder)


def save_mochi(folder: Path, *, seed: int = 0) -> Path:
    """A Mochi text-to-video pipeline with the real compression: 8 pixels and 6 frames to a latent."""
    import torch
    from diffusers import (
        AutoencoderKLMochi,
        FlowMatchEulerDiscreteScheduler,
        MochiPipeline,
        MochiTransformer3DModel,
    )
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(seed)
    words, vocabulary = tokenizer(256)
    pipe = MochiPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
        vae=AutoencoderKLMochi(
            latent_channels=12, out_channels=3, encoder_block_out_channels=(32, 32, 32, 32),
            decoder_block_out_channels=(32, 32, 32, 32), layers_per_block=(1, 1, 1, 1, 1),
        ),
        text_encoder=T5EncoderModel(text_config(T5Config, vocabulary)),
        tokenizer=words,
        transformer=MochiTransformer3DModel(
            num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16, in_channels=12,
            text_embed_dim=32, time_embed_dim=4, max_sequence_length=256,
        ),
    )  # fmt: skip
    return _save(pipe, folder)


def save_sana(folder: Path, *, seed: int = 0) -> Path:
    """A SANA-Video text-to-video pipeline with Wan's VAE."""
    import torch
    from diffusers import (
        AutoencoderKLWan,
        DPMSolverMultistepScheduler,
        SanaVideoPipeline,
        SanaVideoTransformer3DModel,
    )
    from transformers import Gemma2Config, Gemma2Model

    torch.manual_seed(seed)
    words, vocabulary = tokenizer(300)
    text = Gemma2Config(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, pad_token_id=0, eos_token_id=1, bos_token_id=2,
    )  # fmt: skip
    pipe = SanaVideoPipeline(
        tokenizer=words,
        text_encoder=Gemma2Model(text),
        vae=AutoencoderKLWan(
            base_dim=4, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1, temperal_downsample=[False, True, True]
        ),
        transformer=SanaVideoTransformer3DModel(
            num_attention_heads=2, attention_head_dim=12, num_layers=2, num_cross_attention_heads=2,
            cross_attention_head_dim=12, cross_attention_dim=24, caption_channels=32, sample_size=8,
        ),
        scheduler=DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    )  # fmt: skip
    return _save(pipe, folder)


def _save(pipe: Any, folder: Path) -> Path:
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder
