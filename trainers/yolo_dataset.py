"""Read what a YOLO dataset holds, without letting its ``data.yaml`` do anything."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from schemas.errors import RecipeError

ALLOWED_KEYS = {"path", "train", "val", "test", "names", "nc"}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class YoloDataset:
    """A dataset as found: classes in order of their indexes; images of a split; whether all are of one size."""

    data_yaml: Path
    class_names: tuple[str, ...]
    train_images: int
    uniform_shape: bool


def describe_dataset(data_yaml: Path) -> YoloDataset:
    """Check ``data_yaml`` and count its training images.

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
    images = training_images(data_yaml, data)
    if not images:
        raise RecipeError(
            f"{data_yaml}: no training images.", "Look at the splits and verdicts of the dataset's summary."
        )
    return YoloDataset(data_yaml, ordered, len(images), _one_shape(images))


def training_images(data_yaml: Path, data: dict[str, object]) -> list[Path]:
    """Images of the ``train`` split: of a folder, or listed in a text file."""
    root = (data_yaml.parent / str(data.get("path") or ".")).resolve()
    train = root / str(data["train"])
    if train.is_file():
        listed = (line.strip() for line in train.read_text(encoding="utf-8").splitlines())
        return [train.parent / line for line in listed if line]
    return sorted(path for path in train.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)


def _one_shape(images: list[Path]) -> bool:
    from PIL import Image

    shapes = set()
    for path in images:
        with Image.open(path) as image:
            shapes.add(image.size)
        if len(shapes) > 1:
            return False
    return True
