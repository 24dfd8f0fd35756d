"""Labelling against the plain ultralytics loop, ultralytics' own best, and the bare model: same clips, one run.

At 320 and 640 pixels, with the arithmetic of `precision` f32, auto and int8, on procedural clips of 320x192:

- plain: ``for r in YOLO("w.pt").track(source=folder, stream=True, tracker=t)``, in torch;
- best: the same on an OpenVINO export with ``batch=8``, at its fastest arithmetic and in INT8;
- limit: the compiled model alone, all cores, frames in memory (our arrangement or ultralytics', the faster one);
- ours: with `boxes: strongest`, `refine: null` and the loop's tracker, so that the work is the same, detections and
  tracks written to a store. The product's default, which looks twice and refines, has rows of its own.

Sides take turns, round by round; the best round of each counts. F1 is of the labels against truth, IoU 0.5, boxes from
score 0.25. The last line is one JSON object: `vs_plain`, `vs_ultralytics` and `share_of_limit` (frames a second of ours
over theirs) by case, `core_ms_beside_model` (core-milliseconds a frame that are not the forward pass, the most of the
auto and int8 cases), `identical_tracks` (f32 against the plain loop: every id, class and frame, boxes to 0.05 px), and
`f1_change` against the plain loop by case.

    python benchmarks/labelling_speed.py [--full] [--tracker ocsort]
"""

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from labels.clips import Truth, render_clips, truth_of
from labels.scoring import LabelledClip, count_errors
from speed.our_side import as_labels, label_and_write, measure_bare, measure_parts
from speed.stopwatch import Stopwatch
from speed.ultralytics_loops import TrackLoop, make_static_export

from annotators.engine.letterbox import fit_frame
from annotators.labelling import label_sequences
from annotators.weights import resolve_weights
from annotators.yolo import YoloAnnotator
from schemas.annotator_options import Precision, YoloOptions
from schemas.records import ClipRecord, Failure
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames

SIZES = (320, 640)
FLOOR = 0.1
"""Score floor of all sides: what ``track`` has by default."""

JUDGED_SCORE = 0.25
BATCH = 8


@dataclass
class Case:
    """One size and precision: who took how long, and what came out."""

    size: int
    precision: Precision
    ours: Stopwatch = field(default_factory=Stopwatch)
    best: Stopwatch | None = None
    limit: float = 0.0
    forward_ms: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    labels: list[LabelledClip] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Such as 320_auto."""
        return f"{self.size}_{self.precision}"


@dataclass(frozen=True)
class Scene:
    """What all sides work on."""

    store: Store
    records: Sequence[ClipRecord]
    folder: Path
    tracker: str
    rounds: int

    @property
    def frames(self) -> int:
        """Of all clips."""
        return sum(record.frames for record in self.records)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="more clips and rounds, for the record")
    parser.add_argument("--tracker", default="bytetrack")
    choice = parser.parse_args()
    clips, rounds = (24, 4) if choice.full else (8, 2)
    with tempfile.TemporaryDirectory() as scratch:
        store = Store.open(Path(scratch) / "store")
        records = [record for _, record in render_clips(store, clips)]
        folder = Path(scratch) / "clips"
        folder.mkdir()
        for place, record in enumerate(records):
            (folder / f"{place:03d}.mp4").symlink_to(media_path(store, record))
        compare(Scene(store, records, folder, choice.tracker, rounds), Path(scratch))


def compare(scene: Scene, scratch: Path) -> None:
    """Measure every case and print the tables and the line of JSON."""
    precisions: tuple[Precision, ...] = ("f32", "auto", "int8") if find_spec("nncf") else ("f32", "auto")
    if "int8" not in precisions:
        print("nncf is not installed: no INT8 rows")
    cases, plain, plain_labels = [], {}, {}
    for size in SIZES:
        of_size = [Case(size, precision) for precision in precisions]
        plain[size] = Stopwatch()
        plain_labels[size] = measure_size(scene, of_size, plain[size], scratch)
        cases += of_size
    truths = [truth_of(scene.store, record, _class_names(scene)) for record in scene.records]
    report(scene, cases, plain, plain_labels, truths)


def measure_size(scene: Scene, cases: list[Case], plain: Stopwatch, scratch: Path) -> list[LabelledClip]:
    """Fill in ``cases``, all of one size; the plain loop's labels."""
    size = cases[0].size
    weights = resolve_weights("starter", scene.store)
    first = scene.records[0]
    shape = fit_frame((first.height, first.width), size, 32).input
    loop = TrackLoop(weights.path, scene.folder, scene.tracker, size, FLOOR, batch=1)
    bests: dict[str, TrackLoop] = {}
    for case in cases:
        if case.precision != "f32":
            export = make_static_export(weights, case.precision, shape, BATCH, scratch)
            bests[case.name] = TrackLoop(export, scene.folder, scene.tracker, size, FLOOR, BATCH)
            case.best = Stopwatch()
    annotators = [YoloAnnotator(_options(scene, case), weights, scene.store) for case in cases]
    for side in (loop, *bests.values()):
        side.warm_up()
    for annotator in annotators:
        label_and_write(annotator, scene.store, scene.records[:2])
    plain_labels: list[LabelledClip] = []
    for _ in range(scene.rounds):
        plain_labels = plain.measure(loop.run)
        for case, annotator in zip(cases, annotators, strict=True):
            if case.best:
                case.best.measure(bests[case.name].run)
            tracks = case.ours.measure(
                lambda annotator=annotator: label_and_write(annotator, scene.store, scene.records)
            )
            case.labels = [as_labels(table, annotator.class_names) for table in tracks]
    images = [image for record in scene.records for _, image in read_frames(media_path(scene.store, record))]
    for case, annotator in zip(cases, annotators, strict=True):
        bare = measure_bare(_options(scene, case), annotator, images, scene.rounds)
        case.limit = min(bare.limit.wall, bare.latency.wall)
        case.forward_ms = bare.limit.processor / scene.frames * 1e3
        parts = measure_parts(_options(scene, case), annotator, scene.store, scene.records, scene.rounds)
        case.parts = {name: part.processor / scene.frames * 1e3 for name, part in parts.items()}
    return plain_labels


def report(
    scene: Scene,
    cases: list[Case],
    plain: dict[int, Stopwatch],
    plain_labels: dict[int, list[LabelledClip]],
    truths: list[Truth],
) -> None:
    """Print the tables and the line of JSON."""
    frames = scene.frames
    print(f"{frames} frames of 320x192, {scene.tracker}; frames a second, and how many times as fast ours is")
    print(
        f"{'case':10}"
        + "".join(f"{head:>8}" for head in ("plain", "best", "ours", "limit"))
        + f"{'vs plain':>10}{'vs best':>9}{'of limit':>10}{'F1':>8}"
    )
    for case in cases:
        best = case.best.wall if case.best else math.nan
        speeds = [frames / seconds for seconds in (plain[case.size].wall, best, case.ours.wall, case.limit)]
        ratios = speeds[2] / speeds[0], speeds[2] / speeds[1], speeds[2] / speeds[3]
        print(
            f"{case.name:10}" + "".join(f"{speed:>8.0f}" for speed in speeds)
            + f"{ratios[0]:>10.2f}{ratios[1]:>9.2f}{ratios[2]:>10.2f}{_f1(case.labels, truths):>8.3f}"
        )  # fmt: skip
    for size in SIZES:
        print(f"{size}_plain{'':55}{_f1(plain_labels[size], truths):>8.3f}")
    parts = list(cases[0].parts)
    print("\ncore-milliseconds a frame\n" + f"{'case':10}{'best':>8}{'ours':>8}{'forward':>9}{'beside':>8}" + "".join(
        f"{name:>11}" for name in (*parts, "hand-over")))  # fmt: skip
    for case in cases:
        beside = _beside(case, frames)
        rest = beside - sum(case.parts.values())
        best = case.best.processor if case.best else math.nan
        print(
            f"{case.name:10}{best / frames * 1e3:>8.2f}{case.ours.processor / frames * 1e3:>8.2f}"
            f"{case.forward_ms:>9.2f}{beside:>8.2f}"
            + "".join(f"{value:>11.3f}" for value in (*case.parts.values(), rest))
        )
    report_default(scene, plain[SIZES[0]].wall)
    fast = [case for case in cases if case.precision != "f32"]
    exact = [
        _largest_difference(*pair)
        for case in cases
        if case.precision == "f32"
        for pair in zip(case.labels, plain_labels[case.size], strict=True)
    ]
    same = [difference for difference in exact if np.isfinite(difference)]
    print(
        f"f32 against the plain loop: in {len(same)} of {len(exact)} clips the same boxes and ids, "
        f"at most {max(same, default=0):.5f} px apart"
    )
    figures = {
        "vs_plain": {c.name: round(plain[c.size].wall / c.ours.wall, 2) for c in cases},
        "vs_ultralytics": {c.name: round(c.best.wall / c.ours.wall, 2) for c in fast if c.best},
        "share_of_limit": {c.name: round(c.limit / c.ours.wall, 2) for c in cases},
        "core_ms_beside_model": round(max(_beside(case, frames) for case in fast), 2),
        "identical_tracks": max(exact) <= 0.05,
        "identical_clips": f"{sum(one <= 0.05 for one in exact)} of {len(exact)}",
        "f1_change": {c.name: round(_f1(c.labels, truths) - _f1(plain_labels[c.size], truths), 4) for c in fast},
        "frames": frames,
    }
    print(json.dumps(figures))


def report_default(scene: Scene, plain: float) -> None:
    """Print what the product's own path takes: two views, offline tracks, refinement, frame and clip scores."""
    annotator = YoloAnnotator(YoloOptions(), resolve_weights("starter", scene.store), scene.store)
    label_and_write(annotator, scene.store, scene.records[:2])
    label, scored = Stopwatch(), Stopwatch()
    for _ in range(scene.rounds):
        label.measure(lambda: label_and_write(annotator, scene.store, scene.records))

    def label_all() -> None:
        for answer in label_sequences(annotator, scene.store, [(record,) for record in scene.records]):
            if isinstance(answer, Failure):
                raise SystemExit(f"{answer.clip_id}: {answer.detail}")

    scored.measure(label_all)
    print("\nthe product's default (two views, offline tracks, refinement), auto")
    for name, watch in (("labels", label), ("labels and scores, once", scored)):
        speed, cost = scene.frames / watch.wall, watch.processor / scene.frames * 1e3
        print(
            f"{name:26}{speed:>8.0f} frames/s, {plain / watch.wall:.2f} of the plain loop's, {cost:.2f} core-ms a frame"
        )


def _options(scene: Scene, case: Case) -> YoloOptions:
    return YoloOptions.model_validate(
        {
            "tracker": scene.tracker, "image_size": case.size, "score_floor": FLOOR, "boxes": "strongest",
            "refine": None, "engine": "openvino", "precision": case.precision, "batch": BATCH,
        }
    )  # fmt: skip


def _beside(case: Case, frames: int) -> float:
    return case.ours.processor / frames * 1e3 - case.forward_ms


def _class_names(scene: Scene) -> tuple[str, ...]:
    return YoloAnnotator(YoloOptions(), resolve_weights("starter", scene.store), scene.store).class_names


def _f1(labels: Sequence[LabelledClip], truths: Sequence[Truth]) -> float:
    return count_errors([clip.take(clip.confidence >= JUDGED_SCORE) for clip in labels], truths).f1[0]


def _largest_difference(ours: LabelledClip, theirs: LabelledClip) -> float:
    """Of any side of any box of a clip, pixels; infinite where frames, ids or classes differ."""
    for column in ("frame", "track", "class_index"):
        if not np.array_equal(getattr(ours, column), getattr(theirs, column)):
            return float("inf")
    return float(np.abs(ours.corners - theirs.corners).max(initial=0))


if __name__ == "__main__":
    main()
