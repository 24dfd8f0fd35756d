"""Everything that a renderer is told, settled before any work: model, class, snapped clip, steps, settings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generators.diffusers_video.devices import choose_devices
from generators.diffusers_video.families import Family, find_family
from generators.diffusers_video.geometry import Geometry, read_geometry
from generators.diffusers_video.lora import LoraFile, locate_lora
from generators.diffusers_video.model_files import ModelFiles
from generators.diffusers_video.presets import Preset
from generators.diffusers_video.profiles import Settings, lossy_settings, resolve_settings
from generators.diffusers_video.tiling import describe_idle_tiling
from schemas.diffusers_options import DiffusersOptions, Mode
from schemas.errors import RecipeError
from schemas.recipe import ClipOptions

VERSION = "1"
"""Part of a clip's identity: changes whenever this backend makes other pixels of the same inputs."""

_LONGEST_CLIP = 4999


@dataclass(frozen=True)
class RenderPlan:
    """What every clip of a recipe has in common; travels to the renderer processes.

    Attributes:
        folder: the model's files.
        model, revision, licence: as recorded with every clip.
        fingerprint: of the model.
        pipeline: class to load; runs the weights in ``mode``.
        family: its row of the table; None for a class that is not in it.
        geometry: the model's rules.
        width, height, frames, fps: of every clip; already what the model renders.
        steps, guidance, strength, sigmas, prompt_tokens: of denoising; None leaves it to the pipeline.
        settings: speed and memory.
        lora: weights added to the transformer's; None: none.
        allow_code: whether the recipe consented to the model's own code.
        notes: what the user should know about how the recipe was understood.
    """

    folder: Path
    model: str
    revision: str
    licence: str
    fingerprint: str
    pipeline: str
    mode: Mode
    family: Family | None
    geometry: Geometry
    width: int
    height: int
    frames: int
    fps: float
    steps: int | None
    guidance: float | None
    strength: float
    sigmas: tuple[float, ...]
    prompt_tokens: int | None
    settings: Settings
    allow_code: bool
    lora: LoraFile | None = None
    notes: tuple[str, ...] = ()

    @property
    def embeddings(self) -> tuple[str, ...]:
        """Names of the cached parts of a prompt; empty where prompts go in as text."""
        return self.family.embeddings if self.family else ()

    @property
    def guided(self) -> bool:
        """Whether a negative prompt has any effect."""
        return self.guidance is None or self.guidance > 1

    def summary(self) -> str:
        """Model, clip and steps in one line for people."""
        steps = f"{self.steps} steps" if self.steps else "the pipeline's own steps"
        clip = f"{self.frames} frames of {self.width}x{self.height} at {self.fps:g} fps"
        return f"{self.pipeline} ({self.model} {self.revision[:12]}): clips of {clip}, {steps}, {self.settings.dtype}"

    def identity(self) -> dict[str, Any]:
        """All that determines a clip's pixels beyond its scenario and the clip's size and encoding; JSON-ready."""
        return {
            "model": self.fingerprint,
            "pipeline": self.pipeline,
            "steps": self.steps,
            "guidance": self.guidance,
            "sigmas": list(self.sigmas),
            "prompt_tokens": self.prompt_tokens,
            "strength": self.strength if self.mode == "video" else None,
            **lossy_settings(self.settings),
            **({"lora": self.lora.identity()} if self.lora else {}),
        }

    def clip(self, options: ClipOptions) -> ClipOptions:
        """``options`` with the size and length that will be rendered."""
        size = {"width": self.width, "height": self.height, "frames": self.frames, "fps": self.fps}
        return options.model_copy(update=size)


def make_plan(options: DiffusersOptions, clip: ClipOptions, files: ModelFiles) -> RenderPlan:
    """Settle how the model in ``files`` renders clips of a recipe.

    A value that the recipe's ``clip`` leaves out is the preset's. Sizes and lengths become the nearest that the model
    renders.

    Raises:
        RecipeError: the model cannot run in this mode, or with these options.
    """
    preset = files.preset
    pipeline = _pipeline_for(files, options.mode)
    family = find_family(pipeline)
    geometry = read_geometry(files, family)
    settings = resolve_settings(
        options, distilled=bool(preset and preset.distilled), dtype=preset.dtype if preset else "bfloat16"
    )
    _check_settings(options, settings, pipeline, family)
    if family and not family.batches:
        settings = replace(settings, batch=1)
    vae = files.component("vae")
    wanted = _wanted_clip(clip, preset, family)
    width, height = geometry.snap_size(int(wanted["width"])), geometry.snap_size(int(wanted["height"]))
    frames = geometry.snap_frames(int(wanted["frames"]))
    if frames > _LONGEST_CLIP:
        frames -= geometry.frame_step
    steps = options.steps or (preset.steps if preset else None)
    if options.mode == "video" and steps is not None and int(steps * options.strength) < 1:
        raise RecipeError(
            f"generator.strength: {options.strength:g} of {steps} steps leave none to denoise with.",
            f"Raise it to {1 / steps:.2g} or more, or take more steps.",
        )
    return RenderPlan(
        folder=files.folder,
        model=files.name,
        revision=files.revision,
        licence=preset.licence if preset else (family.licence if family else "unknown"),
        fingerprint=files.fingerprint,
        pipeline=pipeline,
        mode=options.mode,
        family=family,
        geometry=geometry,
        width=width,
        height=height,
        frames=frames,
        fps=float(wanted["fps"]),
        steps=steps,
        guidance=options.guidance if options.guidance is not None else (preset.guidance if preset else None),
        strength=options.strength,
        sigmas=preset.sigmas if preset and steps == preset.steps else (),
        prompt_tokens=options.prompt_tokens,
        settings=settings,
        allow_code=options.runs_remote_code,
        lora=locate_lora(options.lora) if options.lora else None,
        notes=(
            *_notes(wanted, (width, height, frames), geometry, pipeline, family, preset),
            *filter(None, [describe_idle_tiling(vae, width, height) if settings.vae_tiling else None]),
        ),
    )


def _pipeline_for(files: ModelFiles, mode: Mode) -> str:
    family = find_family(files.pipeline)
    if family is None:
        return files.pipeline  # its signature is probed once it is loaded
    if family.mode == mode:
        return files.pipeline
    sibling = family.siblings.get(mode)
    if sibling is None:
        modes = ", ".join([family.mode, *family.siblings])
        raise RecipeError(f"generator.mode: {files.pipeline} has no mode {mode!r}.", f"Its modes: {modes}.")
    if sibling == "WanImageToVideoPipeline" and not _takes_first_frame(files):
        raise RecipeError(
            f"generator.mode: the weights of {files.name} were not trained to take a first frame.",
            "Use an image-to-video model of the family, or preset wan2.2-5b.",
        )
    return sibling


def _takes_first_frame(files: ModelFiles) -> bool:
    transformer = files.component("transformer")
    config = transformer.config() if transformer else {}
    return bool(files.settings.get("expand_timesteps")) or config.get("in_channels", 0) > config.get("out_channels", 0)


def _check_settings(options: DiffusersOptions, settings: Settings, pipeline: str, family: Family | None) -> None:
    can = family.caches if family else ()
    if settings.cache != "none" and settings.cache not in can:
        if options.cache is not None:
            kinds = f"It can have: {', '.join(can)}." if can else "Remove it."
            raise RecipeError(f"generator.cache: {pipeline} cannot have the cache {settings.cache!r}.", kinds)
        raise RecipeError(
            f"generator.profile: {options.profile!r} caches blocks, which {pipeline} cannot.", "Add `cache: none`."
        )
    if options.cache_interval is not None and settings.cache != "taylorseer":
        raise RecipeError("generator.cache_interval belongs to `cache: taylorseer`.", "Set both, or remove it.")
    if settings.quantise == "int8" and settings.compile and choose_devices(options) == ("cpu",):
        raise RecipeError(
            "generator.quantise: compiling int8 weights ends the process on a CPU (torch 2.15, torchao 0.18).",
            "Add `compile: false`, or use fp8.",
        )
    if options.batch is not None and options.batch > 1 and family and not family.batches:
        raise RecipeError(f"generator.batch: {pipeline} takes one clip at a time, not {options.batch}.", "Remove it.")


def _wanted_clip(clip: ClipOptions, preset: Preset | None, family: Family | None) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for name in ("width", "height", "frames", "fps"):
        own = getattr(clip, name)
        usual = getattr(preset, name) if preset else (family.fps if family and name == "fps" else own)
        wanted[name] = own if name in clip.model_fields_set else usual
    return wanted


def _notes(
    wanted: dict[str, float],
    snapped: tuple[int, int, int],
    geometry: Geometry,
    pipeline: str,
    family: Family | None,
    preset: Preset | None,
) -> tuple[str, ...]:
    notes = []
    rules = {"width": geometry.size_step, "height": geometry.size_step, "frames": geometry.frame_step}
    for (name, step), value in zip(rules.items(), snapped, strict=True):
        if value != wanted[name]:
            rule = f"{step}k + 1" if name == "frames" else f"multiples of {step}"
            notes.append(f"clip.{name}: {wanted[name]:.0f} becomes {value}; {pipeline} renders {rule}")
    if family is None or not family.tested:
        notes.append(f"{pipeline} is untested here; it is run by what its signature tells")
    elif wanted["fps"] != family.fps and not preset and pipeline.startswith("Wan"):
        notes.append(
            f"clip.fps: {pipeline} moves as at {family.fps:g} frames a second; the file plays at {wanted['fps']:g}"
        )
    if preset and not preset.trains_freely:
        notes.append(f"licence of {preset.name}: {preset.licence}")
    if preset and not preset.is_pinned:
        notes.append(f"{preset.name} follows the branch {preset.revision!r}; `framefoundry fetch` prints the commit")
    return tuple(notes)
