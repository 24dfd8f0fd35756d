"""The YOLO projection: images, five-column labels and a data.yaml that ultralytics trains from as it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

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
from publishers.rows import IGNORED, DatasetRows
from publishers.yolo_labels import join_lines, normalise_boxes, write_label_lines
from schemas.errors import MediaError
from schemas.publish_options import YoloExportOptions
from schemas.tables import ACCEPT

IGNORE_REGION, LABEL_UNDER_MASK = "ignore_region", "label_under_mask"
PAINT = 114  # the grey that ultralytics pads images with
_HEADER = """\
# Images and labels for ultralytics: yolo detect train data=<this file>
# Paths are relative to this file, so the folder can be moved. Images without objects have empty label files.
"""


def write_yolo(
    rows: DatasetRows,
    folder: Path,
    options: YoloExportOptions,
    stored_images: StoredImages,
    on_progress: Progress | None = None,
) -> ExportCounts:
    """Write ``images/<split>``, ``labels/<split>`` and ``data.yaml`` below ``folder``.

    A frame with an ignore region is left out, or the region is painted over (``options.ignore``) in a copy of the
    image; where a label reaches under the paint, the frame is left out all the same. ``train`` and ``val`` always
    exist, because data.yaml must name both; an empty one is an empty folder and is told in the account.

    Raises:
        MediaError: an image that should be in the store is not.
    """
    fate = _decide_fates(rows.frames, options)
    at = np.flatnonzero(fate == EXPORTED)
    frames = rows.frames.take(at)
    objects = flatten_objects(frames)
    is_label = pc.equal(objects["verdict"], ACCEPT).to_numpy()
    texts, repeated = _label_texts(rows, frames, objects.filter(is_label))
    paint = _regions_by_frame(objects.filter(~is_label))
    _make_folders(folder, frames)
    for image in find_images(frames, stored_images, "yolo", on_progress):
        target = folder / "images" / image.split / image.file_name
        if image.row in paint:
            _paint_over(image.path, target, paint[image.row], options.jpeg_quality)
        else:
            link_file(image.path, target)
        (folder / "labels" / image.split / target.with_suffix(".txt").name).write_text(texts[image.row])
    counts = count_export(rows.frames, fate, options.stride, masked_images=len(paint), repeated_labels=repeated)
    (folder / "data.yaml").write_text(_data_yaml(rows.class_names, counts))
    return counts


def _decide_fates(frames: pa.Table, options: YoloExportOptions) -> np.ndarray:
    fate = fates_by_stride_and_use(frames, options.stride)
    doubtful = (fate == EXPORTED) & pc.equal(frames["use"].cast(pa.string()), IGNORED).to_numpy()
    if options.ignore == "drop":
        fate[doubtful] = IGNORE_REGION
    else:
        rows = np.flatnonzero(doubtful)
        fate[rows[_labels_under_paint(frames.take(rows))]] = LABEL_UNDER_MASK
    return fate


def _labels_under_paint(frames: pa.Table) -> np.ndarray:
    """(frames,) bool: does an ignore region, in whole pixels, reach into a label's box?"""
    objects = flatten_objects(frames)
    is_label = pc.equal(objects["verdict"], ACCEPT)
    sides = ["row", "x", "y", "w", "h"]
    labels = objects.filter(is_label).select(sides)
    regions = objects.filter(pc.invert(is_label)).select(sides)
    pairs = labels.join(regions, "row", join_type="inner", right_suffix="_region")
    column = {name: pairs[name].to_numpy().astype(np.float64) for name in pairs.column_names if name != "row"}
    left, top = np.floor(column["x_region"]), np.floor(column["y_region"])
    right = np.ceil(column["x_region"] + column["w_region"])
    bottom = np.ceil(column["y_region"] + column["h_region"])
    meet = (column["x"] < right) & (column["x"] + column["w"] > left)
    meet &= (column["y"] < bottom) & (column["y"] + column["h"] > top)
    return np.bincount(pairs["row"].to_numpy()[meet], minlength=len(frames)) > 0


def _label_texts(rows: DatasetRows, frames: pa.Table, labels: pa.Table) -> tuple[Sequence[str], int]:
    row = labels["row"].to_numpy()
    clip = pc.index_in(frames["clip_id"], value_set=rows.clips["clip_id"].combine_chunks()).to_numpy()[row]
    widths, heights = rows.clips["width"].to_numpy()[clip], rows.clips["height"].to_numpy()[clip]
    boxes = np.stack([labels[side].to_numpy() for side in "xywh"], axis=1)
    index = pc.index_in(labels["class_name"], value_set=pa.array(rows.class_names, pa.string())).to_numpy()
    return join_lines(row, write_label_lines(index, normalise_boxes(boxes, widths, heights)), len(frames))


def _regions_by_frame(regions: pa.Table) -> Mapping[int, np.ndarray]:
    """Row of a frame -> its ignore regions (N, 4), x y w h in pixels."""
    row = regions["row"].to_numpy()
    boxes = np.stack([regions[side].to_numpy() for side in "xywh"], axis=1)
    found, starts = np.unique(row, return_index=True)
    return dict(zip(found.tolist(), np.split(boxes, starts[1:]), strict=True)) if len(found) else {}


def _make_folders(folder: Path, frames: pa.Table) -> None:
    used = set(pc.unique(frames["split"].cast(pa.string())).to_pylist()) | {"train", "val"}
    for split in used:
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / split).mkdir(parents=True, exist_ok=True)


def _paint_over(source: Path, target: Path, regions: np.ndarray, quality: int) -> None:
    image = cv2.imread(str(source))
    if image is None:
        raise MediaError(f"{source}: not an image that can be read.", "Delete it and publish again.")
    for x, y, w, h in regions:
        rows = slice(max(int(np.floor(y)), 0), int(np.ceil(y + h)))
        columns = slice(max(int(np.floor(x)), 0), int(np.ceil(x + w)))
        image[rows, columns] = PAINT
    if not cv2.imwrite(str(target), image, [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise MediaError(f"{target}: the masked image could not be written.", "Is the disk full?")


def _data_yaml(class_names: Sequence[str], counts: ExportCounts) -> str:
    present = [split for split in SPLITS if split in {"train", "val"} or split not in counts.missing]
    lacking = "".join(f"# No images in {split}: nothing fell on its side of the split.\n" for split in counts.missing)
    data = {**{split: f"images/{split}" for split in present}, "names": dict(enumerate(class_names))}
    return _HEADER + lacking + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
