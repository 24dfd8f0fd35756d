"""Clips a minute of this backend against the plain diffusers loop: one model, equal steps, sizes and seeds, in one run.

The plain loop is ``pipe(prompt)`` one clip at a time and ``export_to_video``. Random weights cost what trained ones
cost, so the architecture is built from its configuration: ``tiny`` for any CPU, ``wan2.1-1.3b`` and ``wan2.2-5b`` for
a GPU. Loading and compiling are left out on both sides; encoding prompts is counted on both. The text encoder is a
short one (two layers), which favours the plain loop: it encodes each prompt again.

    python benchmarks/render.py                                     # tiny, on the CPU
    python benchmarks/render.py --full                              # wan2.1-1.3b where there is a GPU
    python benchmarks/render.py --model wan2.2-5b --steps 20

The last line is one JSON object. `ratio_lossless` is plain seconds over ours with profile `balanced` (and compiling, on
a GPU); `psnr_db` the least likeness of our frames to the plain loop's, before encoding; `peak_share` the arithmetic of
the transformer over what the device could have done in the time (null for a device that is not in the table below).
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generators.diffusers_video.decoding import decode_clip
from generators.diffusers_video.denoising import Denoiser
from generators.diffusers_video.devices import count_cuda_devices
from generators.diffusers_video.loading import load_renderer
from generators.diffusers_video.messages import ClipTask, Done, Usage
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.prompt_embeddings import PromptEmbeddings, free_memory
from generators.diffusers_video.render_plan import RenderPlan, make_plan
from generators.diffusers_video.renderer import Renderer
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Scenario
from storage.store import Store

# Dense bf16 arithmetic of the device, operations a second, by its makers' data sheets.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}


@dataclass(frozen=True)
class Shape:
    """An architecture and the clip it is measured on."""

    transformer: dict[str, Any]
    vae: dict[str, Any]
    text_dim: int
    clip: ClipOptions
    steps: int
    settings: dict[str, Any]


WAN_VAE = {"num_res_blocks": 2, "dim_mult": [1, 2, 4, 4], "temperal_downsample": [False, True, True]}
SHAPES = {
    "tiny": Shape(
        {"num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 64, "num_layers": 2, "freq_dim": 64},
        {"base_dim": 4, "dim_mult": [1, 2, 2, 2], "num_res_blocks": 1, "temperal_downsample": [False, True, True]},
        32, ClipOptions(frames=9, fps=16, width=64, height=64), 4, {},
    ),
    "wan2.1-1.3b": Shape(
        {"num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960, "num_layers": 30, "freq_dim": 256},
        {"base_dim": 96, **WAN_VAE},
        4096, ClipOptions(frames=81, fps=16, width=832, height=480), 50, {},
    ),
    "wan2.2-5b": Shape(
        {
            "num_attention_heads": 24, "attention_head_dim": 128, "ffn_dim": 14336, "num_layers": 30, "freq_dim": 256,
            "in_channels": 48, "out_channels": 48,
        },
        {
            "base_dim": 160, "decoder_base_dim": 256, "z_dim": 48, "is_residual": True, "in_channels": 12,
            "out_channels": 12, "patch_size": 2, "scale_factor_spatial": 16, "latents_mean": [0.0] * 48,
            "latents_std": [1.0] * 48, **WAN_VAE,
        },
        4096, ClipOptions(frames=121, fps=24, width=1280, height=704), 50, {"expand_timesteps": True},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="wan2.1-1.3b on a GPU; more clips on a CPU")
    parser.add_argument("--model", choices=SHAPES, help="default: tiny, or wan2.1-1.3b with --full and a GPU")
    parser.add_argument("--clips", type=int)
    parser.add_argument("--steps", type=int, help="default: the model's own")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--attention", default="native", help="flash, flash3, sage: rounding differs, so read psnr_db")
    chosen = parser.parse_args()
    device = "cuda:0" if count_cuda_devices() else "cpu"
    gpu = device != "cpu"
    if not gpu:
        import torch

        torch.set_num_threads(1)  # as a renderer on a CPU does
    name = chosen.model or ("wan2.1-1.3b" if chosen.full and gpu else "tiny")
    shape = SHAPES[name]
    clips = chosen.clips or (16 if chosen.full else 6)
    options = {
        "steps": chosen.steps or shape.steps,
        "dtype": "bfloat16" if gpu else "float32",
        "batch": chosen.batch or 2,
        "compile": gpu and not chosen.no_compile,
        "attention": chosen.attention,
    }
    with tempfile.TemporaryDirectory() as folder:
        model = build_model(shape, Path(folder) / name, options["dtype"])
        measure(model, shape, options, clips, device, Path(folder), name)


def build_model(shape: Shape, folder: Path, dtype: str) -> Path:
    """Save a Wan pipeline of this architecture with random weights."""
    import torch
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    words, vocabulary = _tokenizer()
    text = UMT5Config(
        vocab_size=vocabulary, d_model=shape.text_dim, d_kv=shape.text_dim // 4, d_ff=2 * shape.text_dim, num_layers=2,
        num_heads=4, feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))  # a billion weights in float32 first would need twice the memory
    try:
        transformer = WanTransformer3DModel(text_dim=shape.text_dim, **shape.transformer)
        encoder = UMT5EncoderModel(text)
    finally:
        torch.set_default_dtype(before)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    WanPipeline(
        tokenizer=words, text_encoder=encoder, vae=AutoencoderKLWan(**shape.vae), transformer=transformer,
        scheduler=scheduler, **shape.settings,
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip
    return folder


def measure(
    model: Path, shape: Shape, options: dict[str, Any], clips: int, device: str, folder: Path, name: str
) -> None:
    """Run the plain loop, then ours, lossless and fast; print the table and the line of JSON."""
    prompts = [f"a {colour} ball moving {way}" for colour in ("red", "blue", "green", "white") for way in "abcdefghijk"]
    tasks = [
        ClipTask(ClipJob(f"clip{i}", Scenario(f"s{i}", prompts[i % 44], "fog", seed=i + 1)), folder / f"{i}.mp4", 18)
        for i in range(clips)
    ]
    plan = _plan(model, shape, options)
    plain_seconds, plain_frames = run_plain(plan, tasks, device)
    free_memory()  # what a measurement left behind must not weigh on the next
    likeness = compare_frames(plan, tasks[: plan.settings.batch], plain_frames, device, folder)
    free_memory()
    ours, usage = run_ours(plan, tasks, device, folder / "lossless")
    free_memory()
    fast, fast_usage = run_ours(
        _plan(model, shape, {**options, "cache": "first_block"}), tasks, device, folder / "fast"
    )
    free_memory()
    spare = {**options, "profile": "low-memory", "batch": 1, **({"offload": "none"} if device == "cpu" else {})}
    low, low_usage = run_ours(_plan(model, shape, spare), tasks, device, folder / "low-memory")
    arithmetic = clips * _arithmetic_of_clip(plan)
    peak = next((rate for key, rate in PEAKS.items() if key in _device_name(device)), None)
    print(
        f"{name}: {clips} clips of {plan.frames} frames {plan.width}x{plan.height}, {plan.steps} steps, "
        f"{_device_name(device)}"
    )
    print(f"{'':34}{'s/clip':>10}{'clips/min':>11}{'vs plain':>10}{'busy':>7}{'GB':>7}{'cached':>8}")
    rows = [
        ("plain loop", plain_seconds, None),
        ("balanced (lossless)", ours, usage),
        ("with first_block cache (lossy)", fast, fast_usage),
        ("low-memory (lossy tiling)", low, low_usage),
    ]
    for title, seconds, used in rows:
        busy = f"{used.busy_share:.0%}" if used else ""
        memory = f"{used.peak_memory_gb:.1f}" if used else ""
        cached = f"{used.cached_share:.0%}" if used and used.cached_share is not None else ""
        speed = f"{seconds / clips:>10.3f}{60 * clips / seconds:>11.1f}{plain_seconds / seconds:>10.2f}"
        print(f"{title:34}{speed}{busy:>7}{memory:>7}{cached:>8}")
    figures = {
        "ratio_lossless": round(plain_seconds / ours, 2),
        "ratio_cached": round(plain_seconds / fast, 2),
        "clips_per_gpu_hour": round(3600 * clips / ours, 1) if device != "cpu" else None,
        "clips_per_minute": round(60 * clips / ours, 1),
        "peak_share": round(arithmetic / ours / peak, 3) if peak else None,
        "busy_share": round(usage.busy_share, 3),
        "psnr_db": round(likeness, 1),
        "device": _device_name(device),
        "model": name,
    }
    print(json.dumps(figures))


def run_plain(plan: RenderPlan, tasks: list[ClipTask], device: str) -> tuple[float, list[np.ndarray]]:
    """Seconds of the plain loop, and the frames of its first clips (F x H x W x 3, in [0, 1])."""
    import torch
    from diffusers import WanPipeline

    dtypes = {"default": getattr(torch, plan.settings.dtype), "vae": getattr(torch, plan.settings.vae_dtype)}
    pipe = WanPipeline.from_pretrained(str(plan.folder), dtype=dtypes, local_files_only=True).to(device)
    pipe.set_progress_bar_config(disable=True)
    kept: list[np.ndarray] = []

    def render(task: ClipTask) -> None:
        scenario = task.job.scenario
        frames = pipe(
            prompt=scenario.prompt, negative_prompt=scenario.negative_prompt, height=plan.height, width=plan.width,
            num_frames=plan.frames, num_inference_steps=plan.steps,
            generator=torch.Generator("cpu").manual_seed(task.seed), output_type="np",
        ).frames[0]  # fmt: skip
        _export(frames, task.path.with_suffix(".plain.mp4"), plan.fps)
        if len(kept) < plan.settings.batch:
            kept.append(frames)

    render(tasks[0])
    kept.clear()
    seconds = _timed(lambda: [render(task) for task in tasks])
    return seconds, kept


def run_ours(plan: RenderPlan, tasks: list[ClipTask], device: str, folder: Path) -> tuple[float, Usage]:
    """Seconds of this backend for the same clips, and how busy the device was."""
    embeddings = PromptEmbeddings(Store.open(folder / "store"), plan)
    said: list[Any] = []
    scenarios = [task.job.scenario for task in tasks]
    texts = [text for scenario in scenarios for text in (scenario.prompt, scenario.negative_prompt)]
    # Loading the text encoder is loading; encoding with it is counted, by the second round's texts.
    encoding = _timed(lambda: embeddings.encode(embeddings.missing(texts), device))
    encoding -= _timed(lambda: embeddings.encode([], device))
    warm = Renderer(plan, device, embeddings, said.append)
    warm.render(tasks[: plan.settings.batch])
    warm.drain()
    before = len(said)

    def render() -> None:
        for start in range(0, len(tasks), plan.settings.batch):
            warm.render(tasks[start : start + plan.settings.batch])
        warm.drain()

    seconds = _timed(render)
    warm.close()
    done = [answer for answer in said[before:] if isinstance(answer, Done)]
    if len(done) != len(tasks):
        raise SystemExit(
            f"{len(done)} of {len(tasks)} clips were rendered; the figures would mean nothing: {said[-3:]}"
        )
    usage = [answer for answer in said if isinstance(answer, Usage)][-1]
    return seconds + max(0.0, encoding), usage


def compare_frames(
    plan: RenderPlan, tasks: list[ClipTask], plain: list[np.ndarray], device: str, folder: Path
) -> float:
    """Least PSNR, dB, between our frames and the plain loop's, for one batch."""
    embeddings = PromptEmbeddings(Store.open(folder / "compare"), plan)
    scenarios = [task.job.scenario for task in tasks]
    embeddings.encode(embeddings.missing([t for s in scenarios for t in (s.prompt, s.negative_prompt)]), device)
    denoiser = Denoiser(load_renderer(plan, device), plan, device, embeddings)
    call = denoiser.denoise(tasks).decode
    assert call is not None
    found = []
    for index, theirs in enumerate(plain[: len(tasks)]):
        ours = decode_clip(denoiser.pipe, denoiser.vae, call.of_clip(index, len(tasks)))
        error = float(np.mean((ours.astype(np.float64) - theirs.astype(np.float64) * 255) ** 2))
        found.append(10 * math.log10(255**2 / error) if error else 99.0)
    return min(found)


def _plan(model: Path, shape: Shape, options: dict[str, Any]) -> RenderPlan:
    asked = DiffusersOptions(model=str(model), guidance=5.0, **options)
    return make_plan(asked, shape.clip, locate_model(asked))


def _arithmetic_of_clip(plan: RenderPlan) -> float:
    """Operations of the transformer for one clip, guidance included, counted by torch on weights without memory."""
    import torch
    from diffusers import WanTransformer3DModel
    from torch.utils.flop_counter import FlopCounterMode

    config = WanTransformer3DModel.load_config(str(plan.folder / "transformer"))
    with torch.device("meta"):
        transformer = WanTransformer3DModel.from_config(config)
        spatial = plan.geometry.size_step // config["patch_size"][-1]
        frames = (plan.frames - 1) // plan.geometry.frame_step + 1
        latents = torch.empty(1, config["in_channels"], frames, plan.height // spatial, plan.width // spatial)
        with FlopCounterMode(display=False) as counter:
            transformer(latents, torch.empty(1), torch.empty(1, 512, config["text_dim"]))
    return float(counter.get_total_flops()) * 2 * (plan.steps or 1)


def _export(frames: np.ndarray, path: Path, fps: float) -> None:
    """``diffusers.utils.export_to_video``; without a usable imageio it writes with OpenCV, and so does this."""
    import cv2
    from diffusers.utils import export_to_video

    try:
        export_to_video(list(frames), str(path), fps=int(fps))
    except (AttributeError, ImportError, ValueError):
        height, width = frames.shape[1:3]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
        for frame in (frames * 255).astype(np.uint8):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        writer.release()


def _tokenizer() -> tuple[Any, int]:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<pad>", "</s>", "<unk>", *(f"{mark}{chr(code)}" for code in range(97, 123) for mark in ("", "##"))]
    inner = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    words = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    return words, len(pieces)


def _device_name(device: str) -> str:
    if device == "cpu":
        return "cpu, one thread"
    import torch

    return torch.cuda.get_device_name(device)


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
