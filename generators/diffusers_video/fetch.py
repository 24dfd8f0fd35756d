"""Bringing a model to this machine: the only thing here that downloads."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from generators.diffusers_video.inputs import hash_file
from generators.diffusers_video.lora import locate_lora
from generators.diffusers_video.model_files import locate_model
from generators.diffusers_video.presets import PRESETS, Preset, find_preset, preset_of_model
from schemas.diffusers_options import DiffusersOptions, LoraOptions
from schemas.errors import EnvironmentFault, RecipeError

# What a pipeline is loaded from. Pickled weights, demo videos and original checkpoints at the top level stay away.
WANTED = ("*.json", "*/*.json", "*/*.safetensors", "*/*.model", "*/*.txt", "LICENSE*", "README.md")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FetchPlan:
    """What would be downloaded.

    Attributes:
        model: hub id.
        revision: the commit that the wanted revision stands for now.
        pinned: whether the revision asked for was a commit.
        bytes_total, bytes_missing: of the wanted files; missing ones are not on this machine yet.
        licence: of the model's outputs; "see the model's page" where this repository does not know it.
        trains_freely: whether a detector may be trained on outputs without further terms; None where unknown.
        lora: the one file that is wanted, of a LoRA's repository; None: a whole pipeline.
    """

    model: str
    revision: str
    pinned: bool
    bytes_total: int
    bytes_missing: int
    licence: str
    trains_freely: bool | None
    lora: str | None = None


def plan_fetch(name: str, revision: str | None = None, lora: str | None = None) -> FetchPlan:
    """Ask the hub what ``name``, a preset or a hub id, would download; with ``lora`` only that file of it.

    Raises:
        EnvironmentFault: offline, or the hub cannot be reached or has no such model.
        RecipeError: ``lora`` is no .safetensors file.
    """
    if lora is not None and not lora.endswith(".safetensors"):
        raise RecipeError(f"--lora {lora}: only .safetensors files are loaded.", "Name the safetensors version.")
    preset = _find(name)
    model = preset.model if preset else name
    wanted = revision or (preset.revision if preset else None)
    _refuse_offline(model)
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        commit = HfApi().model_info(model, revision=wanted).sha
        files = snapshot_download(model, revision=commit, allow_patterns=_patterns(lora), dry_run=True)
    except (HfHubHTTPError, OSError) as fault:
        raise EnvironmentFault(
            f"{model}: the hub gave no answer: {fault}", "Check the name, the network, and `HF_TOKEN` for gated models."
        ) from None
    return FetchPlan(
        model=model,
        revision=str(commit),
        pinned=wanted == commit,
        bytes_total=sum(file.file_size or 0 for file in files),
        bytes_missing=sum(file.file_size or 0 for file in files if file.will_download),
        licence=preset.licence if preset else "see the model's page",
        trains_freely=preset.trains_freely if preset else None,
        lora=lora,
    )


def carry_out(plan: FetchPlan) -> Path:
    """Download what is missing, resuming where an earlier attempt ended, and verify the whole; where it lies now.

    Every large file must have the SHA-256 that the hub names it by, and every component must be complete and stored as
    safetensors.

    Raises:
        EnvironmentFault: offline, the disk is full, the download failed, or the model is not usable.
    """
    _refuse_offline(plan.model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder = snapshot_download(plan.model, revision=plan.revision, allow_patterns=_patterns(plan.lora))
    except (HfHubHTTPError, OSError) as fault:
        raise EnvironmentFault(f"{plan.model}: {fault}", "Run the same command again; it resumes.") from None
    verify_content(Path(folder))
    if plan.lora is not None:
        return locate_lora(LoraOptions(model=plan.model, revision=plan.revision, weight_name=plan.lora)).path
    return locate_model(DiffusersOptions(model=plan.model, revision=plan.revision)).folder


def verify_content(folder: Path) -> int:
    """Compare each large file of a cached model with the SHA-256 that its blob is named by; how many there were.

    Raises:
        EnvironmentFault: one differs; it is removed, so that the next download brings it again.
    """
    blobs = sorted({path.resolve() for path in folder.rglob("*") if _SHA256.fullmatch(path.resolve().name)})
    for blob in blobs:
        if hash_file(blob) != blob.name:
            blob.unlink()
            raise EnvironmentFault(
                f"{blob} does not have the hash that the hub names; it was removed.", "Run the same command again."
            )
    return len(blobs)


def cache_folder() -> Path:
    """Where models are kept: the hub client's own cache, shared with other programs (``HF_HOME`` moves it)."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _patterns(lora: str | None) -> list[str]:
    return list(WANTED) if lora is None else [lora, "LICENSE*", "README.md"]


def _find(name: str) -> Preset | None:
    if any(name == preset.name for preset in PRESETS) or "/" not in name:
        return find_preset(name)
    return preset_of_model(name)


def _refuse_offline(model: str) -> None:
    for variable in ("FRAMEFOUNDRY_OFFLINE", "HF_HUB_OFFLINE"):
        if os.environ.get(variable, "").lower() in {"1", "true", "yes", "on"}:
            raise EnvironmentFault(
                f"{model} cannot be downloaded: {variable} is set.",
                f"Unset it for this command: `env -u {variable} …`.",
            )
