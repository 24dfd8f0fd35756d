"""The recipe's `generator: {kind: diffusers}`: which model renders, from what, how fast and in how much memory."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, field_validator, model_validator

from schemas.strict_model import StrictModel

Mode = Literal["text", "image", "video"]
Profile = Literal["balanced", "fast", "low-memory"]
Dtype = Literal["bfloat16", "float16", "float32"]
Attention = Literal["native", "math", "flash", "flash3", "sage"]
Offload = Literal["none", "model", "group"]
Cache = Literal["none", "first_block", "taylorseer"]
Quantise = Literal["none", "fp8", "int8"]

# Caches of diffusers that were tried on Wan and LTX and are not offered, and why.
_REFUSED_CACHES = {
    "pyramid_attention": "it hands the guided pass of Wan what the unguided one computed",
    "faster_cache": "it fails on Wan and LTX",
    "magcache": "it needs ratios that are measured anew for each checkpoint",
    "sea_cache": "it has no adapter for these pipelines",
}

# Remote code runs with the rights of whoever renders; a `true` that somebody copied along is not consent.
REMOTE_CODE_CONSENT = "I have read this model's code and I trust it"


def _check_device(device: str) -> str:
    kind, _, index = device.partition(":")
    if kind not in {"cpu", "cuda"} or (index and not (kind == "cuda" and index.isdigit())) or device.endswith(":"):
        raise ValueError(f"{device!r} is not a device; use cpu, cuda, or cuda:0, cuda:1, …")
    return device


Device = Annotated[str, AfterValidator(_check_device)]


class LoraOptions(StrictModel):
    """Low-rank weights added to the transformer's: a style, or fewer steps (then set `steps` and `guidance` too)."""

    model: str = Field(description="A .safetensors file, a folder that holds one, or a hub id.")
    weight_name: str | None = Field(
        default=None, description="The file in the folder or repository; needed where there are several."
    )
    revision: str | None = Field(default=None, description="Of a hub id: branch, tag or commit.")
    scale: float = Field(default=1.0, ge=-4, le=4, description="How strongly it is added; 0 is refused.")

    @field_validator("scale")
    @classmethod
    def _has_effect(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("a LoRA of scale 0 has no effect; remove `lora`")
        return scale


class DiffusersOptions(StrictModel):
    """A video diffusion pipeline of Hugging Face diffusers.

    Options whose default is null take the value of the preset or the profile; `framefoundry plan` shows what they came
    to. Those marked *lossy* change the pixels and are part of a clip's identity; the others are not.
    """

    kind: Literal["diffusers"] = "diffusers"
    preset: str | None = Field(default=None, description="A named preset, such as wan2.1-1.3b; see docs/diffusers.md.")
    model: str | None = Field(default=None, description="Instead of a preset: a hub id, or a local diffusers folder.")
    revision: str | None = Field(
        default=None, description="Of a hub model: branch, tag or commit; default: the preset's."
    )
    mode: Mode = Field(
        default="text", description="What a clip starts from: its prompt, a first frame, or a whole video."
    )
    images: Path | Literal["procedural"] | None = Field(
        default=None, description="mode image: a folder of first frames (png, jpg, webp), or `procedural`: drawn here."
    )
    source: Path | Literal["procedural"] | None = Field(
        default=None,
        description="mode video: a folder of videos or one file, or `procedural`: scenes drawn here, restyled.",
    )
    strength: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="mode video: how far from the source: near 0 its pixels stay, 1 ignores it.",
    )
    steps: int | None = Field(default=None, ge=1, le=1000, description="Denoising steps; default: the preset's.")
    guidance: float | None = Field(
        default=None,
        ge=0,
        le=50,
        description="Classifier-free guidance; 1 or less turns it off; default: the preset's.",
    )
    prompt_tokens: PositiveInt | None = Field(
        default=None, description="Longest prompt in tokens; default: the pipeline's."
    )

    profile: Profile = Field(
        default="balanced", description="A set of speed and memory options; single ones override it."
    )
    dtype: Dtype | None = Field(default=None, description="Of transformer and text encoder (lossy). Default: bfloat16.")
    vae_dtype: Dtype | None = Field(
        default=None,
        description="Of the VAE (lossy). Default: float32; halves are where NaN and black frames come from.",
    )
    attention: Attention | None = Field(
        default=None,
        description="Attention kernels: native (torch), math (torch's reference), flash, flash3, sage (lossy).",
    )
    cache: Cache | None = Field(
        default=None,
        description="Reuse work between steps (lossy); for undistilled models. first_block: later blocks, where the "
        "first changes little; taylorseer: attention, extrapolated between full steps.",
    )
    cache_threshold: PositiveFloat | None = Field(
        default=None, le=1, description="cache first_block: larger reuses more; default: 0.1."
    )
    cache_interval: int | None = Field(
        default=None,
        ge=2,
        le=20,
        description="cache taylorseer: attention is computed every so many steps; default: 3.",
    )
    compile: bool | None = Field(default=None, description="Compile the repeated transformer blocks; slow first batch.")
    quantise: Quantise | None = Field(
        default=None,
        description="Weights of the transformer blocks in 8 bits, computed in `dtype` (lossy). int8: with a scale for "
        "each row, by torchao; fp8: cast, by diffusers.",
    )
    lora: LoraOptions | None = Field(default=None, description="Weights added to the transformer's (lossy).")
    offload: Offload | None = Field(
        default=None, description="Keep idle parts in host memory: whole models, or groups of layers."
    )
    vae_tiling: bool | None = Field(default=None, description="Decode in overlapping tiles (lossy at their seams).")

    batch: int | None = Field(default=None, ge=1, le=64, description="Clips denoised together; default: the profile's.")
    devices: Annotated[tuple[Device, ...], Field(min_length=1)] | Literal["auto"] = Field(
        default="auto", description="One renderer process on each. auto: every CUDA device, else the CPU."
    )
    timeout_seconds: PositiveFloat = Field(
        default=900, description="Longest time for one clip before its renderer is killed."
    )
    load_timeout_seconds: PositiveFloat = Field(
        default=1800, description="Longest time to load (and compile) the model."
    )
    labelling: Literal["wait", "share", "cpu"] = Field(
        default="wait",
        description="Labels are made once all clips are rendered; on a machine with one GPU, wait: the renderer ends "
        "first and frees its memory; share: it stays loaded until the run ends, within its share of the memory; cpu: "
        "it ends, and the detector runs on the CPU.",
    )
    labelling_memory_gb: PositiveFloat = Field(
        default=4, description="labelling share: GPU memory that the renderer leaves to the detector, GB."
    )
    trust_remote_code: str | None = Field(
        default=None,
        description=f"Only the sentence {REMOTE_CODE_CONSENT!r} lets the code in a model's repository run.",
    )

    @property
    def runs_remote_code(self) -> bool:
        """Whether the recipe's author consented, in words, to the model's own code."""
        return self.trust_remote_code is not None

    @field_validator("devices", mode="before")
    @classmethod
    def _one_device_as_list(cls, devices: Any) -> Any:
        if isinstance(devices, list):
            return tuple(devices)  # what a validator hands on is taken strictly, and a list is no tuple
        return (devices,) if isinstance(devices, str) and devices != "auto" else devices

    @field_validator("cache", mode="before")
    @classmethod
    def _refuse_caches_that_do_not_work(cls, cache: Any) -> Any:
        reason = _REFUSED_CACHES.get(cache) if isinstance(cache, str) else None
        if reason is not None:
            raise ValueError(f"{cache!r} is not offered: {reason}; use first_block or taylorseer")
        return cache

    @field_validator("trust_remote_code")
    @classmethod
    def _consent_in_words(cls, words: str | None) -> str | None:
        if words is not None and words.rstrip(".") != REMOTE_CODE_CONSENT:
            raise ValueError(f"remote code is refused unless this says: {REMOTE_CODE_CONSENT}")
        return words

    @model_validator(mode="after")
    def _parts_agree(self) -> "DiffusersOptions":
        self._check_model_named_once()
        self._check_inputs_of_mode()
        self._check_devices()
        for name, cache in (("cache_threshold", "first_block"), ("cache_interval", "taylorseer")):
            if getattr(self, name) is not None and self.cache not in {None, cache}:
                raise ValueError(f"{name} has no effect with `cache: {self.cache}`; remove one of them")
        return self

    def _check_model_named_once(self) -> None:
        if (self.preset is None) == (self.model is None):
            raise ValueError(
                "name a `preset` (such as wan2.1-1.3b), or a `model` (a hub id or a folder): one of the two"
            )

    def _check_inputs_of_mode(self) -> None:
        for name, mode in (("images", "image"), ("source", "video")):
            given = getattr(self, name) is not None
            if given and self.mode != mode:
                raise ValueError(f"`{name}` belongs to `mode: {mode}`, and the mode is {self.mode}")
            if not given and self.mode == mode:
                raise ValueError(f"`mode: {mode}` needs `{name}`: a folder, or `procedural`")
        if "strength" in self.model_fields_set and self.mode != "video":
            raise ValueError(f"`strength` belongs to `mode: video`, and the mode is {self.mode}")

    def _check_devices(self) -> None:
        if isinstance(self.devices, str):
            return
        twice = next((device for device in self.devices if self.devices.count(device) > 1), None)
        if twice is not None:
            raise ValueError(f"device {twice!r} is listed twice; each runs one renderer")
        if all(device == "cpu" for device in self.devices) and self.offload not in {None, "none"}:
            raise ValueError(
                f"`offload: {self.offload}` moves models between a GPU and the host, and `devices` has no GPU"
            )
