"""Low-rank weights: found on this machine, identified by their content, and merged into the transformer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generators.diffusers_video.inputs import hash_file
from schemas.diffusers_options import LoraOptions
from schemas.errors import EnvironmentFault, RecipeError
from schemas.identity import digest


@dataclass(frozen=True)
class LoraFile:
    """A file of low-rank weights that is on this machine.

    Attributes:
        path: a .safetensors file.
        sha256: of its bytes; part of a clip's identity.
        scale: how strongly it is added.
    """

    path: Path
    sha256: str
    scale: float

    def identity(self) -> str:
        """What it changes about the pixels, as one hash."""
        return digest([self.sha256, self.scale])


def locate_lora(options: LoraOptions) -> LoraFile:
    """Find the weights of ``options`` on this machine. Nothing is downloaded.

    Raises:
        EnvironmentFault: not on this machine.
        RecipeError: not safetensors, or one of several files that the recipe has to choose from.
    """
    local = Path(options.model).expanduser()
    if local.is_file():
        path = local
    elif local.is_dir():
        path = _choose(local, options)
    elif local.is_absolute() or options.model.startswith(".") or options.model.count("/") != 1:
        raise EnvironmentFault(f"generator.lora.model: there is no {local}.", "Correct the path, or give a hub id.")
    else:
        path = _choose(_find_in_cache(options), options)
    if path.suffix != ".safetensors":
        raise RecipeError(
            f"generator.lora: {path.name} is no .safetensors file; pickled weights can run code and are not loaded.",
            "Use the safetensors version.",
        )
    return LoraFile(path, hash_file(path), options.scale)


def merge_lora(pipe: Any, lora: LoraFile) -> None:
    """Add ``lora`` to the weights of the transformer of ``pipe``, for good.

    Raises:
        EnvironmentFault: this pipeline takes none, the file was made for another model, or it changed no weight.
    """
    if not hasattr(pipe, "load_lora_weights"):
        raise EnvironmentFault(f"generator.lora: {type(pipe).__name__} takes no LoRA.", "Remove `lora`.")
    name = "recipe"
    try:
        pipe.load_lora_weights(
            str(lora.path.parent), weight_name=lora.path.name, adapter_name=name, local_files_only=True,
            use_safetensors=True,
        )  # fmt: skip
        before = _touched_weights(pipe.transformer)
        pipe.fuse_lora(components=["transformer"], adapter_names=[name], lora_scale=lora.scale)
    except (ImportError, KeyError, RuntimeError, ValueError) as fault:
        raise EnvironmentFault(
            f"generator.lora: {lora.path.name} does not fit {type(pipe.transformer).__name__}: {fault}",
            "Use a LoRA that was made for this model.",
        ) from None
    if before == _touched_weights(pipe.transformer):
        raise EnvironmentFault(
            f"generator.lora: {lora.path.name} changed no weight of {type(pipe.transformer).__name__}.",
            "Use a LoRA that was made for this model, or raise its scale.",
        )
    pipe.unload_lora_weights()


def _touched_weights(transformer: Any) -> list[float]:
    """A sum over each weight that a LoRA is attached to."""
    import torch

    layers = [layer for layer in transformer.modules() if hasattr(layer, "lora_A")]
    return [float(layer.get_base_layer().weight.abs().sum(dtype=torch.float64)) for layer in layers]


def _choose(folder: Path, options: LoraOptions) -> Path:
    if options.weight_name is not None:
        path = folder / options.weight_name
        if not path.is_file():
            raise EnvironmentFault(f"generator.lora.weight_name: there is no {path}.", _fetch_hint(options))
        return path
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise EnvironmentFault(f"generator.lora: {folder} holds no .safetensors file.", _fetch_hint(options))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise RecipeError(f"generator.lora: {folder} holds several files: {names}.", "Choose one by `weight_name`.")
    return found[0]


def _find_in_cache(options: LoraOptions) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(options.model, revision=options.revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        raise EnvironmentFault(
            f"generator.lora: {options.model} is not on this machine.", _fetch_hint(options)
        ) from None


def _fetch_hint(options: LoraOptions) -> str:
    name = options.weight_name or "NAME.safetensors"
    return f"Where there is a network: `framefoundry fetch {options.model} --lora {name}`."
