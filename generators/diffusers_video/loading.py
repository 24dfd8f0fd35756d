"""Loading a pipeline as planned: safetensors only, from this machine only, each setting checked to have an effect."""

import logging
import os
from typing import Any

from generators.diffusers_video.geometry import Geometry
from generators.diffusers_video.lora import merge_lora
from generators.diffusers_video.probe import check_mode, probe_call, probe_geometry
from generators.diffusers_video.profiles import Settings
from generators.diffusers_video.quantisation import quantise
from generators.diffusers_video.render_plan import RenderPlan
from generators.diffusers_video.tiling import enable_tiling
from schemas.errors import EnvironmentFault

_ATTENTION = {"native": "native", "math": "_native_math", "flash": "flash", "flash3": "_flash_3", "sage": "sage"}
_BLOCKS = ("blocks", "transformer_blocks")
_ATTENTION_LAYERS = r"^(transformer_)?blocks\.\d+\.attn\d$"


def load_renderer(plan: RenderPlan, device: str) -> Any:
    """The pipeline of ``plan`` on ``device``, ready to denoise; without its text encoder where embeddings are cached.

    Raises:
        EnvironmentFault: this diffusers has no such class, the model does not keep the rules of the plan, or a setting
            cannot be had on this machine.
    """
    pipe = _load(plan, unwanted=_is_text_part if plan.embeddings else None)
    check_mode(probe_call(type(pipe)), plan.mode, plan.pipeline)
    _check_geometry(plan, probe_geometry(pipe))
    _set_guider(pipe, plan)
    if plan.family and plan.family.conditions:
        _set_own_steps(pipe)
    if plan.lora is not None:
        merge_lora(pipe, plan.lora)  # before anything that changes what the weights are stored as
    apply_settings(pipe, plan.settings, device)
    return pipe


def load_text_encoder(plan: RenderPlan, device: str) -> Any:
    """The pipeline of ``plan`` with nothing but its text encoder and tokenizer."""
    return _load(plan, unwanted=lambda name: not _is_text_part(name) and name != "scheduler").to(device)


def apply_settings(pipe: Any, settings: Settings, device: str) -> None:
    """Set up memory and speed; the order matters: weights are placed last.

    Raises:
        EnvironmentFault: the machine or the model lacks what a setting needs.
    """
    pipe.set_progress_bar_config(disable=True)
    for transformer in transformers_of(pipe):
        if settings.quantise != "none":
            quantise(transformer, blocks_of(transformer), settings)
        # `native` too: a kernel that is set on one model becomes the default of all later ones in the process.
        _set_attention(transformer, settings)
        if settings.cache != "none":
            _cache_steps(transformer, settings)
        if settings.compile:
            # a cache decides by a number, which breaks the graph
            transformer.compile_repeated_blocks(fullgraph=settings.cache == "none")
    if settings.vae_tiling:
        enable_tiling(pipe)
    place(pipe, settings.offload, device)


def place(pipe: Any, offload: str, device: str) -> None:
    """Put the models on ``device``, or leave idle ones in host memory; on a CPU there is nothing to leave."""
    if offload == "none" or device == "cpu":
        pipe.to(device)
    elif offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    else:
        import torch

        pipe.enable_group_offload(
            onload_device=torch.device(device), offload_type="block_level", num_blocks_per_group=2, use_stream=True
        )


def transformers_of(pipe: Any) -> list[Any]:
    """The denoising models: one, or the two experts of Wan 2.2 A14B."""
    found = (getattr(pipe, name, None) for name in ("transformer", "transformer_2", "unet"))
    return [model for model in found if model is not None]


def blocks_of(transformer: Any) -> Any:
    """The repeated blocks of ``transformer``; None where it has none by a known name."""
    return next((getattr(transformer, name) for name in _BLOCKS if hasattr(transformer, name)), None)


def _load(plan: RenderPlan, unwanted: Any) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"  # `framefoundry fetch` is the only thing that downloads
    # torchao, which diffusers imports where it is installed, registers what torch 2.15 has learnt to do without.
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
    import diffusers
    import torch
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    pipeline = getattr(diffusers, plan.pipeline, None) or (diffusers.DiffusionPipeline if plan.allow_code else None)
    if pipeline is None:
        raise EnvironmentFault(
            f"diffusers {diffusers.__version__} has no class {plan.pipeline}.",
            "Upgrade diffusers, or use another model.",
        )
    left_out = {name: None for name in _component_names(plan) if unwanted is not None and unwanted(name)}
    default, vae = (getattr(torch, dtype) for dtype in (plan.settings.dtype, plan.settings.vae_dtype))
    # Only where consented: code in the model's folder runs with the user's rights.
    code = {"trust_remote_code": True} if plan.allow_code else {}
    return pipeline.from_pretrained(
        str(plan.folder),
        dtype={"default": default, "vae": vae},
        local_files_only=True,
        use_safetensors=True,
        **code,
        **left_out,
    )


def _component_names(plan: RenderPlan) -> list[str]:
    return sorted(path.name for path in plan.folder.iterdir() if path.is_dir())


def _is_text_part(name: str) -> bool:
    return name.startswith(("text_encoder", "tokenizer"))


def _set_own_steps(pipe: Any) -> None:
    """Let the pipeline's own noise levels stand: those of the text-to-video scheduler depend on the clip's size."""
    pipe.scheduler = type(pipe.scheduler).from_config(
        pipe.scheduler.config, use_dynamic_shifting=False, shift_terminal=None
    )


def _check_geometry(plan: RenderPlan, found: Geometry | None) -> None:
    if found is None:
        return
    snapped = (found.snap_size(plan.width), found.snap_size(plan.height), found.snap_frames(plan.frames))
    if snapped != (plan.width, plan.height, plan.frames):
        raise EnvironmentFault(
            f"{plan.pipeline} renders {found.frame_step}k + 1 frames in multiples of {found.size_step}; the plan, "
            f"made from its configuration, is {plan.frames} frames of {plan.width}x{plan.height}.",
            "The model's files do not fit together; fetch or copy it again.",
        )


def _set_guider(pipe: Any, plan: RenderPlan) -> None:
    guider = getattr(pipe, "guider", None)
    if guider is not None and plan.guidance is not None:
        pipe.guider = guider.new(guidance_scale=plan.guidance)


def _set_attention(transformer: Any, settings: Settings) -> None:
    try:
        transformer.set_attention_backend(_ATTENTION[settings.attention])
    except (ImportError, RuntimeError, ValueError) as fault:
        raise EnvironmentFault(
            f"generator.attention: {settings.attention!r} cannot be had here: {fault}",
            "Install its package, or use native.",
        ) from None


def _cache_steps(transformer: Any, settings: Settings) -> None:
    from diffusers import FirstBlockCacheConfig, TaylorSeerCacheConfig

    config: FirstBlockCacheConfig | TaylorSeerCacheConfig
    if settings.cache == "first_block":
        config = FirstBlockCacheConfig(threshold=settings.cache_threshold)
    else:
        # Named, because its own patterns match no module of Wan, and it would say nothing.
        config = TaylorSeerCacheConfig(cache_interval=settings.cache_interval, cache_identifiers=[_ATTENTION_LAYERS])
    try:
        transformer.enable_cache(config)
    except (AttributeError, ValueError) as fault:
        raise EnvironmentFault(
            f"generator.cache: {type(transformer).__name__} cannot cache its blocks: {fault}", "Use `cache: none`."
        ) from None
