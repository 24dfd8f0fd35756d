"""Small datasets for the tests of this folder."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pyarrow as pa

from publishers.image_export import StoredImages
from publishers.rows import DatasetRows, build_rows
from schemas.recipe import Recipe
from schemas.recipe_text import validate_recipe
from schemas.records import ClipRecord, Origin, Scenario
from schemas.tables import BOX_DECISIONS, CLIP_DECISIONS, CLIP_SCORES, CLIPS, TRACKS, table_from_columns
from storage.clips import commit_clip
from storage.store import Store
from storage.video import write_clip

# A box as the tests write it: clip, frame, track, class, (x, y, w, h), verdict.
Box = tuple[str, int, int, str, tuple[float, float, float, float], str]

TRACKS_OF_CLIPS = pa.schema([pa.field("clip_id", pa.string(), nullable=False), *TRACKS], metadata=TRACKS.metadata)


def make_recipe(**changes: object) -> Recipe:
    """A recipe over footage with three published classes; ``vehicle`` gathers two of the detector's."""
    data = {
        "name": "street",
        "classes": {"person": ["person"], "vehicle": ["car", "bus"], "dog": ["dog"]},
        "generator": {"kind": "footage", "path": "videos", "licence": "CC0-1.0"},
        "clip": {"frames": 8, "fps": 8, "width": 64, "height": 48},
        "publish": {"yolo": {"stride": 1}, "coco": {"stride": 1}},
    }
    return validate_recipe({**data, **changes})


def make_clips(ids: list[str], *, frames: int = 8, width: int = 64, height: int = 48, **changes: object) -> pa.Table:
    n = len(ids)
    columns: dict[str, object] = {
        "clip_id": ids,
        "scenario_id": [f"s-{name}" for name in ids],
        "media_id": [f"{name:0>64}" for name in ids],
        "sequence": ids,
        "segment": [0] * n,
        "family": ids,
        "frames": [frames] * n,
        "fps": [8.0] * n,
        "width": [width] * n,
        "height": [height] * n,
        "prompt": [f"a street, {name}" for name in ids],
        "negative_prompt": [""] * n,
        "attributes": pa.array([{"weather": "fog", "light": "night"} for _ in ids], pa.map_(pa.string(), pa.string())),
        "objects": pa.array([{"person": 1} for _ in ids], pa.map_(pa.string(), pa.int32())),
        "seed": list(range(n)),
        "attempt": [0] * n,
        "generator": ["procedural"] * n,
        "generator_version": ["1"] * n,
        "model": [""] * n,
        "revision": [""] * n,
        "licence": ["CC0-1.0"] * n,
        "synthetic": [True] * n,
        "has_truth": [False] * n,
        "source_name": [""] * n,
    }
    return table_from_columns(CLIPS, {**columns, **changes})


def make_clip_decisions(ids: list[str], splits: list[str], rejected: dict[str, str] | None = None) -> pa.Table:
    rejected = rejected or {}
    return table_from_columns(
        CLIP_DECISIONS,
        {
            "clip_id": ids,
            "verdict": ["rejected" if name in rejected else "accepted" for name in ids],
            "rule": [rejected.get(name, "") for name in ids],
            "value": pa.array([0.9 if name in rejected else None for name in ids], pa.float32()),
            "threshold": pa.array([0.5 if name in rejected else None for name in ids], pa.float32()),
            "duplicate_of": pa.nulls(len(ids), pa.string()),
            "split": splits,
        },
    )


def make_clip_scores(ids: list[str]) -> pa.Table:
    """One row for each clip: 0.5 in every column of shares and sizes, 3 in every column of counts."""

    def value(kind: pa.DataType) -> object:
        return [("car", 3)] if pa.types.is_map(kind) else 3 if pa.types.is_integer(kind) else 0.5

    columns = {field.name: pa.array([value(field.type)] * len(ids), field.type) for field in list(CLIP_SCORES)[1:]}
    return table_from_columns(CLIP_SCORES, {"clip_id": ids, **columns})


def make_boxes(boxes: list[Box]) -> tuple[pa.Table, pa.Table]:
    """TRACKS with clip ids, and the BOX_DECISIONS that answer to them."""
    confidence = {"accept": 0.9, "ignore": 0.4, "nothing": 0.1}
    keys = {
        "clip_id": [box[0] for box in boxes],
        "frame": [box[1] for box in boxes],
        "track": [box[2] for box in boxes],
    }
    interpolated = [box[1] % 4 == 3 for box in boxes]
    tracks = table_from_columns(
        TRACKS_OF_CLIPS,
        {
            **keys,
            "class_name": [box[3] for box in boxes],
            **{side: np.array([box[4][at] for box in boxes], dtype=np.float32) for at, side in enumerate("xywh")},
            "score": pa.array([None if filled else 0.8 for filled in interpolated], pa.float32()),
            "confidence": [confidence[box[5]] for box in boxes],
            "source": ["interpolated" if filled else "detected" for filled in interpolated],
        },
    )
    doubted = [box[5] != "accept" for box in boxes]
    decisions = table_from_columns(
        BOX_DECISIONS,
        {
            **keys,
            "verdict": [box[5] for box in boxes],
            "rule": ["confidence" if doubt else "" for doubt in doubted],
            "value": pa.array([0.4 if doubt else None for doubt in doubted], pa.float32()),
            "threshold": pa.array([0.6 if doubt else None for doubt in doubted], pa.float32()),
        },
    )
    return tracks, decisions


def keep_every_frame(clip_ids: pa.Array, frames: pa.Array, labelled: int) -> np.ndarray:
    return np.ones(len(frames), dtype=bool)


def keep_even_frames(clip_ids: pa.Array, frames: pa.Array, labelled: int) -> np.ndarray:
    return frames.to_numpy() % 2 == 0


STREET_BOXES: list[Box] = [
    # a: a car in every frame, a person from frame 2, doubted in frames 4 and 5
    *(("a", frame, 7, "car", (4.0 + frame, 10.0, 20.0, 12.0), "accept") for frame in range(8)),
    *(("a", frame, 3, "person", (40.0, 8.0, 8.0, 24.0), "accept") for frame in (2, 3, 6, 7)),
    *(("a", frame, 3, "person", (40.0, 8.0, 8.0, 24.0), "ignore") for frame in (4, 5)),
    # b: a dog in the first four frames, then nothing that counts
    *(("b", frame, 1, "dog", (30.5, 30.25, 10.0, 8.0), "accept") for frame in range(4)),
    *(("b", frame, 2, "car", (1.0, 1.0, 5.0, 5.0), "nothing") for frame in range(8)),
    # c: a bus in val
    *(("c", frame, 1, "bus", (0.0, 0.0, 64.0, 20.0), "accept") for frame in range(8)),
    # d: rejected, but it has boxes
    *(("d", frame, 1, "person", (10.0, 10.0, 8.0, 20.0), "accept") for frame in range(8)),
]


def make_images(folder: Path, rows: DatasetRows, *, stride: int = 1) -> StoredImages:
    """A grey JPEG for every ``stride``-th frame of every clip, each of another brightness."""
    stored: dict[str, dict[int, Path]] = {}
    columns = (rows.clips[name].to_pylist() for name in ("clip_id", "frames", "width", "height"))
    for number, (clip, frames, width, height) in enumerate(zip(*columns, strict=True)):
        (folder / clip).mkdir(parents=True)
        stored[clip] = {frame: folder / clip / f"{frame}.jpg" for frame in range(0, frames, stride)}
        for frame, path in stored[clip].items():
            cv2.imwrite(str(path), np.full((height, width, 3), 20 * number + 5 * frame, dtype=np.uint8))
    return stored.__getitem__


def make_rows(
    boxes: list[Box] | None = None, *, keep=keep_even_frames, recipe: Recipe | None = None, **changes
) -> DatasetRows:
    """Four clips: ``a`` and ``b`` in train, ``c`` in val, ``d`` rejected."""
    ids = ["a", "b", "c", "d"]
    tracks, decisions = make_boxes(STREET_BOXES if boxes is None else boxes)
    curated = SimpleNamespace(
        clips=make_clip_decisions(ids, ["train", "train", "val", "train"], {"d": "frozen"}), boxes=decisions
    )
    return build_rows(
        make_clips(ids),
        tracks,
        curated,
        recipe or make_recipe(),
        keep_background=keep,
        clip_scores=make_clip_scores(ids),
        **changes,
    )


def commit_clips(store: Store, rows: DatasetRows) -> None:
    """Small moving pictures under the ids of ``rows``."""
    for number, clip_id in enumerate(rows.clips["clip_id"].to_pylist()):
        shades = np.linspace(10, 240, 64, dtype=np.uint8)
        frames = [np.tile(np.roll(shades, 5 * number + frame)[None, :, None], (48, 1, 3)) for frame in range(8)]
        with store.scratch("test") as folder:
            clip = write_clip(folder / "clip.mp4", frames, 8.0)
            record = ClipRecord(
                clip_id=clip_id,
                scenario=Scenario(f"s-{clip_id}", "a street"),
                media_id=clip.media_id,
                frames=clip.frames,
                fps=clip.fps,
                width=clip.width,
                height=clip.height,
                size=clip.size,
                origin=Origin("procedural", "1"),
            )
            commit_clip(store, record, clip.path, None)
