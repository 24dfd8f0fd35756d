"""Ours: the product's own annotator over clips of a store, detections and tracks written; and its parts alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
from labels.scoring import LabelledClip

from annotators.boxes import sizes_to_corners
from annotators.detections import detections_from_frames, detections_to_table
from annotators.engine.cores import usable_cores
from annotators.engine.letterbox import fit_frame
from annotators.engine.network import Network
from annotators.engine.ordered_work import work_in_order
from annotators.engine.suppression import find_candidates, suppress_overlaps
from annotators.yolo import YoloAnnotator
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.commits import commit_table
from storage.store import Store
from storage.video import read_frames

from .stopwatch import Stopwatch

_round = count()


def label_and_write(annotator: YoloAnnotator, store: Store, records: Sequence[ClipRecord]) -> list[pa.Table]:
    """Tracks of each clip; detections and tracks are committed, under new names each time."""
    name = f"round{next(_round)}"

    def follow(detected: tuple[ClipRecord, pa.Table]) -> pa.Table:
        record, found = detected
        commit_table(store, "detections", name, record.media_id, found)
        [tracks] = annotator.track([(record, found)])
        commit_table(store, "tracks", name, record.media_id, tracks)
        return tracks

    return [tracks for _, tracks in work_in_order(follow, annotator.detect(records), usable_cores(), waiting=2)]


def as_labels(tracks: pa.Table, class_names: Sequence[str]) -> LabelledClip:
    """A ``TRACKS`` table, by frame and track."""
    rows = tracks.sort_by([("frame", "ascending"), ("track", "ascending")])
    return LabelledClip(
        rows["frame"].to_numpy().astype(int),
        rows["track"].to_numpy().astype(int),
        np.array([class_names.index(name) for name in rows["class_name"].to_pylist()], int),
        sizes_to_corners(np.stack([rows[side].to_numpy() for side in "xywh"], axis=1)),
        rows["score"].to_numpy(zero_copy_only=False),
    )


@dataclass(frozen=True)
class Bare:
    """The compiled model alone.

    Attributes:
        limit: over all frames in memory, letterboxed, on all cores.
        latency: the same by ultralytics' arrangement: all cores in one layer, floats as input.
    """

    limit: Stopwatch
    latency: Stopwatch


def measure_bare(options: YoloOptions, annotator: YoloAnnotator, images: Sequence[np.ndarray], rounds: int) -> Bare:
    """Time the forward pass over ``images``, frames of one size, as many at a time as ours takes."""
    import openvino as ov

    assert options.image_size is not None
    network = annotator.detector.network
    batches = _letterboxed(network, images, options.image_size)
    bare = Bare(Stopwatch(), Stopwatch())
    with ThreadPoolExecutor(network.workers) as pool:
        list(pool.map(network.run, batches))
        for _ in range(rounds):
            bare.limit.measure(lambda: list(pool.map(network.run, batches)))
    # A float batch, as ultralytics gives it: made once, since only the pass counts.
    from annotators.engine.exports import provide_export

    core = ov.Core()
    folder = provide_export(annotator.weights, options.precision, options.image_size)
    model = core.read_model(next(folder.glob("*.xml")))
    model.reshape([network.batch, 3, *batches[0].shape[1:3]])
    hints = {"PERFORMANCE_HINT": "LATENCY"} | (
        {"INFERENCE_PRECISION_HINT": "f32"} if options.precision == "f32" else {}
    )
    compiled = core.compile_model(model, "CPU", hints)
    floats = np.ascontiguousarray(batches[0].transpose(0, 3, 1, 2), dtype=np.float32) / 255
    compiled(floats)
    for _ in range(rounds):
        bare.latency.measure(lambda: [compiled(floats) for _ in batches])
    return bare


def measure_parts(
    options: YoloOptions, annotator: YoloAnnotator, store: Store, records: Sequence[ClipRecord], rounds: int
) -> dict[str, Stopwatch]:
    """Each part of labelling alone, in one thread."""
    assert options.image_size is not None
    parts = {name: Stopwatch() for name in ("decode", "letterbox", "boxes", "track", "write")}
    network = annotator.detector.network
    letterbox = fit_frame((records[0].height, records[0].width), options.image_size, network.stride)
    paths = [media_path(store, record) for record in records]
    images = [image for path in paths for _, image in read_frames(path)]
    raws = [network.run(batch).copy() for batch in _letterboxed(network, images, options.image_size)]
    canvas = letterbox.new_batch(1)[0]

    def search() -> list[np.ndarray]:
        kept = (suppress_overlaps(one, 0.7, 300) for raw in raws for one in find_candidates(raw, options.score_floor))
        return [np.concatenate([letterbox.to_frame(one[:, :4]), one[:, 4:]], axis=1) for one in kept]

    for _ in range(rounds):
        parts["decode"].measure(lambda: [sum(1 for _ in read_frames(path)) for path in paths])
        parts["letterbox"].measure(lambda: [letterbox.place(image, canvas) for image in images])
        boxes = parts["boxes"].measure(search)
        tables, begin = [], 0
        for record in records:
            found = detections_from_frames(boxes[begin : begin + record.frames])
            tables.append(detections_to_table(found, annotator.class_names))
            begin += record.frames
        pairs = list(zip(records, tables, strict=True))
        tracks = parts["track"].measure(lambda pairs=pairs: [annotator.track([pair])[0] for pair in pairs])
        name = f"parts{next(_round)}"
        parts["write"].measure(
            lambda name=name, pairs=pairs, tracks=tracks: [
                commit_table(store, stage, name, record.media_id, table)
                for (record, found), followed in zip(pairs, tracks, strict=True)
                for stage, table in (("detections", found), ("tracks", followed))
            ]
        )
    return parts


def _letterboxed(network: Network, images: Sequence[np.ndarray], image_size: int) -> list[np.ndarray]:
    letterbox = fit_frame((images[0].shape[0], images[0].shape[1]), image_size, network.stride)
    batches = []
    for begin in range(0, len(images), network.batch):
        batch = letterbox.new_batch(network.batch)
        for image, slot in zip(images[begin : begin + network.batch], batch, strict=False):
            letterbox.place(image, slot)
        batches.append(batch)
    return batches
