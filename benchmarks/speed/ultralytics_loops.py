"""The loops of ultralytics that labelling is measured against, over a folder of clips."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from labels.scoring import LabelledClip

from annotators.engine.exports import provide_export
from annotators.offline import prepare_ultralytics
from annotators.trackers import load_tracker_config
from annotators.weights import Weights
from schemas.annotator_options import Precision


class TrackLoop:
    """``for r in YOLO(w).track(source=folder, stream=True, tracker=t)``, its model loaded once."""

    def __init__(self, weights: Path, folder: Path, tracker: str, image_size: int, floor: float, batch: int) -> None:
        prepare_ultralytics()
        from ultralytics.models import YOLO

        self._model = YOLO(str(weights), task="detect")
        self._folder = folder
        self._settings: dict[str, Any] = {
            "tracker": str(load_tracker_config(tracker).path), "imgsz": image_size, "conf": floor, "batch": batch,
        }  # fmt: skip

    def warm_up(self) -> None:
        """Follow one clip, so that the model is loaded and compiled."""
        self._follow(min(self._folder.iterdir()))

    def run(self) -> list[LabelledClip]:
        """Tracks of every clip, by name of the file."""
        return self._follow(self._folder)

    def _follow(self, source: Path) -> list[LabelledClip]:
        rows: dict[str, list[np.ndarray]] = {}
        for result in self._model.track(source=str(source), stream=True, verbose=False, **self._settings):
            of_clip = rows.setdefault(result.path, [])
            found = result.boxes.data.cpu().numpy() if result.boxes.is_track else np.zeros((0, 7), np.float32)
            of_clip.append(found)
        return [_as_labels(rows[path]) for path in sorted(rows)]


def make_static_export(weights: Weights, precision: Precision, size: tuple[int, int], batch: int, folder: Path) -> Path:
    """An export as ``model.export(format="openvino", imgsz=size, batch=batch)`` writes it, of the same network as ours.

    Our own export takes any size; with its shape fixed it is what ultralytics' best asks for, so that nothing but the
    loop differs.
    """
    import openvino as ov

    source = provide_export(weights, precision, max(size))
    made = Path(tempfile.mkdtemp(dir=folder, suffix="_openvino_model"))
    model = ov.Core().read_model(next(source.glob("*.xml")))
    model.reshape([batch, 3, *size])
    ov.save_model(model, made / "model.xml", compress_to_fp16=False)
    about = yaml.safe_load((source / "metadata.yaml").read_text(encoding="utf-8"))
    about |= {"imgsz": list(size), "batch": batch, "dynamic": False, "args": about.get("args", {}) | {"dynamic": False}}
    (made / "metadata.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    return made


def _as_labels(frames: list[np.ndarray]) -> LabelledClip:
    """From rows of x1, y1, x2, y2, id, score, class a frame; within a frame by id."""
    rows = np.concatenate([found[np.argsort(found[:, 4])] for found in frames])
    frame = np.repeat(np.arange(len(frames)), [len(found) for found in frames])
    return LabelledClip(frame, rows[:, 4].astype(int), rows[:, 6].astype(int), rows[:, :4], rows[:, 5])
