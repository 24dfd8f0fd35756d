"""Time and peak memory of each profile and each single option of the diffusers backend, on tiny models, on a CPU.

Each row renders the same clips in a fresh child process, and is held against what its option claims: lossy options
change pixels, lossless ones do not, quantised weights are smaller, a cache saves computation, tiling lowers the peak of
decoding, compiled blocks are really compiled. The models are random and tiny: how much an option gains on a real model
cannot be read from this, only that it does what it says.

    python benchmarks/profiles.py             # without the rows that compile
    python benchmarks/profiles.py --full      # all rows

The last line is one JSON object: `claims`, `claims_kept`, `broken` (rows whose option did not do what it claims) and
`rows`. Seconds are CPU time of denoising and decoding on one thread, so that a busy machine does not show; loading and
compiling are left out. Peaks are resident memory above that of the loaded model: what the work itself needs.
"""

import argparse
import ctypes
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from generators.diffusers_video.messages import ClipTask
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.profiles import LOSSY
from generators.diffusers_video.render_plan import RenderPlan, make_plan
from schemas.diffusers_options import DiffusersOptions
from schemas.recipe import ClipOptions
from schemas.records import ClipJob, Scenario
from storage.store import Store

# Twice as wide as a tile of the model's VAE, so that tiling has something to cut.
CLIPS = {
    "wan": ClipOptions(frames=9, fps=16, width=512, height=64),
    "ltx": ClipOptions(frames=9, fps=24, width=1024, height=64),
}
PROMPTS = ("a red ball", "a blue box", "a green car", "a yellow bus")
STEPS = 6
LOSSLESS_DB = 45.0
"""Frames alike to this are equal but for the order of floating-point sums, rounded to bfloat16."""
MOST_PEAK = 0.8
"""Share of the untiled peak that tiled decoding may take at most."""
_M_MMAP_THRESHOLD = -3


@dataclass(frozen=True)
class Case:
    """A row: what the recipe says beside the model."""

    title: str
    options: dict[str, Any] = field(default_factory=dict)
    compiles: bool = False


CASES = (
    Case("balanced"),
    Case("fast", {"profile": "fast"}, compiles=True),
    Case("low-memory", {"profile": "low-memory"}),
    Case("dtype float32", {"dtype": "float32"}),
    Case("vae_dtype bfloat16", {"vae_dtype": "bfloat16"}),
    Case("attention math", {"attention": "math"}),
    Case("cache first_block, 0.5", {"cache": "first_block", "cache_threshold": 0.5}),
    Case("cache taylorseer, 2", {"cache": "taylorseer", "cache_interval": 2}),
    Case("quantise int8", {"quantise": "int8"}),
    Case("quantise fp8", {"quantise": "fp8"}),
    Case("vae_tiling", {"vae_tiling": True}),
    Case("batch 1", {"batch": 1}),
    Case("batch 4", {"batch": 4}),
    Case("compile", {"compile": True}, compiles=True),
)


@dataclass(frozen=True)
class Row:
    """What one case took.

    Attributes:
        seconds: of a clip, CPU time.
        weights_mb: of the transformer.
        denoise_mb, decode_mb: peak resident memory above that of the loaded model.
        cached: share of the computations that a cache saved; None without one.
        graphs: compiled.
        psnr_db: least likeness to `balanced`; None for itself, 99 for equal frames.
        broken: what the options claim and do not do.
    """

    model: str
    title: str
    seconds: float
    weights_mb: float
    denoise_mb: float
    decode_mb: float
    cached: float | None
    graphs: int
    psnr_db: float | None = None
    broken: tuple[str, ...] = ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="with the rows that compile, which takes minutes")
    parser.add_argument("--model", choices=CLIPS, action="append", help="default: all")
    parser.add_argument("--clips", type=int, default=len(PROMPTS), choices=range(1, len(PROMPTS) + 1))
    chosen = parser.parse_args()
    cases = [case for case in CASES if chosen.full or not case.compiles]
    _import_once()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="framefoundry-profiles-") as folder:
        for model in chosen.model or CLIPS:
            rows += measure_model(model, cases, PROMPTS[: chosen.clips], Path(folder))
    broken = [f"{row.model} {row.title}: {claim}" for row in rows for claim in row.broken]
    claims = sum(len(_claims(_plan_options(case), case)) for case in cases) * len(chosen.model or CLIPS)
    figures = {
        "claims": claims,
        "claims_kept": claims - len(broken),
        "broken": broken,
        "rows": [asdict(r) for r in rows],
    }
    print(json.dumps(figures))


def measure_model(model: str, cases: Sequence[Case], prompts: Sequence[str], folder: Path) -> list[Row]:
    """One row a case, printed as it is ready; the first is what the others are compared with."""
    print(
        f"\n{model}: {len(prompts)} clips of {_describe(CLIPS[model])}, {STEPS} steps, one CPU thread, random weights"
    )
    print(f"{'':26}{'s/clip':>8}{'weights MB':>12}{'denoise MB':>12}{'decode MB':>11}{'cached':>8}{'PSNR dB':>9}")
    # Beforehand, so that no row has loaded more than another.
    first = get_context("fork").Process(target=_encode_prompts, args=(model, prompts, folder))
    first.start()
    first.join()
    rows: list[Row] = []
    usual: np.ndarray | None = None
    for case in cases:
        frames, row = _in_child(model, case, prompts, folder)
        usual = frames if usual is None else usual
        row = _judge(row, case, rows[0] if rows else None, _likeness(frames, usual) if rows else None)
        rows.append(row)
        cached = f"{row.cached:.0%}" if row.cached is not None else ""
        psnr = f"{row.psnr_db:.1f}" if row.psnr_db is not None else ""
        print(
            f"{row.title:26}{row.seconds:>8.2f}{row.weights_mb:>12.3f}{row.denoise_mb:>12.1f}{row.decode_mb:>11.1f}"
            f"{cached:>8}{psnr:>9}  {'; '.join(row.broken)}",
            flush=True,
        )
    return rows


def _judge(row: Row, case: Case, balanced: Row | None, psnr: float | None) -> Row:
    found = Row(**{**asdict(row), "psnr_db": psnr})
    if balanced is None or psnr is None:
        return found
    kept = {
        "lossless": psnr >= LOSSLESS_DB,
        "changes pixels": psnr < 99.0,
        "smaller weights": row.weights_mb < balanced.weights_mb,
        "saves computation": bool(row.cached),
        "smaller decoding peak": row.decode_mb < MOST_PEAK * balanced.decode_mb,
        "compiles": row.graphs > 0,
    }
    broken = tuple(f"not as claimed: {claim}" for claim in _claims(_plan_options(case), case) if not kept[claim])
    return Row(**{**asdict(found), "broken": broken})


def _claims(settings: dict[str, Any], case: Case) -> list[str]:
    """What the settings of ``case`` that differ from `balanced` claim to do."""
    changed = {name for name, value in settings.items() if value != _plan_options(CASES[0])[name]}
    claims = []
    if changed & set(LOSSY):
        claims.append("changes pixels")
    elif changed:
        claims.append("lossless")
    if "quantise" in changed:
        claims.append("smaller weights")
    # The threshold of the profile is for trained weights; random ones may never meet it.
    if "cache" in changed and "cache" in case.options:
        claims.append("saves computation")
    if "vae_tiling" in changed:
        claims.append("smaller decoding peak")
    if "compile" in changed:
        claims.append("compiles")
    return claims


def _plan_options(case: Case) -> dict[str, Any]:
    from generators.diffusers_video.profiles import resolve_settings

    return asdict(resolve_settings(DiffusersOptions(model="any", **case.options), distilled=False))


def _in_child(model: str, case: Case, prompts: Sequence[str], folder: Path) -> tuple[np.ndarray, Row]:
    # Forked, so that torch is imported once and its memory is not counted.
    receiver, sender = get_context("fork").Pipe(duplex=False)
    child = get_context("fork").Process(target=_measure, args=(model, case, prompts, folder, sender))
    child.start()
    sender.close()
    try:
        row = receiver.recv()
    except EOFError:
        raise SystemExit(f"{model}, {case.title}: the child process ended without a result") from None
    finally:
        child.join()
    return np.load(folder / "frames.npy"), row


def _measure(model: str, case: Case, prompts: Sequence[str], folder: Path, sender: Any) -> None:
    """Body of a child process: render, and send the row; frames are left in a file."""
    from torch._dynamo.utils import counters

    from generators.diffusers_video.quantisation import weight_bytes
    from generators.diffusers_video.usage_meter import CacheMeter

    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 16)  # freed tensors go back at once, so that peaks are theirs
    plan, tasks = _prepare(model, case, prompts, folder)
    encoded = _encode(plan, tasks, folder)
    denoiser = _load(plan, encoded)
    meter = CacheMeter.watch(denoiser.pipe)
    if plan.settings.compile:
        _render(plan, denoiser, tasks[: plan.settings.batch])
    started = time.process_time()
    frames, denoise_peak, decode_peak = _render(plan, denoiser, tasks)
    seconds = (time.process_time() - started) / len(tasks)
    np.save(folder / "frames.npy", np.stack(frames))
    weights = weight_bytes(denoiser.pipe.transformer) / 1e6
    row = Row(
        model, case.title, round(seconds, 3), round(weights, 4), round(denoise_peak / 1e6, 1),
        round(decode_peak / 1e6, 1), round(meter.share(), 3) if meter else None,
        int(counters["stats"]["unique_graphs"]),
    )  # fmt: skip
    sender.send(row)


def _render(plan: RenderPlan, denoiser: Any, tasks: Sequence[ClipTask]) -> tuple[list[np.ndarray], int, int]:
    """Frames of each clip, and the most memory, bytes, that denoising and that decoding took beyond the model."""
    from generators.diffusers_video.decoding import decode_clip

    frames: list[np.ndarray] = []
    denoise_peak = decode_peak = 0
    for start in range(0, len(tasks), plan.settings.batch):
        group = tasks[start : start + plan.settings.batch]
        before = _reset_peak()
        call = denoiser.denoise(group).decode
        denoise_peak = max(denoise_peak, _memory("VmHWM") - before)
        before = _reset_peak()
        for index in range(len(group)):
            frames.append(decode_clip(denoiser.pipe, denoiser.vae, call.of_clip(index, len(group))))
        decode_peak = max(decode_peak, _memory("VmHWM") - before)
    return frames, denoise_peak, decode_peak


def _prepare(model: str, case: Case, prompts: Sequence[str], folder: Path) -> tuple[RenderPlan, list[ClipTask]]:
    from generators.diffusers_video.tiny_pipelines import save_ltx, save_wan

    path = folder / model
    if not path.is_dir():
        {"wan": save_wan, "ltx": save_ltx}[model](path)
    asked = DiffusersOptions(model=str(path), steps=STEPS, guidance=5.0, devices="cpu", **case.options)
    plan = make_plan(asked, CLIPS[model], locate_model(asked))
    scenarios = [Scenario(str(index), prompt, "fog", seed=index + 1) for index, prompt in enumerate(prompts)]
    return plan, [ClipTask(ClipJob(s.scenario_id, s), folder / f"{s.scenario_id}.mp4", 18) for s in scenarios]


def _encode_prompts(model: str, prompts: Sequence[str], folder: Path) -> None:
    for case in (CASES[0], Case("float32", {"dtype": "float32"})):  # embeddings have the dtype of the model
        _encode(*_prepare(model, case, prompts, folder), folder)


def _encode(plan: RenderPlan, tasks: Sequence[ClipTask], folder: Path) -> Any:
    from generators.diffusers_video.prompt_embeddings import PromptEmbeddings

    embeddings = PromptEmbeddings(Store.open(folder / "store"), plan)
    scenarios = [task.job.scenario for task in tasks]
    embeddings.encode(embeddings.missing([t for s in scenarios for t in (s.prompt, s.negative_prompt)]), "cpu")
    return embeddings


def _load(plan: RenderPlan, embeddings: Any) -> Any:
    from generators.diffusers_video.denoising import Denoiser
    from generators.diffusers_video.loading import load_renderer

    return Denoiser(load_renderer(plan, "cpu"), plan, "cpu", embeddings)


def _reset_peak() -> int:
    """Let the kernel's record of the most memory start anew; the memory now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _likeness(frames: np.ndarray, usual: np.ndarray) -> float:
    """Least PSNR of the clips, dB; 99 where they are equal."""
    errors = ((frames.astype(np.float32) - usual.astype(np.float32)) ** 2).mean(axis=(1, 2, 3, 4))
    worst = float(errors.max())
    return round(10 * np.log10(255**2 / worst), 1) if worst else 99.0


def _describe(clip: ClipOptions) -> str:
    return f"{clip.frames} frames of {clip.width}x{clip.height}"


def _import_once() -> None:
    import diffusers  # noqa: F401
    import torch
    import torchao.quantization  # noqa: F401
    from diffusers import LTXPipeline, WanPipeline  # noqa: F401

    torch.set_num_threads(1)  # as a renderer on a CPU does


if __name__ == "__main__":
    main()
