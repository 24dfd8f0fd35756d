"""Reviewed frames from a COCO file, as annotation tools write it back after our export was corrected in them."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.reviews import REVIEWS

_NAME = re.compile(r"(?P<clip>.+)_(?P<frame>\d{6,})")


def read_coco_review(path: Path, class_names: Collection[str]) -> pa.Table:
    """The reviewed frames in a COCO file, as ``REVIEWS``: every image in it counts as reviewed, as a whole.

    Images are known by their names, ``<clip>_<frame>.jpg``, as our COCO and YOLO exports have them; folders before the
    name do not matter. ``iscrowd`` marks what is neither asked for nor held against a label.

    Args:
        path: of the JSON file.
        class_names: published classes; empty: any.

    Raises:
        RecipeError: no such file, or not COCO; an image of another name; a class that is not published; a broken box.
    """
    data = _read(path)
    names = {one["id"]: str(one["name"]) for one in _list(data, "categories", path)}
    for name in names.values():
        if class_names and name not in class_names:
            raise RecipeError(
                f"{path}: category {name!r} is not among the published classes{closest_hint(name, class_names)}.",
                "Review with the categories of the export.",
            )
    frames = {one["id"]: _clip_and_frame(str(one.get("file_name", "")), path) for one in _list(data, "images", path)}
    objects: dict[Any, list[dict[str, Any]]] = {image: [] for image in frames}
    for one in _list(data, "annotations", path):
        if one.get("image_id") not in objects or one.get("category_id") not in names:
            raise RecipeError(
                f"{path}: annotation {one.get('id')} names an image or a category that is not in the file.",
                "Export it again from the annotation tool.",
            )
        objects[one["image_id"]].append(_object(one, names[one["category_id"]], path))
    return pa.Table.from_pylist(
        [{"clip_id": clip, "frame": frame, "objects": objects[image]} for image, (clip, frame) in frames.items()],
        schema=REVIEWS,
    )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise RecipeError(f"{path}: {fault.strerror}.", "Name a COCO file, or `fiftyone`.") from None
    except ValueError as fault:
        raise RecipeError(f"{path} is not JSON: {fault}.", "Name a COCO file, or `fiftyone`.") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path} holds no COCO object.", "Name a COCO instances file.")
    return data


def _list(data: Mapping[str, Any], key: str, path: Path) -> Sequence[Mapping[str, Any]]:
    found = data.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise RecipeError(f"{path}: {key!r} is missing or no list of objects.", "Name a COCO instances file.")
    if key != "annotations" and not all("id" in one for one in found):
        raise RecipeError(f"{path}: an entry of {key!r} has no id.", "Name a COCO instances file.")
    return found


def _clip_and_frame(file_name: str, path: Path) -> tuple[str, int]:
    found = _NAME.fullmatch(Path(file_name).stem)
    if found is None:
        raise RecipeError(
            f"{path}: image {file_name!r} is not named <clip>_<frame>, as our exports name them.",
            "Keep the names of the images when they are reviewed.",
        )
    return found["clip"], int(found["frame"])


def _object(annotation: Mapping[str, Any], class_name: str, path: Path) -> dict[str, Any]:
    box = annotation.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(isinstance(side, int | float) for side in box)):
        raise _broken_box(annotation, path)
    if min(box[2:]) < 0:
        raise _broken_box(annotation, path)
    sides = dict(zip("xywh", map(float, box), strict=True))
    return {"class_name": class_name, **sides, "difficult": bool(annotation.get("iscrowd", 0))}


def _broken_box(annotation: Mapping[str, Any], path: Path) -> RecipeError:
    return RecipeError(
        f"{path}: annotation {annotation.get('id')} has the box {annotation.get('bbox')!r}.",
        "A box is [x, y, width, height] in pixels.",
    )
