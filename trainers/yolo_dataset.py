"""Read what a YOLO dataset holds, without letting its ``data.yaml`` do anything, and lay it out for a training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import RecipeError

ALLOWED_KEYS = {"path", "train", "val", "test", "names", "nc"}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class YoloDataset:
    """The training side of a dataset.

    Attributes:
        data_yaml: the file that describes it.
        class_names: in order of their indexes.
        images: of the ``train`` split, sorted.
        uniform_shape: whether all of them are of one size.
    """

    data_yaml: Path
    class_names: tuple[str, ...]
    images: tuple[Path, ...]
    uniform_shape: bool


def describe_dataset(data_yaml: Path) -> YoloDataset:
    """Check ``data_yaml`` and find its training images.

    Raises:
        RecipeError: it is missing, is not a mapping, has keys beyond path, train, val, test, names and nc (ultralytics
            would execute a ``download`` key), or there are no training images.
    """
    if not data_yaml.is_file():
        raise RecipeError(f"{data_yaml} does not exist.", "Publish the dataset with `publish.yolo` in its recipe.")
    data = yaml.safe_load(data_yaml.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or "names" not in data or "train" not in data:
        raise RecipeError(f"{data_yaml}: not a YOLO dataset: it needs `train` and `names`.")
    odd = sorted(set(data) - ALLOWED_KEYS)
    if odd:
        raise RecipeError(
            f"{data_yaml}: key {odd[0]!r} is not allowed.", "Train on datasets that Framefoundry published."
        )
    names = data["names"]
    ordered = tuple(names[index] for index in sorted(names)) if isinstance(names, dict) else tuple(names)
    images = _training_images(data_yaml, data)
    if not images:
        raise RecipeError(
            f"{data_yaml}: no training images.", "Look at the splits and verdicts of the dataset's summary."
        )
    return YoloDataset(data_yaml, ordered, tuple(images), _one_shape(images))


def link_training_tree(dataset: YoloDataset, folder: Path) -> Path:
    """Links to the training images and labels below ``folder``, and the ``data.yaml`` of this tree.

    Ultralytics writes caches beside the labels, and published versions never change. It also wants validation images,
    even where it is told not to validate: it gets the first training image, which it loads and does not use.
    """
    for place, image in enumerate(dataset.images):
        for split in ("train", "val") if place == 0 else ("train",):
            _link(image, folder / "images" / split / f"{place:07d}{image.suffix}")
            label = _label_of(image)
            if label.is_file():
                _link(label, folder / "labels" / split / f"{place:07d}.txt")
    data = {
        "path": str(folder.resolve()),
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(dataset.class_names)),
    }
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _training_images(data_yaml: Path, data: dict[str, Any]) -> list[Path]:
    """Images of the ``train`` split: of a folder, or listed in a text file."""
    root = (data_yaml.parent / str(data.get("path") or ".")).resolve()
    train = root / str(data["train"])
    if train.is_file():
        listed = (line.strip() for line in train.read_text(encoding="utf-8").splitlines())
        return sorted((train.parent / line).resolve() for line in listed if line)
    return sorted(path for path in train.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _label_of(image: Path) -> Path:
    """Where ultralytics looks for it: the last folder called ``images`` becomes ``labels``."""
    parts = list(image.parts)
    at = max((place for place, part in enumerate(parts) if part == "images"), default=None)
    if at is not None:
        parts[at] = "labels"
    return Path(*parts).with_suffix(".txt")


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source.resolve())


def _one_shape(images: list[Path]) -> bool:
    from PIL import Image

    shapes = set()
    for path in images:
        with Image.open(path) as image:
            shapes.add(image.size)
        if len(shapes) > 1:
            return False
    return True
