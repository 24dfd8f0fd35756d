"""Are near-identical clips found, are different ones left alone, and what does a million frames cost?

Scenes are rendered by the procedural generator with seeds that no threshold was chosen on. Each is copied with noise,
other brightness, another crop (2 %), a shift of three frames, and another codec setting (crf 32). Among the different
clips are two kinds that come close: the same scenario with another seed, and, apart, the same street and weather with
another cast. All go through the embedder of a recipe, `find_near_duplicates` and `thin_frames` at their defaults.

- `duplicate_recall`: share of copies that were dropped; `false_drop_share`: share of clips that are no copy and were
  dropped all the same; `recast_drop_share`: the same of streets that were only cast anew.
- `frames_kept_share`: share of a clip's embedded frames that thinning leaves.
- `peak_gib_1m`, `seconds_1m`: one million frames (20,834 clips of 48) through both steps in a process of its own, one
  thread; vectors are drawn block by block, as they would be read, and drawing them is in the seconds. `base_gib` is
  what the same process takes before it starts.

The last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from annotators.embedders import GRID, BackboneEmbedder
from annotators.embeddings import embed_missing, read_embeddings
from annotators.weights import resolve_weights
from curators.frame_thinning import thin_frames
from curators.near_duplicates import describe_clips, find_near_duplicates
from curators.vectors import as_whole_numbers, to_similarity
from generators.procedural import render
from generators.procedural.scene import SceneRequest
from schemas.curation_options import NearDuplicateOptions
from schemas.records import ClipRecord, Origin, Scenario
from schemas.tables import EMBEDDING_SIZE, FRAMES
from storage.clips import commit_clip
from storage.store import Store
from storage.video import write_clip

FRAME_COUNT = 36
FIRST_SEED = 910_000  # thresholds were chosen on seeds below 10,000
CASTS = ({"car": 2, "person": 1}, {"bus": 1, "bicycle": 1}, {"truck": 1, "car": 1}, {"person": 1, "dog": 1})
CONDITIONS = tuple(
    {"weather": weather, "light": light, "camera": camera}
    for light in ("day", "night", "dusk")
    for weather in ("clear", "fog", "rain")
    for camera in ("static", "panning")
)
DEFAULTS = NearDuplicateOptions()
Frames = list[np.ndarray]


@dataclass(frozen=True)
class Made:
    """A clip of the benchmark: of which scene, and how it came about."""

    record: ClipRecord
    scene: int
    kind: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="72 scenes instead of 9, a million frames, for the record")
    parser.add_argument("--scale", type=int, default=0, help=argparse.SUPPRESS)
    choice = parser.parse_args()
    if choice.scale:
        print(json.dumps(run_at_scale(choice.scale)))
        return
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "store")
        clips = [clip for scene in range(72 if choice.full else 9) for clip in make_clips(store, scene)]
        figures = compare(store, clips, grid=GRID)
        compare(store, clips, grid=(1, 1))
    frames = 1_000_032 if choice.full else 100_032
    command = [sys.executable, __file__, "--scale", str(frames)]
    scaled = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"{frames:,} frames: {scaled['seconds']:.1f} s, {scaled['peak_gib']:.2f} GiB at most, "
        f"of which {scaled['base_gib']:.2f} before the start"
    )
    suffix = "1m" if choice.full else "100k"
    costs = {f"{name}_{suffix}": scaled[name] for name in ("seconds", "peak_gib")}
    print(json.dumps({**figures, **costs, "base_gib": scaled["base_gib"]}))


def compare(store: Store, clips: Sequence[Made], grid: tuple[int, int]) -> dict[str, float]:
    """Print what is found and what is not with backbone features pooled over ``grid``."""
    embedder = BackboneEmbedder(resolve_weights("starter", store), every=DEFAULTS.every, device="cpu", grid=grid)
    started = time.process_time()
    list(embed_missing(embedder, store, [clip.record for clip in clips]))
    milliseconds = 1e3 * (time.process_time() - started) / sum(clip.record.frames for clip in clips)
    table = read_embeddings(embedder, store, [clip.record for clip in clips])
    vectors = describe_clips([table])
    kinds = np.array([clip.kind for clip in clips])
    scenes = np.array([clip.scene for clip in clips])
    original_of = np.array([np.flatnonzero((scenes == scene) & (kinds == "scene"))[0] for scene in scenes])
    similarity = to_similarity((as_whole_numbers(vectors) * as_whole_numbers(vectors[original_of])).sum(axis=1))
    dropped = find_dropped(vectors, np.ones(len(clips), bool))
    print(f"\nfeatures pooled over {grid[0]} x {grid[1]} cells; threshold {DEFAULTS.clips}")
    print(f"{'':24}{'clips':>6}{'dropped':>9}{'similarity to the scene: least':>32}{'median':>8}{'most':>8}")
    for kind in dict.fromkeys(kinds.tolist()):
        here = kinds == kind
        least, median, most = np.percentile(similarity[here], [0, 50, 100])
        print(f"{kind:24}{here.sum():>6}{dropped[here].mean():>9.3f}{least:>32.3f}{median:>8.3f}{most:>8.3f}")
    copies = np.isin(kinds, list(COPIES))
    different = np.isin(kinds, ("scene", "another seed"))
    kept_frames = 1 - thin_all(table)[kinds[clip_places(table)] == "scene"].mean()
    print(f"embedding: {milliseconds:.2f} ms of CPU a frame of the clip; frames left by thinning: {kept_frames:.3f}")
    return {
        "duplicate_recall": round(float(dropped[copies].mean()), 4),
        "false_drop_share": round(float(find_dropped(vectors, different)[different].mean()), 4),
        "recast_drop_share": round(float(dropped[kinds == "another cast"].mean()), 4),
        "frames_kept_share": round(float(kept_frames), 4),
        "embed_ms_a_frame": round(milliseconds, 3),
    }


def find_dropped(vectors: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    return find_near_duplicates(vectors, np.arange(len(vectors)), candidates, threshold=DEFAULTS.clips).of >= 0


def clip_places(table: pa.Table) -> np.ndarray:
    return table["clip_id"].combine_chunks().dictionary_encode().indices.to_numpy()


def thin_all(table: pa.Table) -> np.ndarray:
    """Thin embedded frames that show nothing that would keep them."""
    empty = pa.array([[]] * len(table), FRAMES.field("objects").type)
    frames = pa.table({"clip_id": table["clip_id"], "frame": table["frame"], "objects": empty})
    return thin_frames(
        frames, np.ones(len(frames), bool), lambda clips: table, threshold=DEFAULTS.frames, at_once=len(frames)
    )


def make_clips(store: Store, scene: int) -> Iterator[Made]:
    """A scene, its copies, and two clips that are near to it and are none."""
    condition, cast = CONDITIONS[scene % len(CONDITIONS)], scene % len(CASTS)
    frames = render_frames(condition, CASTS[cast], FIRST_SEED + scene)
    others = {
        "another seed": render_frames(condition, CASTS[cast], FIRST_SEED + 10_000 + scene),
        "another cast": render_frames(condition, CASTS[(cast + 1) % len(CASTS)], FIRST_SEED + scene),
    }
    yield Made(commit(store, f"{scene}", frames), scene, "scene")
    for name, copy in COPIES.items():
        yield Made(commit(store, f"{scene} {name}", copy(frames), crf=32 if name == "crf 32" else 18), scene, name)
    for name, other in others.items():
        yield Made(commit(store, f"{scene} {name}", other), scene, name)


def render_frames(condition: dict[str, str], cast: dict[str, int], seed: int) -> Frames:
    request = SceneRequest(condition, cast, seed, FRAME_COUNT, 12.0, 320, 192)
    return [np.asarray(picture) for picture in render.render_pictures(request)]


def add_noise(frames: Frames) -> Frames:
    noise = np.random.default_rng(0)
    return [np.clip(frame + noise.normal(0, 5, frame.shape), 0, 255).astype(np.uint8) for frame in frames]


def brighten(frames: Frames) -> Frames:
    return [np.clip(frame * 1.08 + 4, 0, 255).astype(np.uint8) for frame in frames]


def crop(frames: Frames) -> Frames:
    height, width = frames[0].shape[:2]
    top, left = height // 100, width // 100
    return [cv2.resize(frame[top : height - top, left : width - left], (width, height)) for frame in frames]


COPIES: dict[str, Callable[[Frames], Frames]] = {
    "noise": add_noise,
    "brighter": brighten,
    "crop of 2 %": crop,
    "shift of 3 frames": lambda frames: frames[3:] + frames[-1:] * 3,
    "crf 32": lambda frames: frames,
}


def commit(store: Store, name: str, frames: Frames, crf: int = 18) -> ClipRecord:
    with store.scratch("benchmark") as folder:
        encoded = write_clip(folder / "clip.mp4", frames, 12, crf=crf)
        record = ClipRecord(
            name.replace(" ", "-").replace("%", "percent"), Scenario(name, ""), encoded.media_id, encoded.frames,
            encoded.fps, encoded.width, encoded.height, encoded.size, Origin("procedural", "benchmark"),
        )  # fmt: skip
        return commit_clip(store, record, encoded.path, None)


def run_at_scale(count: int, length: int = 48, at_once: int = 256) -> dict[str, float]:
    """Both steps over ``count`` drawn frames in clips of ``length``: every tenth clip is a near copy of another."""
    import faiss

    faiss.omp_set_num_threads(1)
    names = [f"{place:06d}" for place in range(count // length)]
    base = peak_kib()

    def draw(clips: Sequence[str]) -> pa.Table:
        parts = []
        for name in clips:
            place = int(name)
            scene = np.random.default_rng(place - 1 if place % 10 == 9 else place)
            vectors = scene.standard_normal((1, EMBEDDING_SIZE), np.float32) * 6
            vectors = vectors + np.cumsum(scene.standard_normal((length, EMBEDDING_SIZE), np.float32) * 0.4, axis=0)
            vectors += np.random.default_rng(count + place).standard_normal(vectors.shape, np.float32) * 0.3
            parts.append((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16))
        flat = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(parts).reshape(-1)), EMBEDDING_SIZE)
        ids = pa.array(clips).take(np.repeat(np.arange(len(clips)), length))
        frame = pa.array(np.tile(np.arange(length, dtype=np.int32), len(clips)))
        return pa.table({"clip_id": ids, "frame": frame, "vector": flat})

    started = time.perf_counter()
    vectors = describe_clips(draw(names[start : start + at_once]) for start in range(0, len(names), at_once))
    found = find_near_duplicates(vectors, np.arange(len(names)), np.ones(len(names), bool), threshold=DEFAULTS.clips)
    thinned = thin_frames(one_object_a_frame(names, length), np.ones(count, bool), draw, threshold=DEFAULTS.frames)
    seconds = time.perf_counter() - started
    peak = peak_kib()
    return {
        "seconds": round(seconds, 1), "peak_gib": round(peak / 2**20, 3), "base_gib": round(base / 2**20, 3),
        "dropped": int((found.of >= 0).sum()), "thinned": int(thinned.sum()),
    }  # fmt: skip


def peak_kib() -> int:
    """The most memory that this program held; unlike ``ru_maxrss`` without that of the process which started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def one_object_a_frame(names: Sequence[str], length: int) -> pa.Table:
    count = len(names) * length
    columns = [
        pa.array(np.ones(count, np.int32)) if field.name == "track" else pa.nulls(count, field.type)
        for field in FRAMES.field("objects").type.value_type
    ]
    flat = pa.StructArray.from_arrays(columns, fields=list(FRAMES.field("objects").type.value_type))
    return pa.table(
        {
            "clip_id": pa.array(names).take(np.repeat(np.arange(len(names)), length)),
            "frame": pa.array(np.tile(np.arange(length, dtype=np.int32), len(names))),
            "objects": pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32)), flat),
        }
    )


if __name__ == "__main__":
    main()
