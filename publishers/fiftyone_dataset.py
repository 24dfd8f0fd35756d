"""The FiftyOne projection: one video sample a clip with its tracks, the frame images beside it, and saved views."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from publishers.clip_rows import ClipRows
from publishers.fiftyone_bulk import add_clips
from publishers.fiftyone_edits import begin_push, end_push, refuse_over_edits
from publishers.fiftyone_fields import CONTENT, declare_fields
from publishers.fiftyone_layout import lay_out
from publishers.fiftyone_samples import ClipFiles, MediaPath
from publishers.fiftyone_session import OWNER_KEY
from publishers.fiftyone_views import save_frames_view, save_views
from publishers.image_export import Progress, StoredImages
from publishers.rows import DatasetRows
from schemas.errors import RecipeError

PROJECTION = 3
"""Raised when samples are made in another way, so that those in a database are made again."""


@dataclass(frozen=True)
class FiftyOneCounts:
    """What a push did to the FiftyOne dataset, in video samples, and what is in it now.

    Attributes:
        name: of the dataset.
        added: samples that were added, those that replace others among them.
        removed: samples that were removed, those that were replaced among them.
        kept: samples that showed what they should already.
        frames: frames of all samples.
        objects: objects in all frames.
        in_bulk: False when FiftyOne's documents are not as we know them, so that its own, slow way was taken.
    """

    name: str
    added: int
    removed: int
    kept: int
    frames: int
    objects: int
    in_bulk: bool


def shown_version(fiftyone: Any, name: str) -> str | None:
    """The version that the FiftyOne dataset ``name`` shows; None when there is none, or it is not whole."""
    if not fiftyone.dataset_exists(name):
        return None
    return (fiftyone.load_dataset(name).info.get(OWNER_KEY) or {}).get("version")


def push_dataset(
    fiftyone: Any,
    rows: DatasetRows,
    name: str,
    version: str,
    *,
    media_path: MediaPath,
    stored_images: StoredImages | None = None,
    files_identity: str = "",
    overwrite_edits: bool = False,
    on_progress: Progress | None = None,
) -> FiftyOneCounts:
    """Make the FiftyOne dataset ``name`` show ``rows``; samples that show the same already are left alone.

    Every clip is there, rejected ones too, with the rule that decided. A push that was interrupted is completed by
    the next one: until then the dataset shows no version.

    Args:
        fiftyone: the connected module, see :mod:`publishers.fiftyone_session`.
        rows: what to show.
        name: of the FiftyOne dataset.
        version: of ``rows``; recorded in the dataset when all is in it.
        media_path: where each clip's video lies.
        stored_images: frame images of accepted clips, for the view of frames; None leaves that view out.
        files_identity: changes when ``media_path`` or ``stored_images`` give other files for the same clip: where the
            store lies, how images are made.
        overwrite_edits: replace samples that people changed, too.
        on_progress: called as clips are added.

    Raises:
        RecipeError: a dataset of that name exists that Framefoundry did not write, or people changed clips that would
            be replaced; nothing was changed then.
    """
    dataset = _open_dataset(fiftyone, name)
    declare_fields(fiftyone, dataset, rows)
    clips = ClipRows(rows)
    wanted = clips.digests(f"{PROJECTION} {stored_images is not None} {files_identity}")
    stale, kept = _compare(dataset, wanted)
    if not overwrite_edits:
        refuse_over_edits(dataset, stale)
    written_at = begin_push(dataset)
    if stale:
        dataset.delete_samples(stale)
    missing = {clip: content for clip, content in wanted.items() if clip not in kept}
    in_bulk = add_clips(
        fiftyone,
        dataset,
        clips,
        ClipFiles(media_path, stored_images),
        missing,
        written_at,
        on_added=(lambda done: on_progress("fiftyone", done, len(missing))) if on_progress else None,
    )
    save_views(fiftyone, dataset)
    if stored_images is not None:
        save_frames_view(fiftyone, dataset)
    lay_out(fiftyone, dataset, rows)
    if dataset.default_classes != list(rows.class_names):
        dataset.default_classes = list(rows.class_names)
    dataset.description = f"Framefoundry dataset, version {version}"
    end_push(dataset, version)
    return FiftyOneCounts(
        name=name,
        added=len(missing),
        removed=len(stale),
        kept=len(kept),
        frames=sum(clips.frame_counts.values()),
        objects=sum(_count_objects(table) for table in (rows.frames, rows.rejected_frames)),
        in_bulk=in_bulk,
    )


def _open_dataset(fiftyone: Any, name: str) -> Any:
    if not fiftyone.dataset_exists(name):
        dataset = fiftyone.Dataset(name, persistent=True)
        dataset.media_type = "video"
        return dataset
    dataset = fiftyone.load_dataset(name)
    if OWNER_KEY not in dataset.info:
        raise RecipeError(
            f"FiftyOne has a dataset {name!r} already, which Framefoundry did not write.",
            "Set publish.fiftyone.name to another name, or delete that dataset.",
        )
    return dataset


def _compare(dataset: Any, wanted: Mapping[str, str]) -> tuple[list[str], set[str]]:
    """Samples to be removed, and clips that a sample shows as they are wanted."""
    clip_of = {content: clip for clip, content in wanted.items()}
    stale, kept = [], set()
    for sample, content in zip(*dataset.values(["id", CONTENT]), strict=True):
        clip = clip_of.get(content)
        if clip is None or clip in kept:
            stale.append(sample)
        else:
            kept.add(clip)
    return stale, kept


def _count_objects(frames: pa.Table) -> int:
    return int(pc.sum(pc.list_value_length(frames["objects"])).as_py() or 0)
