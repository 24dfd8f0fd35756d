"""Checkpoints as OpenVINO models: made at their first use, kept by the hash of all that determines them."""

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

from filelock import FileLock

from annotators.checkpoint import kept_threads, load_detection_model
from annotators.engine.calibration import calibration_inputs, calibration_sha256
from annotators.offline import prepare_openvino
from annotators.weights import Weights
from schemas.annotator_options import Precision
from schemas.identity import digest
from storage.private_folders import make_private_folder

EXPORT_VERSION = 1
_log = logging.getLogger(__name__)


def provide_export(weights: Weights, precision: Precision, image_size: int | None) -> Path:
    """The folder of the OpenVINO model of ``weights``; made now where it is not there yet.

    It takes any input size. Processes that want the same one wait for the first; a half-made one is never seen.

    Args:
        weights: of a checkpoint.
        precision: int8 is a model of its own; f32 and auto are two ways to run the same one.
        image_size: longer side, pixels, of the inputs that INT8 is calibrated on; None: as trained.

    Raises:
        EnvironmentFault: not weights of a detector.
    """
    whole = _provide(_key(weights, "f32"), lambda folder: _export(weights, folder))
    if precision != "int8":
        return whole
    return _provide(_key(weights, "int8", image_size), lambda folder: _quantise(whole, folder, image_size))


def export_folder() -> Path:
    """Where exports are kept: ``FRAMEFOUNDRY_CACHE``, or the user's cache folder. It may be removed at any time."""
    cache = os.environ.get("FRAMEFOUNDRY_CACHE")
    if cache:
        return Path(cache) / "openvino"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "framefoundry" / "openvino"


def export_identity(precision: Precision) -> list[Any]:
    """What determines an export's figures besides the weights, for a fingerprint."""
    base: list[Any] = [EXPORT_VERSION, version("openvino"), precision]
    return [*base, calibration_sha256()] if precision == "int8" else base


def _key(weights: Weights, precision: Precision, image_size: int | None = None) -> str:
    return digest([weights.sha256, version("ultralytics"), version("torch"), *export_identity(precision), image_size])


def _provide(key: str, make: Callable[[Path], None]) -> Path:
    folder = export_folder()
    kept = folder / key
    make_private_folder(folder)
    if kept.is_dir():
        return kept
    with FileLock(folder / f"{key}.lock"):
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(dir=folder, prefix="making-") as scratch:
                made = Path(scratch) / "model"
                made.mkdir()
                make(made)
                made.rename(kept)
    return kept


def _export(weights: Weights, folder: Path) -> None:
    _log.info("Exporting %s to OpenVINO; this happens once.", weights.name)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "model.pt"  # ultralytics writes beside the checkpoint
        shutil.copyfile(weights.path, copy)
        model = load_detection_model(copy)
        with kept_threads(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing is deprecated, and what ultralytics does
            made = model.export(format="openvino", dynamic=True, device="cpu", verbose=False)
        for file in Path(made).iterdir():
            shutil.move(file, folder / file.name)


def _quantise(whole: Path, folder: Path, image_size: int | None) -> None:
    """INT8 but for the head, whose boxes and scores lose by it; as ultralytics does, on our own frames."""
    prepare_openvino()
    import nncf
    import openvino as ov
    import yaml

    _log.info("Quantising %s to INT8; this happens once.", whole.name)
    told = (whole / "metadata.yaml").read_text(encoding="utf-8")
    about = yaml.safe_load(told)
    inputs = calibration_inputs(image_size or max(about["imgsz"]), int(about["stride"]))
    model = ov.Core().read_model(next(whole.glob("*.xml")))
    operations = model.get_ordered_ops()
    head = [op.get_friendly_name() for op in operations if op.get_type_name() == "Sigmoid"][-1].split("/", 1)[0]
    spared = [
        op.get_friendly_name()
        for op in operations
        if op.get_type_name() == "Sigmoid" or op.get_friendly_name().startswith((f"{head}/", f"{head}.dfl"))
    ]
    nncf.set_log_level(logging.ERROR)
    with redirect_stdout(StringIO()):  # its progress bars
        small = nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
            ignored_scope=nncf.IgnoredScope(names=spared),
        )
    ov.save_model(small, folder / "model.xml", compress_to_fp16=False)
    (folder / "metadata.yaml").write_text(told, encoding="utf-8")
