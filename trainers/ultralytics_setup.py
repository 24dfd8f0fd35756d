"""Keeps ultralytics off the network, quiet, and out of the user's own settings while it trains."""

import os
import shutil
from pathlib import Path

FONT_FILES = ("Arial.ttf", "Arial.Unicode.ttf")


def prepare_ultralytics() -> None:
    """Set ultralytics' environment; call it before each import of it. What the user has set wins.

    Nothing is downloaded, installed or reported. Its settings lie in a folder of ours below the user's cache, with any
    font under the names that it would otherwise ask the network for at each training. The environment has no effect on
    an ultralytics that was imported before; fonts and settings have.
    """
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    if "YOLO_CONFIG_DIR" not in os.environ:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        os.environ["YOLO_CONFIG_DIR"] = str(Path(cache) / "framefoundry" / "ultralytics")
    Path(os.environ["YOLO_CONFIG_DIR"]).mkdir(parents=True, exist_ok=True)
    from ultralytics.utils import SETTINGS, USER_CONFIG_DIR

    if SETTINGS.get("sync"):
        SETTINGS.update(sync=False)
    _provide_fonts(Path(USER_CONFIG_DIR))


def _provide_fonts(folder: Path) -> None:
    missing = [folder / name for name in FONT_FILES if not (folder / name).exists()]
    if not missing:
        return
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for target in missing:
        shutil.copyfile(font, target)
