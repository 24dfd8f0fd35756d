"""The parts of the tiny video model: what a `WanPipeline` needs besides a VAE, a few MB in all.

Imports diffusers and transformers inside its functions: they take seconds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROMPT_TOKENS = 16
"""Length to which prompts are padded. The model attends to padding too: render with the same `prompt_tokens`."""

_MARKS = ("<pad>", "</s>", "<unk>")
_TEXT_WIDTH = 64


def build_tokenizer(prompts: Sequence[str]) -> Any:
    """A tokenizer of whole words: those of ``prompts``; any other word is the unknown one."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for prompt in prompts for word in prompt.lower().split()})
    ids = {piece: index for index, piece in enumerate((*_MARKS, *words))}
    inner = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=PROMPT_TOKENS
    )


def build_text_encoder(words: int) -> Any:
    """A one-layer UMT5 of random weights that stay as they are: telling some twenty words apart needs no training."""
    from transformers import UMT5Config, UMT5EncoderModel

    # A mapping, because some arguments that the class takes are missing from its declared ones.
    settings: dict[str, Any] = {
        "vocab_size": words, "d_model": _TEXT_WIDTH, "d_kv": 16, "d_ff": 128, "num_layers": 1, "num_heads": 4,
        "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": False,
    }  # fmt: skip
    config = UMT5Config(**settings)
    return UMT5EncoderModel(config).eval().requires_grad_(False)


def build_transformer(latent_channels: int) -> Any:
    """Three blocks of 96 channels; a clip of 9 frames of 32 x 32 pixels is 48 tokens to it."""
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=4, attention_head_dim=24, in_channels=latent_channels,
        out_channels=latent_channels, text_dim=_TEXT_WIDTH, freq_dim=64, ffn_dim=192, num_layers=3,
        rope_max_seq_len=32, cross_attn_norm=True,
    )  # fmt: skip


def save_pipeline(folder: Path, tokenizer: Any, text_encoder: Any, vae: Any, transformer: Any) -> None:
    """Write a diffusers folder that `WanPipeline.from_pretrained` loads; weights as safetensors."""
    from diffusers import UniPCMultistepScheduler, WanPipeline

    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=1.5)
    pipeline: Any = WanPipeline(
        tokenizer=tokenizer, text_encoder=text_encoder, vae=vae, transformer=transformer, scheduler=scheduler
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
