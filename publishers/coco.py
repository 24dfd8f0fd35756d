"""The COCO projection: one instances JSON for each split, with ignore regions as crowds."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.image_export import (
    EXPORTED,
    SPLITS,
    ExportCounts,
    Progress,
    StoredImages,
    count_export,
    fates_by_stride_and_use,
    find_images,
    flatten_objects,
    link_file,
)
from publishers.rows import DatasetRows
from schemas.publish_options import CocoExportOptions
from schemas.tables import IGNORE

_BATCH = 10_000


def write_coco(
    rows: DatasetRows,
    folder: Path,
    options: CocoExportOptions,
    stored_images: StoredImages,
    on_progress: Progress | None = None,
) -> ExportCounts:
    """Write ``annotations/instances_<split>.json`` and ``images/<split>`` below ``folder``.

    Ignore regions are annotations with ``iscrowd: 1``, which COCO's evaluation counts neither for nor against a
    detector, so that no frame need be left out for them. Categories and ids count from 1; boxes are absolute pixels,
    to a thousandth. A split without images has no file.

    Raises:
        MediaError: an image that should be in the store is not.
    """
    fate = fates_by_stride_and_use(rows.frames, options.stride)
    frames = rows.frames.filter(pa.array(fate == EXPORTED))
    images = _link_images(rows, frames, folder, stored_images, on_progress)
    objects = flatten_objects(frames)
    split_of_frame = frames["split"].cast(pa.string()).to_numpy(zero_copy_only=False)
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        here = split_of_frame == split
        if here.any():
            path = folder / "annotations" / f"instances_{split}.json"
            in_split = objects.filter(pa.array(here[objects["row"].to_numpy()]))
            with path.open("w", encoding="utf-8") as file:
                _write_json(
                    file,
                    _categories(rows.class_names),
                    (images[row] for row in np.flatnonzero(here)),
                    _annotations(in_split, rows.class_names),
                )
    return count_export(rows.frames, fate, options.stride)


def _link_images(
    rows: DatasetRows, frames: pa.Table, folder: Path, stored_images: StoredImages, on_progress: Progress | None
) -> list[dict[str, Any]]:
    """Link the images into their splits, and describe each; ids are places in ``frames``, from 1."""
    at = pc.index_in(frames["clip_id"], value_set=rows.clips["clip_id"].combine_chunks())
    widths, heights = rows.clips["width"].take(at).to_pylist(), rows.clips["height"].take(at).to_pylist()
    for split in pc.unique(frames["split"].cast(pa.string())).to_pylist():
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
    records = []
    for image in find_images(frames, stored_images, "coco", on_progress):
        link_file(image.path, folder / "images" / image.split / image.file_name)
        records.append(
            {
                "id": image.row + 1,
                "file_name": image.file_name,
                "width": widths[image.row],
                "height": heights[image.row],
                "clip_id": image.clip_id,
                "frame": image.frame,
            }
        )
    return records


def _categories(class_names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(class_names, start=1)]


def _annotations(objects: pa.Table, class_names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Annotation records; ids are counted within the file."""
    category = pc.add(pc.index_in(objects["class_name"], value_set=pa.array(class_names, pa.string())), 1)
    crowd = pc.cast(pc.equal(objects["verdict"], IGNORE), pa.int8())
    for start in range(0, len(objects), _BATCH):
        part = objects.slice(start, _BATCH)
        boxes = np.stack([part[side].to_numpy().astype(np.float64) for side in "xywh"], axis=1)
        columns = zip(
            part["row"].to_pylist(),
            category.slice(start, _BATCH).to_pylist(),
            boxes.round(3).tolist(),
            (boxes[:, 2] * boxes[:, 3]).round(3).tolist(),
            crowd.slice(start, _BATCH).to_pylist(),
            part["track"].to_pylist(),
            part["confidence"].to_numpy().astype(np.float64).round(4).tolist(),
            part["source"].to_pylist(),
            strict=True,
        )
        for number, (row, kind, box, area, is_crowd, track, confidence, source) in enumerate(columns, start=start + 1):
            yield {
                "id": number,
                "image_id": row + 1,
                "category_id": kind,
                "bbox": box,
                "area": area,
                "iscrowd": is_crowd,
                "track_id": track,
                "confidence": confidence,
                "source": source,
            }


def _write_json(
    file: IO[str],
    categories: list[dict[str, Any]],
    images: Iterable[dict[str, Any]],
    annotations: Iterable[dict[str, Any]],
) -> None:
    """Streamed, so that millions of annotations need no memory."""
    file.write(f'{{"info": {{"description": "Written by Framefoundry"}}, "categories": {json.dumps(categories)}')
    for key, records in (("images", images), ("annotations", annotations)):
        file.write(f',\n"{key}": [')
        for number, record in enumerate(records):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(record, separators=(",", ":")))
        file.write("\n]")
    file.write("}\n")
