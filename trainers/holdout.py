"""What a detector may be judged on: clips outside training whose true labels are known.

Labels that a detector made are never among them, whatever split they are in: a pupil does not mark its own work.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluators.matching import Truths
from schemas.errors import StoreError
from schemas.records import ClipRecord
from storage.clips import find_clip, read_truth
from storage.datasets import DatasetVersion
from storage.store import Store

FRAMES_PER_CLIP = 1_000_000
"""Frame ``f`` of the holdout's clip ``c`` is known as ``c * FRAMES_PER_CLIP + f``."""

HELD_OUT_SPLITS = ("val", "test")


@dataclass(frozen=True)
class Holdout:
    """Clips with true labels.

    Attributes:
        dataset: NAME@VERSION that they come from.
        kind: how their labels are known: ``truth``.
        clips: in the order of their ids.
        stride: every how many frames one is judged: neighbouring frames tell nearly the same.
        class_names: published classes.
        gathers: the renderer's or detector's class -> published class.
    """

    dataset: str
    kind: str
    clips: tuple[ClipRecord, ...]
    stride: int
    class_names: tuple[str, ...]
    gathers: Mapping[str, str]

    @property
    def frames(self) -> int:
        """Number of frames that are judged."""
        return sum(len(range(0, clip.frames, self.stride)) for clip in self.clips)


def find_holdout(
    store: Store, version: DatasetVersion, *, trained_families: Collection[str] = (), stride: int = 4
) -> Holdout | None:
    """The val and test clips of ``version`` whose exact labels are in the store; None when there are none.

    Args:
        store: with the clips of the version.
        version: any published version.
        trained_families: families that were trained on; clips of theirs are left out.
        stride: see :class:`Holdout`.
    """
    clips = read_clips(version)
    held_out = [
        row["clip_id"]
        for row in clips.select(["clip_id", "split", "family", "has_truth"]).to_pylist()
        if row["split"] in HELD_OUT_SPLITS and row["has_truth"] and row["family"] not in trained_families
    ]
    records = [record for clip_id in sorted(held_out) if (record := find_clip(store, clip_id)) is not None]
    if not records:
        return None
    gathers = gathered_classes(version)
    names = tuple(str(name) for name in version.summary["classes"])
    return Holdout(f"{version.name}@{version.version}", "truth", tuple(records), stride, names, gathers)


def read_clips(version: DatasetVersion) -> pa.Table:
    """The manifest's clips, with split and verdict.

    Raises:
        StoreError: the manifest is missing or damaged.
    """
    name = "manifest/clips.parquet"
    path = version.find_file(name)
    try:
        if path is None:
            raise FileNotFoundError("no such file")
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as fault:
        raise StoreError(f"{version.location}/{name} cannot be read: {fault}.", "Publish the version again.") from None


def training_families(version: DatasetVersion) -> frozenset[str]:
    """Families that the version's train split shows."""
    clips = read_clips(version).select(["split", "family"]).to_pylist()
    return frozenset(row["family"] for row in clips if row["split"] == "train")


def gathered_classes(version: DatasetVersion) -> dict[str, str]:
    """The detector's class -> published class, as the version's recipe says; each for itself without a recipe."""
    classes = version.summary.get("recipe", {}).get("classes") or {name: [name] for name in version.summary["classes"]}
    return {source: name for name, sources in classes.items() for source in sources}


def read_truths(store: Store, holdout: Holdout) -> Truths:
    """True boxes of the judged frames; classes that the dataset does not publish are left out."""
    parts = [_clip_truths(store, holdout, place) for place in range(len(holdout.clips))]
    return Truths(
        np.concatenate([part.frame for part in parts]),
        np.concatenate([part.class_index for part in parts]),
        np.concatenate([part.box for part in parts]),
        np.concatenate([part.difficult for part in parts]),
        np.concatenate([part.visibility for part in parts]),
    )


def _clip_truths(store: Store, holdout: Holdout, place: int) -> Truths:
    table = read_truth(store, holdout.clips[place].clip_id)
    frame = table["frame"].to_numpy().astype(np.int64)
    index = class_indexes(table["class_name"].cast(pa.string()).to_pylist(), holdout.gathers, holdout.class_names)
    truths = Truths(
        frame + place * FRAMES_PER_CLIP,
        index,
        np.stack([table[side].to_numpy() for side in "xywh"], axis=1).astype(np.float32),
        table["difficult"].to_numpy(zero_copy_only=False).astype(bool),
        table["visibility"].to_numpy().astype(np.float32),
    )
    return truths.take((index >= 0) & (frame % holdout.stride == 0))


def class_indexes(names: list[str], gathers: Mapping[str, str], class_names: tuple[str, ...]) -> np.ndarray:
    """int64: index of the published class of each name; -1 where there is none."""
    places = {name: place for place, name in enumerate(class_names)}
    known = {name: places.get(gathers.get(name, name), -1) for name in set(names)}
    return np.array([known[name] for name in names], np.int64)
