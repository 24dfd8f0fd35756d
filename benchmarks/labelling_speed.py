"""Frames per second of labelling (detect, track, refine) against the plain ultralytics loop on the same clips.

The plain loop is ``for r in YOLO(w).track(source=clip, stream=True)``, same tracker, its model loaded once. Both
read the same procedural clips, in turn, round by round; the best round of each counts, so that other work on the
machine does not. The last line is one JSON object: `vs_plain` is `frames_per_second` over `plain_frames_per_second`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotators.frame_scores import score_frames
from annotators.offline import prepare_ultralytics
from annotators.trackers import load_tracker_config
from annotators.weights import resolve_weights
from annotators.yolo import YoloAnnotator
from generators.procedural import render
from generators.procedural.scene import SceneRequest
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord, Origin, Scenario
from storage.clips import commit_clip, media_path
from storage.store import Store
from storage.video import read_frames, write_clip

OBJECTS = {"car": 2, "person": 2, "bicycle": 1, "bus": 1, "dog": 1}
CONDITIONS = (
    {"weather": "clear", "light": "day"},
    {"weather": "rain", "light": "night"},
    {"weather": "fog", "light": "dusk"},
)


@dataclass
class Stage:
    """Seconds of the best round of one stage, by the clock and of the processor."""

    wall: float = float("inf")
    processor: float = float("inf")

    def measure(self, work: Callable[[], Any]) -> Any:
        """Do ``work`` and keep its seconds if they are the fewest so far."""
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.processor = min(self.processor, time.process_time() - processor)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more clips and rounds, for the record")
    parser.add_argument("--weights", default="starter", help="as in a recipe")
    parser.add_argument("--tracker", default="ocsort")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument(
        "--boxes", default="voted", help="voted looks at a frame once, as the plain loop; two_views twice"
    )
    parser.add_argument("--device", default="auto")
    choice = parser.parse_args()
    clips, rounds = (24, 5) if choice.full else (4, 2)
    options = YoloOptions(
        weights=choice.weights, tracker=choice.tracker, batch=choice.batch, boxes=choice.boxes, device=choice.device
    )
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        records = list(_commit_clips(store, clips))
        report(*compare(options, store, records, rounds), sum(record.frames for record in records))


def compare(
    options: YoloOptions, store: Store, records: list[ClipRecord], rounds: int
) -> tuple[dict[str, Stage], dict[str, int]]:
    """Run both over ``records``; seconds by stage and boxes by side."""
    annotator = YoloAnnotator(options, resolve_weights(options.weights, store), store)
    plain_loop = _plain_loop(annotator, options, [media_path(store, record) for record in records])
    stages = {name: Stage() for name in ("plain", "ours", "decode", "detect", "track", "score")}
    boxes = {}
    annotator.detector, next(plain_loop(1))  # load and warm up
    for _ in range(rounds):
        boxes["plain"] = stages["plain"].measure(lambda: sum(plain_loop(len(records))))
        detections = stages["detect"].measure(lambda: list(annotator.detect(records)))
        tables = stages["track"].measure(lambda pairs=detections: [annotator.track([pair])[0] for pair in pairs])
        boxes["ours"] = sum(table.num_rows for table in tables)
        stages["decode"].measure(lambda: [sum(1 for _ in read_frames(media_path(store, r))) for r in records])
        stages["score"].measure(lambda: [score_frames(media_path(store, r), r.frames) for r in records])
    stages["ours"] = Stage(
        stages["detect"].wall + stages["track"].wall, stages["detect"].processor + stages["track"].processor
    )
    return stages, boxes


def report(stages: dict[str, Stage], boxes: dict[str, int], frames: int) -> None:
    """Print the table and the line of JSON."""
    titles = {
        "plain": "plain loop", "ours": "ours: detect + track + refine", "detect": "  detect, decoding included",
        "decode": "  decode alone", "track": "  track + refine", "score": "frame scores (on top)",
    }  # fmt: skip
    plain = stages["plain"]
    print(f"{frames} frames of 320x192\n{'':32}{'frames/s':>10}{'ms CPU/frame':>14}{'vs plain':>10}{'boxes':>8}")
    for name, title in titles.items():
        stage = stages[name]
        ratio = f"{plain.wall / stage.wall:.2f}" if name in {"plain", "ours"} else ""
        speed, cost = frames / stage.wall, stage.processor / frames * 1e3
        print(f"{title:32}{speed:>10.1f}{cost:>14.2f}{ratio:>10}{boxes.get(name, ''):>8}")
    figures = {
        "vs_plain": plain.wall / stages["ours"].wall,
        "vs_plain_processor": plain.processor / stages["ours"].processor,
        "frames_per_second": frames / stages["ours"].wall,
        "plain_frames_per_second": frames / plain.wall,
        "detect_frames_per_second": frames / stages["detect"].wall,
        "track_frames_per_second": frames / stages["track"].wall,
        "score_frames_per_second": frames / stages["score"].wall,
    }
    print(json.dumps({**{name: round(value, 2) for name, value in figures.items()}, "frames": frames}))


def _commit_clips(store: Store, clips: int) -> Iterator[ClipRecord]:
    for seed in range(clips):
        request = SceneRequest(CONDITIONS[seed % len(CONDITIONS)], OBJECTS, seed, 48, 12.0, 320, 192)
        with store.scratch("benchmark") as folder:
            encoded = write_clip(folder / "clip.mp4", render.render_pictures(request), 12)
            record = ClipRecord(
                f"clip{seed}", Scenario(str(seed), ""), encoded.media_id, encoded.frames, encoded.fps, encoded.width,
                encoded.height, encoded.size, Origin("procedural", "benchmark"),
            )  # fmt: skip
            yield commit_clip(store, record, encoded.path, None)


def _plain_loop(annotator: YoloAnnotator, options: YoloOptions, paths: list[Path]) -> Callable[[int], Iterator[int]]:
    """The loop over the first clips; yields the number of tracked boxes of each frame."""
    prepare_ultralytics()
    import torch
    from ultralytics.models import YOLO

    threads = torch.get_num_threads()
    model = YOLO(annotator.weights.path, task="detect")
    device = None if options.device == "auto" else options.device
    config = str(load_tracker_config(options.tracker).path)

    def run(clips: int) -> Iterator[int]:
        for path in paths[:clips]:
            for result in model.track(source=str(path), stream=True, tracker=config, device=device, verbose=False):
                torch.set_num_threads(threads)  # the set-up of the first call changes it
                yield len(result.boxes) if result.boxes.is_track else 0

    return run


if __name__ == "__main__":
    main()
