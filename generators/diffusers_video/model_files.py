"""Where a model's files lie, whether they are complete and safe to load, and what identifies them."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from generators.diffusers_video.presets import Preset, find_preset, preset_of_model
from schemas.diffusers_options import REMOTE_CODE_CONSENT, DiffusersOptions
from schemas.errors import EnvironmentFault, RecipeError
from schemas.identity import digest

INDEX = "model_index.json"
_OWN_LIBRARIES = {"diffusers", "transformers"}
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Component:
    """One part of a pipeline: its name, the library and class that load it, its folder."""

    name: str
    library: str
    class_name: str
    folder: Path

    def config(self) -> dict[str, Any]:
        """Its ``config.json``; empty where it has none (tokenizers, schedulers)."""
        path = self.folder / "config.json"
        return _read_json(path) if path.is_file() else {}

    @property
    def has_weights(self) -> bool:
        """Whether it holds weights, and not only settings or a vocabulary."""
        return any(self.folder.glob("*.safetensors"))


@dataclass(frozen=True)
class ModelFiles:
    """A model that is on this machine, whole.

    Attributes:
        folder: its diffusers folder.
        name: hub id, or the folder's name.
        revision: commit of a hub model; for a folder, the beginning of its content's hash.
        fingerprint: of all that determines its outputs.
        pipeline: class name in its index.
        components: its parts, in the index's order; parts that the index leaves empty are not among them.
        preset: the preset that it is, if it is one.
        settings: values of the index that are no components, such as ``expand_timesteps``.
    """

    folder: Path
    name: str
    revision: str
    fingerprint: str
    pipeline: str
    components: tuple[Component, ...]
    preset: Preset | None
    settings: dict[str, Any]

    def component(self, name: str) -> Component | None:
        """The part called ``name``, if there is one."""
        return next((part for part in self.components if part.name == name), None)


def locate_model(options: DiffusersOptions) -> ModelFiles:
    """Find the model of ``options`` on this machine. Nothing is downloaded.

    Raises:
        EnvironmentFault: not on this machine, incomplete, or not stored as safetensors.
        RecipeError: not a diffusers model, or one that brings its own code without the recipe's consent.
    """
    preset = find_preset(options.preset) if options.preset else preset_of_model(options.model or "")
    name = preset.model if preset else str(options.model)
    local = Path(name).expanduser()
    if not preset and (local.is_dir() or local.is_absolute() or name.startswith(".")):
        return _open(local, local.name, None, None, allow_code=options.runs_remote_code)
    revision = options.revision or (preset.revision if preset else None)
    folder = _find_in_cache(name, revision, options.preset or name)
    return _open(folder, name, folder.name, preset, allow_code=options.runs_remote_code)


def _find_in_cache(name: str, revision: str | None, wanted: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        at = f" at {revision}" if revision else ""
        raise EnvironmentFault(
            f"generator: the model {name}{at} is not on this machine.",
            f"Run `framefoundry fetch {wanted}` where there is a network (it shows size and licence first).",
        ) from None
    except HFValidationError:
        raise RecipeError(
            f"generator.model: {name!r} is neither a folder here nor a hub id.", "Write a path, or `owner/name`."
        ) from None


def _open(folder: Path, name: str, commit: str | None, preset: Preset | None, *, allow_code: bool) -> ModelFiles:
    path = folder / INDEX
    if not path.is_file():
        raise EnvironmentFault(
            f"generator.model: {folder} holds no {INDEX}.",
            "Give a diffusers folder: the one that `save_pretrained` wrote.",
        )
    index = _read_json(path)
    pipeline = index.pop("_class_name", None)
    entries = {key: value for key, value in index.items() if isinstance(value, list) and len(value) == 2}
    present = {key: value for key, value in entries.items() if value[1]}
    if not allow_code:
        _refuse_code(folder, pipeline, present)
    parts = tuple(Component(key, value[0], value[1], folder / key) for key, value in present.items())
    for part in parts:
        _check_component(part)
    settings = {key: value for key, value in index.items() if key not in entries and not key.startswith("_")}
    content = digest([name, commit]) if commit else _hash_folder(folder)
    class_name = pipeline[-1] if isinstance(pipeline, list) else str(pipeline)
    return ModelFiles(folder, name, commit or content[:12], content, class_name, parts, preset, settings)


def _refuse_code(folder: Path, pipeline: object, entries: dict[str, list[str]]) -> None:
    foreign = next((f"{key}: {lib}" for key, (lib, _) in entries.items() if lib not in _OWN_LIBRARIES), None)
    if isinstance(pipeline, list):
        foreign = f"the pipeline: {pipeline[0]}"
    if foreign is not None:
        raise RecipeError(
            f"generator: the model in {folder} brings its own code ({foreign}), which would run with your rights.",
            f"If you have read it, write in the recipe: trust_remote_code: {REMOTE_CODE_CONSENT!r}",
        )


def _check_component(part: Component) -> None:
    if not part.folder.is_dir():
        raise EnvironmentFault(
            f"{part.folder} is missing: the model's {part.name}.", "Run `framefoundry fetch` again; it resumes."
        )
    pickles = sorted(path.name for pattern in _PICKLES for path in part.folder.glob(pattern))
    if pickles and not part.has_weights:
        raise EnvironmentFault(
            f"{part.folder} holds {pickles[0]} and no safetensors; pickled weights can run code and are not loaded.",
            "Convert them: load in a sandbox and `save_pretrained(..., safe_serialization=True)`.",
        )
    for index in part.folder.glob("*.safetensors.index.json"):
        shards = sorted(set(_read_json(index).get("weight_map", {}).values()))
        absent = [shard for shard in shards if not (part.folder / shard).is_file()]
        if absent:
            raise EnvironmentFault(
                f"{part.folder / absent[0]} is missing: {len(absent)} of {len(shards)} files of the {part.name}.",
                "Run `framefoundry fetch` again; it resumes.",
            )
    architecture = part.config()
    if (architecture.get("_class_name") or architecture.get("architectures")) and not part.has_weights:
        raise EnvironmentFault(f"{part.folder} holds no weights.", "Run `framefoundry fetch` again; it resumes.")


def _hash_folder(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".json", ".safetensors", ".model", ".txt"}]
    return digest([[path.relative_to(folder).as_posix(), _hash_file(path, *_stamp(path))] for path in files])


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4096)
def _hash_file(path: Path, _size: int, _changed: int) -> str:
    sha = hashlib.sha256()
    for block in _blocks(path):
        sha.update(block)
    return sha.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise EnvironmentFault(
            f"{path} is not JSON: {fault}.", "The model is damaged; fetch or copy it again."
        ) from None
    if not isinstance(data, dict):
        raise EnvironmentFault(f"{path} holds no mapping.", "The model is damaged; fetch or copy it again.")
    return data
