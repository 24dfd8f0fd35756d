"""Which weights a recipe means, found and identified before any work begins. Imports neither torch nor ultralytics."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import EnvironmentFault, FramefoundryError
from schemas.identity import digest
from storage.models import find_model
from storage.store import Store

STARTER = "starter"
STARTER_PATH = Path(__file__).parent / "starter" / "yolo26n-street.pt"

_HELP = "Give `starter`, a .pt file, an OpenVINO export folder, or NAME[@VERSION] of a model in the store."


@dataclass(frozen=True)
class Weights:
    """A detector's weights.

    Attributes:
        name: as the recipe gave it.
        path: a .pt file, or the folder of an OpenVINO export.
        sha256: of the file's bytes; for a folder, of its files' names and hashes.
    """

    name: str
    path: Path
    sha256: str

    @property
    def is_export(self) -> bool:
        """Whether this is an OpenVINO export, which runs on the CPU at the size it was made for."""
        return self.path.is_dir()


def resolve_weights(name: str, store: Store, pinned: str | None = None) -> Weights:
    """Find what ``name`` means. Nothing is ever downloaded, and nothing loaded.

    Args:
        name: as a recipe gives it.
        store: whose models are looked among.
        pinned: the only hash that is accepted; None: any.

    Raises:
        EnvironmentFault: there is no such file, folder or model, it does not hold weights, or has another hash.
    """
    path = _locate(name, store)
    if path.is_dir():
        _check_export(path)
        return _as_pinned(Weights(name, path, _folder_sha256(path)), pinned)
    _check_checkpoint(path)
    return _as_pinned(Weights(name, path, file_sha256(path)), pinned)


def resolve_folder(name: str, folder: Path, pinned: str | None = None) -> Weights:
    """``folder`` as weights, identified by its files: a model of another library, which is not looked into here.

    Raises:
        EnvironmentFault: its hash is not the one that is ``pinned``.
    """
    return _as_pinned(Weights(name, folder, _folder_sha256(folder)), pinned)


def _as_pinned(weights: Weights, pinned: str | None) -> Weights:
    if pinned is not None and weights.sha256 != pinned:
        raise EnvironmentFault(
            f"{weights.path} has the SHA-256 {weights.sha256}, and the recipe wants {pinned}. It was not loaded.",
            "A .pt file can run code: find out why it differs before you change the hash in the recipe.",
        )
    return weights


def _locate(name: str, store: Store) -> Path:
    if name == STARTER:
        if not STARTER_PATH.is_file():
            raise EnvironmentFault(
                f"annotator.weights: the starter detector is missing: {STARTER_PATH}.",
                "Restore it from the repository, or train it again with `framefoundry bootstrap`.",
            )
        return STARTER_PATH
    path = Path(name).expanduser()
    if path.exists():
        return path
    if path.suffix or len(path.parts) > 1 or name.endswith("_openvino_model"):
        raise EnvironmentFault(
            f"annotator.weights: {name!r} does not exist (looked at {path.absolute()}).",
            f"Framefoundry downloads no weights: put the file there first. {_HELP}",
        )
    model, _, version = name.partition("@")
    try:
        return find_model(store, model, version or None).weights
    except FramefoundryError as fault:
        raise EnvironmentFault(
            f"annotator.weights: {name!r} is no file and no model of the store: {fault.message}", _HELP
        ) from fault


def _check_export(folder: Path) -> None:
    models = sorted(folder.glob("*.xml"))
    if len(models) != 1 or not models[0].with_suffix(".bin").is_file() or not (folder / "metadata.yaml").is_file():
        raise EnvironmentFault(
            f"annotator.weights: {folder} is not an OpenVINO export of ultralytics.",
            'It holds one .xml, its .bin and metadata.yaml: `YOLO("model.pt").export(format="openvino")` writes them.',
        )


def _check_checkpoint(path: Path) -> None:
    """A PyTorch checkpoint is a zip archive with a ``data.pkl`` in it; looking for that runs no pickle."""
    if path.suffix != ".pt":
        raise EnvironmentFault(f"annotator.weights: {path} is not a .pt file.", _HELP)
    try:
        with zipfile.ZipFile(path) as archive:
            whole = any(Path(member).name == "data.pkl" for member in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        whole = False
    if not whole:
        raise EnvironmentFault(
            f"annotator.weights: {path} ({path.stat().st_size} bytes) holds no weights; it is no PyTorch checkpoint.",
            "The file is damaged or something else (a Git LFS pointer, an error page); fetch it again.",
        )


def file_sha256(path: Path) -> str:
    """Of the file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_sha256(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest([[path.relative_to(folder).as_posix(), file_sha256(path)] for path in files], length=64)
