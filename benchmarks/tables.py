"""What does another threshold cost at a million frames with five million boxes?

A store is written by the product's own writers: planned scenarios, a committed clip for each (all share one tiny video,
which nothing here but the contact sheet decodes), frame scores, tracks and clip scores, about five boxes a frame, some
of them filled in, and clips that curation rejects. `framefoundry publish` then publishes it, which copies the commits
into `tables/` for the first time, and publishes it again with another threshold; the second is what is measured, as a
process of its own from its start to its end, Prefect's server included.

- `seconds_1m`, `peak_gib_1m`: by the clock, and the most memory of the process, at 1,000,000 frames (null without
  `--full`; those of the largest size that was measured are `seconds` and `peak_gib`).
- `cost_growth`: CPU time for each frame more from 100,000 to 1,000,000 frames, over that from 10,000 to 100,000; in the
  quick form from 30,000 to 100,000 over that from 10,000 to 30,000. CPU time of the process alone, the least of three.
- `first_seconds`: of the first publication at the largest size.

    python benchmarks/tables.py            # up to 100,000 frames
    python benchmarks/tables.py --full     # a million, for the record

The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import yaml

from annotators.build import build_annotator
from annotators.clip_scores import score_clip
from annotators.frame_scores import FRAME_SCORES_VERSION
from annotators.labelling import CLIP_SCORE_STAGE, FRAME_SCORE_STAGE, TRACK_STAGE, score_fingerprint
from generators.build import build_generator
from schemas.identity import digest
from schemas.records import ClipJob, ClipRecord, Origin
from schemas.tables import FRAME_SCORES, TRACKS, table_from_columns
from storage.clips import commit_clip
from storage.commits import commit_table
from storage.recipes import read_recipe
from storage.store import Store
from storage.video import EncodedClip, write_clip

CLASSES = ("person", "bicycle", "car", "bus", "truck", "dog")
CLIP = {"frames": 50, "fps": 12, "width": 64, "height": 48}
FIRST_ACCEPT, SECOND_ACCEPT = 0.5, 0.7
GIB = 2**30


@dataclass(frozen=True)
class Cost:
    """Of one publication: seconds by the clock, CPU seconds, most memory, and seconds of its stages."""

    seconds: float
    cpu: float
    peak_gib: float
    stages: dict[str, float]


@dataclass(frozen=True)
class Measured:
    """A store of so many frames: its boxes, its first publication, and another one after a change of threshold."""

    frames: int
    boxes: int
    first: Cost
    again: Cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="up to 1,000,000 frames")
    parser.add_argument("--folder", type=Path, help="where the stores are; those that are there are measured again")
    choice = parser.parse_args()
    sizes = (10_000, 100_000, 1_000_000) if choice.full else (10_000, 30_000, 100_000)
    with tempfile.TemporaryDirectory() as scratch:
        folder = choice.folder or Path(scratch)
        print(
            f"{'frames':>10}{'boxes':>11}{'first s':>9}{'again s':>9}{'CPU s':>7}{'peak GiB':>10}  stages of the second"
        )
        measured = [measure(folder / str(frames), frames, repeats=3 if frames < 1_000_000 else 2) for frames in sizes]
    small, middle, large = ((one.frames, one.again.cpu) for one in measured)
    growth = _slope(middle, large) / _slope(small, middle)
    last = measured[-1]
    print(f"CPU milliseconds for each thousand frames more: {1e6 * _slope(small, middle):.1f}, then "
          f"{1e6 * _slope(middle, large):.1f}")  # fmt: skip
    figures = {
        "frames": last.frames,
        "boxes": last.boxes,
        "seconds": last.again.seconds,
        "peak_gib": last.again.peak_gib,
        "first_seconds": last.first.seconds,
        "seconds_1m": last.again.seconds if choice.full else None,
        "peak_gib_1m": last.again.peak_gib if choice.full else None,
        "cost_growth": round(growth, 3),
    }
    print(json.dumps(figures))


def measure(folder: Path, frames: int, repeats: int) -> Measured:
    """Write the store unless it is there, publish it, and publish it ``repeats`` times with another threshold."""
    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        write_store(folder, frames // CLIP["frames"])
    first, boxes = publish(recipe, FIRST_ACCEPT)
    # Every time another threshold: what was published once is not written again.
    costs = [publish(recipe, SECOND_ACCEPT + place / 1000)[0] for place in range(repeats)]
    again = min(costs, key=lambda cost: cost.cpu)
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in again.stages.items())
    print(
        f"{frames:>10,}{boxes:>11,}{first.seconds:>9.1f}{again.seconds:>9.1f}{again.cpu:>7.1f}"
        f"{again.peak_gib:>10.2f}  {stages}",
        flush=True,
    )
    return Measured(frames, boxes, first, again)


def publish(recipe: Path, accept: float) -> tuple[Cost, int]:
    """Run `framefoundry publish` as a process; what it cost, and the boxes that were decided on."""
    command = [sys.executable, "-c", "from cli.main import run; run()", "publish", str(recipe)]
    command += ["--accept", str(accept), "--store", str(recipe.parent / "store"), "--json"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    # Ended and not yet waited for, its own times can be read, without those of the server that it started.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    seconds = time.perf_counter() - started
    own = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(own[11]) + int(own[12])) / os.sysconf("SC_CLK_TCK")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    cost = Cost(round(seconds, 2), round(cpu, 2), round(usage.ru_maxrss * 1024 / GIB, 2), report["seconds"])
    return cost, sum(report["box_verdicts"].values())


def write_store(folder: Path, clips: int) -> None:
    """The store of a labelled recipe of ``clips`` clips, all cores at work; the recipe comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / "draft.yaml"
    draft.write_text(yaml.safe_dump(recipe_of(clips), sort_keys=False), encoding="utf-8")
    noise = np.random.default_rng(0).integers(0, 60, (CLIP["frames"], CLIP["height"], CLIP["width"], 3), np.uint8)
    video = write_clip(folder / "clip.mp4", iter(noise), CLIP["fps"], crf=40)
    Store.open(folder / "store")
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        parts = [pool.submit(write_clips, folder, video, place, cores) for place in range(cores)]
        for part in parts:
            part.result()
    draft.rename(folder / "recipe.yaml")


def recipe_of(clips: int) -> dict[str, object]:
    """A recipe with enough different scenarios."""
    casts = [
        {"text": f"{some} {one} and {more} {other}", "count": {one: some, other: more}}
        for some in (1, 2, 3) for more in (1, 2) for place, one in enumerate(CLASSES) for other in CLASSES[place + 1 :]
    ]  # fmt: skip
    axes = {
        "objects": casts,
        "place": [f"street {number}" for number in range(40)],
        "weather": ["clear", "rain", "fog", "snow", "wind"],
        "light": ["day", "dusk", "night", "dawn"],
        "camera": ["static", "panning", "shaking"],
    }
    template = "{objects} at {place}, {weather}, {light}, {camera} camera"
    return {
        "name": "million",
        "classes": list(CLASSES),
        "prompts": {"template": template, "axes": axes, "strategy": "random", "variations": clips},
        "generator": {"kind": "procedural"},
        "clip": CLIP,
        "curation": {"accept": FIRST_ACCEPT, "ignore": 0.2},
        "publish": {"parquet": {}},
        "seed": 3,
    }


def write_clips(folder: Path, video: EncodedClip, place: int, step: int) -> None:
    """Commit every ``step``-th clip from ``place`` with all that labelling commits, by the functions that commit it."""
    recipe, store = read_recipe(folder / "draft.yaml"), Store.open(folder / "store")
    annotator = build_annotator(recipe, store)
    for number, job in enumerate(build_generator(recipe, store).jobs()):
        if number % step == place:
            random = np.random.default_rng(number)
            record = commit_clip(store, record_of(job, video, number), video.path, None)
            scores, tracks = draw_frame_scores(random), draw_tracks(random)
            commit_table(store, FRAME_SCORE_STAGE, FRAME_SCORES_VERSION, record.media_id, scores)
            commit_table(store, TRACK_STAGE, annotator.fingerprint, record.media_id, tracks)
            clip_scores = score_clip(record, scores, tracks)
            commit_table(store, CLIP_SCORE_STAGE, score_fingerprint(annotator), record.clip_id, clip_scores)


def record_of(job: ClipJob, video: EncodedClip, number: int) -> ClipRecord:
    """The record of a clip whose media has a name of its own, though the bytes are those of ``video``."""
    return ClipRecord(
        job.clip_id, job.scenario, digest(["media", number], 64), video.frames, video.fps, video.width, video.height,
        video.size, Origin("procedural", "1", licence="CC0-1.0"),
    )  # fmt: skip


def draw_tracks(random: np.random.Generator) -> pa.Table:
    """``TRACKS`` of a clip: five to nine objects that come, drift along and go."""
    frames, count = CLIP["frames"], int(random.integers(5, 10))
    first = random.integers(0, frames // 3, count)
    last = random.integers(frames * 2 // 3, frames, count)
    frame, track = (grid.ravel() for grid in np.meshgrid(np.arange(frames), np.arange(count), indexing="ij"))
    shown = (frame >= first[track]) & (frame <= last[track])
    frame, track = frame[shown], track[shown]
    rows = len(frame)
    size = random.uniform(3, 14, (2, count))[:, track] + random.normal(0, 0.1, (2, rows))
    corner = random.uniform(0, 22, (2, count))[:, track] + 0.2 * frame + random.normal(0, 0.1, (2, rows))
    confidence = np.clip(random.beta(3, 1.5, count)[track] + random.normal(0, 0.03, rows), 0.03, 0.99)
    filled = random.random(rows) < 0.08
    names = pa.array(random.integers(0, len(CLASSES), count)[track].astype(np.int32))
    columns = {
        "frame": frame.astype(np.int32),
        "track": (track + 1).astype(np.int32),
        "class_name": pa.DictionaryArray.from_arrays(names, list(CLASSES)),
        **dict(zip("xywh", [*corner.astype(np.float32), *size.astype(np.float32)], strict=True)),
        "score": pa.array(confidence.astype(np.float32), mask=filled),
        "confidence": confidence.astype(np.float32),
        "source": pa.DictionaryArray.from_arrays(pa.array(filled.astype(np.int32)), ["detected", "interpolated"]),
    }
    return table_from_columns(TRACKS, columns)


def draw_frame_scores(random: np.random.Generator) -> pa.Table:
    """``FRAME_SCORES`` of a clip; one clip in twenty has a cut, and a few are too blurred."""
    frames = CLIP["frames"]
    cut = (np.arange(frames) == frames // 2) & (random.random() < 0.05)
    columns: dict[str, np.ndarray] = {
        name: random.random(frames).astype(np.float32) * 0.02
        for name in FRAME_SCORES.names
        if pa.types.is_floating(FRAME_SCORES.field(name).type)
    }
    columns |= {
        "frame": np.arange(frames, dtype=np.int32),
        "brightness": columns["brightness"] + np.float32(0.4),
        "contrast": columns["contrast"] + np.float32(0.2),
        "sharpness": columns["sharpness"] + np.float32(400),
        "blur": columns["blur"] + np.float32(random.beta(2, 4)),
        "moved": random.random(frames) < 0.9,
        "cut": cut,
        "black": np.zeros(frames, bool),
        "repeated": random.random(frames) < 0.05,
    }
    return table_from_columns(FRAME_SCORES, columns)


def _slope(less: tuple[int, float], more: tuple[int, float]) -> float:
    return (more[1] - less[1]) / (more[0] - less[0])


if __name__ == "__main__":
    main()
