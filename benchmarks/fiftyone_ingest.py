"""What does a FiftyOne dataset cost: in bulk, through `add_samples`, and when one clip in a hundred has changed?

The same rows, five boxes a frame, in one run, on a mongod of its own in a temporary folder:

- `add_samples`: FiftyOne's own way, its objects made and added, into a dataset whose fields are declared already;
- a push: everything that publishing does, hashing the rows, the check against FiftyOne's own documents, saved views and
  the App's layout included;
- the push again: with the same rows, and with every hundredth clip changed.

`bulk_ratio` is the time of `add_samples` over that of the push. `one_percent_share` is what the push of 1 % takes
beyond a second, as a share of the first push; `one_percent_seconds` is all of it. `equal` tells whether both datasets
have the same fields and give the same answers. The last line is one JSON object.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa

from publishers.clip_rows import ClipRows
from publishers.fiftyone_dataset import FiftyOneCounts, push_dataset
from publishers.fiftyone_fields import declare_fields
from publishers.fiftyone_samples import ClipFiles, make_sample
from publishers.fiftyone_session import fiftyone_session
from publishers.rows import DatasetRows, build_rows
from publishers.version import version_of
from schemas.recipe_text import validate_recipe
from schemas.tables import BOX_DECISIONS, CLIP_DECISIONS, CLIP_SCORES, CLIPS, TRACKS, table_from_columns

FRAMES, BOXES, STRIDE = 100, 5, 2
CLASSES = ["person", "car", "bus", "dog", "bicycle"]
RECIPE = validate_recipe(
    {"name": "ingest", "classes": CLASSES, "generator": {"kind": "footage", "path": "videos", "licence": "CC0-1.0"}}
)


@dataclass(frozen=True)
class Decided:
    """Decisions as curation hands them over."""

    clips: pa.Table
    boxes: pa.Table


@dataclass
class Spent:
    """Seconds of the clock, and of this process and mongod."""

    wall: float = 0.0
    cpu: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000 clips instead of 100, for the record")
    clips = 1000 if parser.parse_args().full else 100
    first, changed = make_rows(clips), make_rows(clips, changed=100)
    with tempfile.TemporaryDirectory() as name, fiftyone_session(Path(name) / "fiftyone") as fiftyone:
        files = make_files(Path(name))
        figures = compare(fiftyone, files, first, changed)
    print(json.dumps(figures))


def compare(fiftyone: Any, files: ClipFiles, rows: DatasetRows, changed: DatasetRows) -> dict[str, Any]:
    """Print the table, and give its figures."""
    images = make_images_of(files)

    def push(what: DatasetRows) -> Callable[[], FiftyOneCounts]:
        return lambda: push_dataset(
            fiftyone, what, "bulk", version_of(what), media_path=files.video, stored_images=images
        )

    frames = len(rows.frames)
    print(f"{len(rows.clips):,} clips, {frames:,} frames, {frames * BOXES:,} boxes")
    print(f"{'':28}{'seconds':>9}{'CPU s':>9}{'frames/s':>10}{'samples sent':>14}")
    bulk, counts = measure("push in bulk", frames, push(rows))
    again, unchanged = measure("push of the same", frames, push(rows))
    one_percent, replaced = measure("push with 1 % changed", frames, push(changed))
    push(rows)()
    slow, _ = measure("add_samples", frames, lambda: add_through_fiftyone(fiftyone, files, rows, "slow"))
    equal = tell_answers(fiftyone, "bulk") == tell_answers(fiftyone, "slow")
    print(f"in bulk: {counts.in_bulk}; the same fields and answers: {equal}")
    return {
        "bulk_ratio": round(slow.wall / bulk.wall, 2),
        "bulk_cpu_ratio": round(slow.cpu / bulk.cpu, 2),
        "one_percent_share": round(max(0.0, one_percent.wall - 1) / bulk.wall, 4),
        "one_percent_seconds": round(one_percent.wall, 3),
        "one_percent_clips": replaced.added,
        "unchanged_seconds": round(again.wall, 3),
        "unchanged_clips": unchanged.added,
        "bulk_frames_per_second": round(frames / bulk.wall),
        "add_samples_frames_per_second": round(frames / slow.wall),
        "in_bulk": counts.in_bulk,
        "equal": equal,
    }


def measure(label: str, frames: int, work: Callable[[], Any]) -> tuple[Spent, Any]:
    with stopwatch() as spent:
        result = work()
    sent = result.added if isinstance(result, FiftyOneCounts) else result
    print(f"{label:28}{spent.wall:>9.2f}{spent.cpu:>9.2f}{frames / spent.wall:>10,.0f}{sent:>14,}", flush=True)
    return spent, result


@contextmanager
def stopwatch() -> Iterator[Spent]:
    spent, wall, cpu = Spent(), time.perf_counter(), cpu_seconds()
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - wall, cpu_seconds() - cpu


def cpu_seconds() -> float:
    """Of this process and those that it started: mongod is among them."""
    here = psutil.Process()
    times = [one.cpu_times() for one in (here, *here.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def add_through_fiftyone(fiftyone: Any, files: ClipFiles, rows: DatasetRows, name: str) -> int:
    dataset = fiftyone.Dataset(name, persistent=True)
    dataset.media_type = "video"
    declare_fields(fiftyone, dataset, rows)
    clips = ClipRows(rows)
    samples = (make_sample(fiftyone, clips, files, clip) for clip in clips.frame_counts)
    return len(dataset.add_samples(samples, num_samples=len(clips.frame_counts), progress=False))


def tell_answers(fiftyone: Any, name: str) -> list[Any]:
    """What a user sees of a dataset: its fields, what views and aggregations say, and a sample without its identity."""
    dataset, field = fiftyone.load_dataset(name), fiftyone.ViewField
    boxes = "frames.detections.detections"
    doubtful = dataset.filter_labels("frames.detections", field("confidence") < 0.7)
    frames = dataset.limit(3).match_frames(field("filepath") != None).to_frames(sample_frames=False)  # noqa: E711
    one = dataset.sort_by("clip_id").first()
    return [
        {path: str(kind) for path, kind in dataset.get_field_schema(flat=True).items()},
        {path: str(kind) for path, kind in dataset.get_frame_field_schema(flat=True).items()},
        [dataset.count_values(f"{boxes}.{path}") for path in ("label", "tags", "source", "verdict", "index")],
        [dataset.bounds(f"{boxes}.{path}") for path in ("confidence", "score")],
        [dataset.count_values(path) for path in ("tags", "split", "verdict", "promised", "labels")],
        dataset.bounds("lowest_confidence"),
        dataset.match_frames(field("use") == "labelled").count("frames"),
        [doubtful.count(boxes), sorted(doubtful.values("clip_id"))],
        [len(frames), frames.count_values("detections.detections.label")],
        [one.filepath, one.tags, one.metadata.to_dict(), one["quality"], one["weather"]],
        [[box.bounding_box, box.confidence, box.instance.id] for box in one.frames[7].detections.detections],
    ]


def make_files(folder: Path) -> ClipFiles:
    """One small file for all videos, and one for all images: FiftyOne stores where they are, and never opens them."""
    video, image = folder / "clip.mp4", folder / "frame.jpg"
    for path in (video, image):
        path.write_bytes(b"never opened")
    return ClipFiles(lambda clip: video, lambda clip: dict.fromkeys(range(0, FRAMES, STRIDE), image))


def make_images_of(files: ClipFiles) -> Callable[[str], Any]:
    return lambda clip: files.images({"clip_id": clip, "verdict": "accepted"})


def make_rows(clips: int, changed: int = 0) -> DatasetRows:
    """``clips`` accepted clips of 100 frames with five objects each; every ``changed``-th has its boxes elsewhere."""
    ids = [f"{number:032x}" for number in range(clips)]
    place = np.repeat(np.arange(clips), FRAMES * BOXES)
    frame = np.tile(np.repeat(np.arange(FRAMES), BOXES), clips)
    track = np.tile(np.arange(1, BOXES + 1), clips * FRAMES)
    moved = place % changed == 0 if changed else np.zeros(len(place), bool)
    draw = np.random.default_rng(0)
    confidence = draw.uniform(0.3, 1, len(place)).astype(np.float32)
    filled = draw.random(len(place)) < 0.05
    doubted = confidence < 0.35
    keys = {"clip_id": pa.array(ids).take(place), "frame": frame, "track": track}
    tracks = table_from_columns(
        pa.schema([pa.field("clip_id", pa.string(), nullable=False), *TRACKS], metadata=TRACKS.metadata),
        {
            **{name: pa.array(values) for name, values in keys.items()},
            "class_name": pa.array(CLASSES).take(track - 1),
            "x": pa.array((track * 40 + frame % 50 + moved).astype(np.float32)),
            "y": pa.array(draw.uniform(0, 100, len(place)).astype(np.float32)),
            "w": pa.array(draw.uniform(8, 40, len(place)).astype(np.float32)),
            "h": pa.array(draw.uniform(8, 80, len(place)).astype(np.float32)),
            "score": pa.array(confidence, mask=filled),
            "confidence": pa.array(confidence),
            "source": pa.array(["detected", "interpolated"]).take(filled.astype(int)),
        },
    )
    decisions = table_from_columns(
        BOX_DECISIONS,
        {
            **{name: pa.array(values) for name, values in keys.items()},
            "verdict": pa.array(["accept", "ignore"]).take(doubted.astype(int)),
            "rule": pa.array(["", "confidence"]).take(doubted.astype(int)),
            "value": pa.array(confidence, mask=~doubted),
            "threshold": pa.array(np.full(len(place), 0.35, np.float32), mask=~doubted),
        },
    )
    scores = {field.name: pa.array([_score(field.type)] * clips, field.type) for field in list(CLIP_SCORES)[1:]}
    return build_rows(
        make_clips(ids),
        tracks,
        Decided(make_decisions(ids), decisions),
        RECIPE,
        keep_background=lambda clip_ids, frames, labelled: np.ones(len(frames), bool),
        clip_scores=table_from_columns(CLIP_SCORES, {"clip_id": ids, **scores}),
    )


def make_clips(ids: list[str]) -> pa.Table:
    text = {
        "scenario_id": ids, "media_id": ids, "sequence": ids, "family": ids, "generator": ["footage"] * len(ids),
        "prompt": [f"a street, {name}" for name in ids], "licence": ["CC0-1.0"] * len(ids),
    }  # fmt: skip
    empty = ("negative_prompt", "generator_version", "model", "revision", "source_name")
    whole = {"segment": 0, "frames": FRAMES, "width": 320, "height": 192, "attempt": 0}
    weather = [{"weather": "fog" if number % 3 else "rain", "light": "night"} for number in range(len(ids))]
    columns = {
        "clip_id": ids,
        **text,
        **{name: [""] * len(ids) for name in empty},
        **{name: [value] * len(ids) for name, value in whole.items()},
        "fps": [12.0] * len(ids),
        "seed": list(range(len(ids))),
        "attributes": pa.array(weather, CLIPS.field("attributes").type),
        "objects": pa.array([{"person": 1, "car": 2}] * len(ids), CLIPS.field("objects").type),
        "synthetic": [True] * len(ids),
        "has_truth": [False] * len(ids),
    }
    return table_from_columns(CLIPS, columns)


def make_decisions(ids: list[str]) -> pa.Table:
    columns = {
        "clip_id": ids,
        "verdict": ["accepted"] * len(ids),
        "rule": [""] * len(ids),
        "value": pa.nulls(len(ids), pa.float32()),
        "threshold": pa.nulls(len(ids), pa.float32()),
        "duplicate_of": pa.nulls(len(ids), pa.string()),
        "split": [("train", "train", "val", "test")[number % 4] for number in range(len(ids))],
    }
    return table_from_columns(CLIP_DECISIONS, columns)


def _score(kind: pa.DataType) -> object:
    return [("car", 3)] if pa.types.is_map(kind) else 3 if pa.types.is_integer(kind) else 0.5


if __name__ == "__main__":
    main()
