"""A run whose stages compute nothing: every commit of a real one, in its order, of bytes that follow from the clip."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from annotators.labelling import TRACK_STAGE
from schemas.identity import digest
from schemas.records import ClipRecord, Origin, Scenario
from schemas.tables import TRUTH, table_from_columns
from storage.clips import commit_clip, find_clip, read_truth
from storage.commits import commit_json, commit_table, is_committed, read_table
from storage.datasets import SUMMARY_FILE, publish_version
from storage.images import IMAGE_STAGE
from storage.locks import hold
from storage.store import Store

DATASET = "still"
MANIFEST = "rows.parquet"

_FORM = "v1"
_FRAMES = 4


@dataclass(frozen=True)
class StillRun:
    """One run.

    Attributes:
        location: of the store.
        clips: how many; clip 0, 1, …
        journal: file that gets a line ``stage clip`` for everything that is begun.
    """

    location: str
    clips: int
    journal: Path

    def __call__(self) -> None:
        """Render, label, prepare images and publish; what is committed is left as it is."""
        store = Store.open(self.location)
        with hold(store, f"recipe-{DATASET}"):
            records = [self._render(store, f"{number:032x}") for number in range(self.clips)]
            for record in records:
                self._label(store, record)
                self._store_images(store, record)
            self._publish(store, records)

    def begun(self) -> Iterator[str]:
        """Lines of the journal."""
        if self.journal.is_file():
            yield from self.journal.read_text(encoding="utf-8").splitlines()

    def _render(self, store: Store, clip_id: str) -> ClipRecord:
        committed = find_clip(store, clip_id)
        if committed is not None:
            return committed
        self._begin("render", clip_id)
        media = hashlib.sha256(clip_id.encode()).digest() * 200
        record = ClipRecord(
            clip_id, Scenario("s", "p"), hashlib.sha256(media).hexdigest(), _FRAMES, 12.0, 64, 48, len(media),
            Origin("procedural", "1"), has_truth=True,
        )  # fmt: skip
        with store.scratch("render") as folder:
            file = folder / "clip.mp4"
            file.write_bytes(media)
            return commit_clip(store, record, file, _rows(clip_id))

    def _label(self, store: Store, record: ClipRecord) -> None:
        if not is_committed(store, TRACK_STAGE, _FORM, record.media_id):
            self._begin("label", record.clip_id)
            commit_table(store, TRACK_STAGE, _FORM, record.media_id, read_truth(store, record.clip_id))

    def _store_images(self, store: Store, record: ClipRecord) -> None:
        if is_committed(store, IMAGE_STAGE, _FORM, record.media_id):
            return
        image = digest(["image", record.clip_id]).encode()
        name = hashlib.sha256(image).hexdigest()
        key = f"frames/{name[:2]}/{name}.jpg"
        store.put(key, image)
        commit_json(store, IMAGE_STAGE, _FORM, record.media_id, {"0": key})

    def _publish(self, store: Store, records: list[ClipRecord]) -> None:
        tables = [read_table(store, TRACK_STAGE, _FORM, record.media_id, TRUTH) for record in records]
        rows = pa.concat_tables(tables)

        def build(folder: Path) -> None:
            sink = pa.BufferOutputStream()
            pq.write_table(rows, sink)
            _write(folder / MANIFEST, sink.getvalue().to_pybytes())
            _write(folder / SUMMARY_FILE, json.dumps({"clips": len(records)}).encode())

        publish_version(store, DATASET, digest(rows.to_pydict()), build)

    def _begin(self, stage: str, clip_id: str) -> None:
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(f"{stage} {clip_id}\n")


def _rows(clip_id: str) -> pa.Table:
    """Four rows that occur in no other clip."""
    first = float(int(clip_id, 16) * _FRAMES)
    columns: dict[str, object] = {name: [first + frame for frame in range(_FRAMES)] for name in TRUTH.names}
    kept = {"frame": range(_FRAMES), "track": [1] * _FRAMES, "class_name": ["car"] * _FRAMES}
    return table_from_columns(TRUTH, columns | kept | {"difficult": [False] * _FRAMES})


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
