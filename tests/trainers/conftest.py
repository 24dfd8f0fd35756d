"""A store with tiny clips of known truth, and dataset versions that show them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.records import ClipRecord, Origin, Scenario
from schemas.tables import TRUTH, table_from_columns
from storage.clips import commit_clip
from storage.datasets import publish_version
from storage.store import Store
from storage.video import write_clip

WIDTH, HEIGHT, FRAMES = 64, 48, 4


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def add_clip(store, tmp_path):
    """Commit a clip of grey frames with one 20x10 box at (8, 8) on each; ``class_name`` None: without truth."""

    def add(clip_id, class_name="car", difficult=False, attributes=None):
        shade = sum(clip_id.encode()) % 200
        frames = [np.full((HEIGHT, WIDTH, 3), shade, np.uint8) for _ in range(FRAMES)]
        encoded = write_clip(tmp_path / f"{clip_id}.mp4", frames, 12)
        record = ClipRecord(
            clip_id, Scenario(clip_id, f"prompt {clip_id}", attributes=attributes or {}), encoded.media_id,
            encoded.frames, encoded.fps, encoded.width, encoded.height, encoded.size, Origin("procedural", "1"),
            has_truth=class_name is not None,
        )  # fmt: skip
        return commit_clip(store, record, encoded.path, make_truth(class_name, difficult) if class_name else None)

    return add


def make_truth(class_name, difficult):
    box = {"x": [8.0] * FRAMES, "y": [8.0] * FRAMES, "w": [20.0] * FRAMES, "h": [10.0] * FRAMES}
    columns = {
        "frame": range(FRAMES),
        "track": [1] * FRAMES,
        "class_name": [class_name] * FRAMES,
        **box,
        **{f"full_{side}": values for side, values in box.items()},
        "visibility": [1.0] * FRAMES,
        "difficult": [difficult] * FRAMES,
    }
    return table_from_columns(TRUTH, {name: pa.array(list(values)) for name, values in columns.items()})


@pytest.fixture
def publish(store):
    """Publish a version that shows records in splits: ``publish("name", train=[...], val=[...])``."""

    def publish_records(name, classes=("car",), gathers=None, yolo=True, **splits):
        rows = [(record, split) for split, records in splits.items() for record in records]

        def build(folder):
            (folder / "manifest").mkdir()
            table = {
                "clip_id": [record.clip_id for record, _ in rows],
                "split": [split for _, split in rows],
                "family": [record.family for record, _ in rows],
                "has_truth": [record.has_truth for record, _ in rows],
            }
            pq.write_table(pa.table(table), folder / "manifest" / "clips.parquet")
            recipe = {"classes": gathers or {name: [name] for name in classes}}
            (folder / "dataset.json").write_text(json.dumps({"classes": list(classes), "recipe": recipe}))
            if yolo:
                (folder / "yolo").mkdir()
                (folder / "yolo" / "data.yaml").write_text("train: images/train\nval: images/val\nnames: {0: car}\n")

        return publish_version(store, name, "v1", build)

    return publish_records
