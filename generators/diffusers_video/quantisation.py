"""The weights of the transformer blocks in 8 bits, checked to be smaller than they were."""

from typing import Any

from generators.diffusers_video.profiles import Settings
from schemas.errors import EnvironmentFault


def quantise(transformer: Any, blocks: Any, settings: Settings) -> None:
    """Store weights as ``settings.quantise`` says; embeddings and norms, which are small and delicate, stay.

    ``int8``: torchao's weight-only quantisation of the linear layers of ``blocks``, one scale for each output row.
    ``fp8``: diffusers' layerwise casting of ``transformer`` to float8 (e4m3).

    Raises:
        EnvironmentFault: torchao is not installed, or the weights are as large as they were.
    """
    before = weight_bytes(transformer)
    if settings.quantise == "int8":
        _quantise_to_int8(blocks)
    else:
        _cast_to_fp8(transformer, settings)
    if weight_bytes(transformer) >= before:
        raise EnvironmentFault(
            f"generator.quantise: {settings.quantise} left the weights of {type(transformer).__name__} as large as "
            "they were.",
            "Use `quantise: none`.",
        )


def weight_bytes(model: Any) -> int:
    """Bytes that the weights of ``model`` take, the scales of quantised ones included."""
    return sum(_stored_bytes(weight) for weight in model.parameters())


def _stored_bytes(weight: Any) -> int:
    if hasattr(weight, "__tensor_flatten__"):  # a quantised tensor reports the dtype that it computes in
        inner, _ = weight.__tensor_flatten__()
        return sum(_stored_bytes(getattr(weight, name)) for name in inner)
    return int(weight.numel() * weight.element_size())


def _quantise_to_int8(blocks: Any) -> None:
    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
    except ImportError as fault:
        raise EnvironmentFault(
            f"generator.quantise: int8 needs torchao, which cannot be imported: {fault}",
            "Install the pinned set again, or use fp8.",
        ) from None
    quantize_(blocks, Int8WeightOnlyConfig())


def _cast_to_fp8(transformer: Any, settings: Settings) -> None:
    import torch

    compute = getattr(torch, settings.dtype)
    transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=compute)
