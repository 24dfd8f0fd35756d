"""What the projections onto images share: which frames become files, their names and links, and the accounts."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.rows import NEAR_DUPLICATE, SURPLUS
from schemas.errors import MediaError
from schemas.publish_options import ImageOptions
from schemas.tables import ACCEPT, OBJECT

SPLITS = ("train", "val", "test")
EXPORTED, BY_STRIDE = "exported", "stride"

StoredImages = Callable[[str], Mapping[int, Path]]
"""Clip id -> frame index -> image file in the store."""

Progress = Callable[[str, int, int], None]
"""(what is being written, clips done, clips in all)"""


@dataclass(frozen=True)
class FrameImage:
    """A row of an exported table of frames, and the file that shows it."""

    row: int
    clip_id: str
    frame: int
    split: str
    path: Path

    @property
    def file_name(self) -> str:
        """The same in every projection."""
        return f"{self.clip_id}_{self.frame:06d}{self.path.suffix}"


@dataclass(frozen=True)
class SplitCounts:
    """What a projection wrote for one split."""

    split: str
    images: int
    labels: int
    backgrounds: int


@dataclass(frozen=True)
class LeftOut:
    """Frames of accepted clips that a projection has no image of, and the labels in them."""

    reason: str
    frames: int
    labels: int


@dataclass(frozen=True)
class ExportCounts:
    """The account of a projection: every frame and label is in ``splits`` or in ``left_out``."""

    stride: int
    splits: tuple[SplitCounts, ...]
    left_out: tuple[LeftOut, ...]
    masked_images: int = 0
    repeated_labels: int = 0

    @property
    def images(self) -> int:
        """Images in all splits."""
        return sum(split.images for split in self.splits)

    @property
    def missing(self) -> tuple[str, ...]:
        """Splits without an image."""
        return tuple(split.split for split in self.splits if not split.images)


def account_of(counts: ExportCounts, path: str, options: ImageOptions) -> dict[str, Any]:
    """What dataset.json says of a projection: where it lies, how it was asked for, and its counts."""
    return {
        **asdict(counts),
        "path": path,
        "options": options.model_dump(mode="json"),
        "images": counts.images,
        "splits": [asdict(split) for split in counts.splits],
        "left_out": [asdict(reason) for reason in counts.left_out],
        "missing": list(counts.missing),
    }


def flatten_objects(frames: pa.Table) -> pa.Table:
    """One row for each object: ``row`` (which row of ``frames``) and the columns of OBJECT."""
    objects = frames["objects"].combine_chunks()
    flat = objects.flatten()
    columns = {field.name: pc.struct_field(flat, field.name) for field in OBJECT}
    return pa.table({"row": pc.list_parent_indices(objects).cast(pa.int64()), **columns})


def fates_by_stride_and_use(frames: pa.Table, stride: int) -> np.ndarray:
    """(frames,) text: "exported", or why a frame has no image: its place in the stride, or its use."""
    fate = np.full(len(frames), EXPORTED, dtype=object)
    for use in (SURPLUS, NEAR_DUPLICATE):
        fate[pc.equal(frames["use"].cast(pa.string()), use).to_numpy()] = use
    fate[frames["frame"].to_numpy() % stride != 0] = BY_STRIDE
    return fate


def count_export(frames: pa.Table, fate: np.ndarray, stride: int, **more: int) -> ExportCounts:
    """The account of ``frames``, of which each met its ``fate``."""
    objects = flatten_objects(frames)
    is_label = pc.equal(objects["verdict"], ACCEPT).to_numpy()
    labels = np.bincount(objects["row"].to_numpy()[is_label], minlength=len(frames))
    shown = np.bincount(objects["row"].to_numpy(), minlength=len(frames))
    split = frames["split"].cast(pa.string()).to_numpy(zero_copy_only=False)
    exported = fate == EXPORTED
    splits = [
        SplitCounts(name, int(here.sum()), int(labels[here].sum()), int((shown[here] == 0).sum()))
        for name in SPLITS
        for here in [exported & (split == name)]
    ]
    reasons = sorted(set(fate[~exported].tolist()))
    left_out = [LeftOut(why, int((fate == why).sum()), int(labels[fate == why].sum())) for why in reasons]
    return ExportCounts(stride=stride, splits=tuple(splits), left_out=tuple(left_out), **more)


def find_images(
    frames: pa.Table, stored_images: StoredImages, doing: str, on_progress: Progress | None
) -> Iterator[FrameImage]:
    """The stored image of each of ``frames``, which are sorted by clip; progress is told clip by clip.

    Raises:
        MediaError: the store lacks one.
    """
    clips = frames["clip_id"].to_pylist()
    total = len(set(clips))
    images: Mapping[int, Path] = {}
    done, last = 0, None
    columns = zip(clips, frames["frame"].to_pylist(), frames["split"].to_pylist(), strict=True)
    for row, (clip, frame, split) in enumerate(columns):
        if clip != last:
            if on_progress:
                on_progress(doing, done, total)
            images, last, done = stored_images(clip), clip, done + 1
        if frame not in images:
            raise MediaError(f"clip {clip}: the store has no image of frame {frame}.", "Publish again to extract it.")
        yield FrameImage(row, clip, frame, split, images[frame])


def link_file(source: Path, target: Path) -> None:
    """Make ``target`` the file ``source``: a hard link where the file system can, else a symbolic one, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        try:
            target.symlink_to(source.resolve())
        except OSError:
            shutil.copyfile(source, target)
