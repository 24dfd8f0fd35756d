"""Keeps ultralytics and OpenVINO off the network, and ultralytics out of the user's own settings."""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from annotators.engine.cores import usable_cores
from storage.private_folders import make_private_folder

REPORTING_SETTINGS = ("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
_OPENVINO_REPORTS = "openvino_telemetry"  # the package, and the file with the user's consent


def prepare_ultralytics() -> None:
    """Set ultralytics' environment; call it before each import of it. Repeated calls cost nothing.

    Nothing may be downloaded, installed or reported: a missing file is our error message, not its download. Its
    settings, and the fonts that it would fetch before drawing, live in a folder of our own. What the user has set
    wins. Without effect on an ultralytics that was imported before.
    """
    if "ultralytics" in sys.modules:
        return
    prepare_openvino()
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    # Else it sets 1, for this process and all that follow, and our engine would keep to one core.
    os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "true")  # a .pt is a pickle: build only known classes from it
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = private_folder()
        make_private_folder(folder)
        os.environ["YOLO_CONFIG_DIR"] = str(folder)
        _provide_fonts(folder / "Ultralytics")
        _switch_off_reports()


def prepare_openvino() -> None:
    """Leave OpenVINO and NNCF without the package that reports their imports and conversions to their maker.

    They have no setting for it but a file in the user's home, and report where there is none. Who said yes in that file
    is not overruled. Call it before each import of them; repeated calls cost nothing.
    """
    if _OPENVINO_REPORTS in sys.modules:
        return
    with suppress(OSError):
        if (Path.home() / "intel" / _OPENVINO_REPORTS).read_text(encoding="utf-8").strip() == "1":
            return
    sys.modules[_OPENVINO_REPORTS] = None  # type: ignore[assignment] # so Python refuses to import it


def private_folder() -> Path:
    """Where ultralytics keeps its settings when it works for us."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "framefoundry" / "ultralytics"


def _provide_fonts(folder: Path) -> None:
    """Matplotlib's font under the names that ultralytics looks for: it asks the network for what is not there."""
    missing = [folder / name for name in ("Arial.ttf", "Arial.Unicode.ttf") if not (folder / name).exists()]
    if not missing:
        return
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for path in missing:
        shutil.copyfile(font, path)


def _switch_off_reports() -> None:
    """Usage figures, and services that it reports a training to as soon as their package is installed.

    Written only while one is still on, for several processes share the file.
    """
    from ultralytics.utils import SETTINGS

    reporting = {name: False for name in REPORTING_SETTINGS if SETTINGS.get(name)}
    if reporting:
        SETTINGS.update(reporting)
