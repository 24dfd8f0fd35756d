"""Labelling against FiftyOne's own way: ``dataset.apply_model`` with an ultralytics model, on the same frames

- apply_model: ``convert_ultralytics_model(YOLO(weights))`` of `fiftyone.utils.ultralytics` on a dataset of the clips'
  frames, decoded to images beforehand (not timed, in its favour), ``batch_size=8``. In torch: it takes no OpenVINO
  export. It detects; it does not track.
- ours: detections and tracks of the clips themselves, decoded and written to a store; with `boxes: strongest`, and the
  product's default (two views, offline tracks, refinement).

Sides take turns; the best round of each counts. The last line is one JSON object: `vs_apply_model` (frames a second of
ours over theirs), `default_vs_apply_model`, and `boxes_a_frame` of both.

    python benchmarks/fiftyone_labelling.py [--full]
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labels.clips import render_clips
from speed.our_side import label_and_write
from speed.stopwatch import Stopwatch

from annotators.offline import prepare_ultralytics
from annotators.weights import Weights, resolve_weights
from annotators.yolo import YoloAnnotator
from publishers.fiftyone_session import fiftyone_session
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames

SIZE, BATCH, FLOOR = 320, 8, 0.25
APPLY_MODEL, OURS, OURS_DEFAULT = "apply_model", "ours, same work and tracks", "ours, default"
FIELD = "applied"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more clips and rounds, for the record")
    clips, rounds = (24, 4) if parser.parse_args().full else (6, 2)
    with tempfile.TemporaryDirectory() as name, fiftyone_session(Path(name) / "fiftyone") as fiftyone:
        scratch = Path(name)
        store = Store.open(scratch / "store")
        records = [record for _, record in render_clips(store, clips)]
        weights = resolve_weights("starter", store)
        dataset = make_dataset(fiftyone, store, records, scratch / "frames")
        compare(dataset, store, records, weights, rounds)


def make_dataset(fiftyone: Any, store: Store, records: Sequence[ClipRecord], folder: Path) -> Any:
    """A FiftyOne dataset of every frame as an image."""
    import cv2

    folder.mkdir()
    paths = []
    for record in records:
        for index, image in read_frames(media_path(store, record)):
            path = folder / f"{record.clip_id}-{index:04d}.jpg"
            cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
            paths.append(path)
    dataset = fiftyone.Dataset("frames")
    dataset.add_samples([fiftyone.Sample(filepath=str(path)) for path in paths], progress=False)
    return dataset


def compare(dataset: Any, store: Store, records: Sequence[ClipRecord], weights: Weights, rounds: int) -> None:
    """Time every side, print the table and the line of JSON."""
    sides: dict[str, Callable[[], Any]] = {APPLY_MODEL: apply_model(dataset, weights.path)}
    strongest = YoloOptions.model_validate(
        {"image_size": SIZE, "score_floor": FLOOR, "boxes": "strongest", "refine": None, "tracker": "bytetrack"}
    )
    for name, options in ((OURS, strongest), (OURS_DEFAULT, YoloOptions())):
        annotator = YoloAnnotator(options, weights, store)
        sides[name] = lambda annotator=annotator: label_and_write(annotator, store, records)
    watches = {name: Stopwatch() for name in sides}
    answers = {name: side() for name, side in sides.items()}
    for _ in range(rounds):
        for name, side in sides.items():
            watches[name].measure(side)
    frames = sum(record.frames for record in records)
    print(f"{frames} frames of {records[0].width}x{records[0].height}, at {SIZE}\n{'':28}{'frames/s':>9}{'core-ms':>9}")
    for name, watch in watches.items():
        print(f"{name:28}{frames / watch.wall:>9.0f}{watch.processor / frames * 1e3:>9.2f}")
    theirs = len(dataset.values(f"{FIELD}.detections.label", unwind=True))
    figures = {
        "vs_apply_model": round(watches[APPLY_MODEL].wall / watches[OURS].wall, 2),
        "default_vs_apply_model": round(watches[APPLY_MODEL].wall / watches[OURS_DEFAULT].wall, 2),
        "boxes_a_frame": {
            APPLY_MODEL: round(theirs / frames, 2),
            OURS: round(sum(table.num_rows for table in answers[OURS]) / frames, 2),
        },
        "frames": frames,
    }
    print(json.dumps(figures))


def apply_model(dataset: Any, weights: Path) -> Callable[[], None]:
    """FiftyOne's own way of labelling ``dataset`` with ``weights``."""
    prepare_ultralytics()
    from fiftyone.utils.ultralytics import convert_ultralytics_model
    from ultralytics.models import YOLO

    network = YOLO(str(weights))
    network.overrides.update(imgsz=SIZE, verbose=False)
    model = convert_ultralytics_model(network)

    def run() -> None:
        dataset.apply_model(model, label_field=FIELD, confidence_thresh=FLOOR, batch_size=BATCH, progress=False)

    return run


if __name__ == "__main__":
    main()
