"""The FiftyOne projection: one video sample a clip with its tracks, the frame images beside it, and saved views."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from publishers.fiftyone_layout import lay_out
from publishers.fiftyone_samples import MediaPath, SampleMaker, declare_fields
from publishers.fiftyone_session import OWNER_KEY
from publishers.image_export import SPLITS, Progress, StoredImages
from publishers.rows import DatasetRows
from schemas.errors import RecipeError
from schemas.tables import ACCEPTED, IGNORE, REJECTED

_FRAMES_A_BATCH = 2_000


@dataclass(frozen=True)
class FiftyOneCounts:
    """What a push did to the FiftyOne dataset, in video samples, and what is in it now."""

    name: str
    added: int
    removed: int
    kept: int
    frames: int
    objects: int


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
        on_progress: called as clips are added.

    Raises:
        RecipeError: a dataset of that name exists that Framefoundry did not write.
    """
    dataset = _open_dataset(fiftyone, name)
    dataset.info[OWNER_KEY] = {"version": None}
    dataset.save()
    declare_fields(fiftyone, dataset, rows)
    maker = SampleMaker(fiftyone, rows, media_path, stored_images)
    wanted = {maker.content_of(clip): clip for clip in maker.frame_counts}
    present = dict(zip(dataset.values("id"), dataset.values("content"), strict=True))
    stale = [sample for sample, content in present.items() if content not in wanted]
    if stale:
        dataset.delete_samples(stale)
    kept = {content for content in present.values() if content in wanted}
    missing = {clip: content for content, clip in wanted.items() if content not in kept}
    _add_clips(dataset, maker, missing, on_progress)
    _describe(dataset, rows, version)
    lay_out(fiftyone, dataset, rows)
    _save_views(fiftyone, dataset, with_frames=stored_images is not None)
    dataset.info[OWNER_KEY] = {"version": version}
    dataset.save()
    return FiftyOneCounts(
        name=name,
        added=len(missing),
        removed=len(stale),
        kept=len(kept),
        frames=dataset.count("frames"),
        objects=dataset.count("frames.detections.detections"),
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


def _add_clips(dataset: Any, maker: SampleMaker, missing: Mapping[str, str], on_progress: Progress | None) -> None:
    """Add samples in batches; a sample tells its content only when its frames are in the database too."""
    done = 0
    for batch in _batches(sorted(missing), maker.frame_counts):
        ids = dataset.add_samples([maker.make(clip) for clip in batch], progress=False)
        dataset.set_values("content", {i: missing[clip] for i, clip in zip(ids, batch, strict=True)}, key_field="id")
        done += len(batch)
        if on_progress:
            on_progress("fiftyone", done, len(missing))


def _batches(clips: Sequence[str], frame_counts: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    frames = 0
    for clip in clips:
        batch.append(clip)
        frames += frame_counts[clip]
        if frames >= _FRAMES_A_BATCH:
            yield batch
            batch, frames = [], 0
    if batch:
        yield batch


def _describe(dataset: Any, rows: DatasetRows, version: str) -> None:
    dataset.default_classes = list(rows.class_names)
    dataset.description = f"Framefoundry dataset, version {version}"
    dataset.save()


def _save_views(fiftyone: Any, dataset: Any, *, with_frames: bool) -> None:
    field = fiftyone.ViewField
    accepted = dataset.match(field("verdict") == ACCEPTED)
    views = {
        "accepted": (accepted, "Clips that are in the dataset"),
        "rejected": (dataset.match(field("verdict") == REJECTED), "Clips that were left out; `rule` says why"),
        "ignored": (
            accepted.filter_labels("frames.detections", field("verdict") == IGNORE),
            "Ignore regions: objects that are believed by half",
        ),
        "lowest confidence": (
            accepted.match(field("lowest_confidence") != None).sort_by("lowest_confidence"),  # noqa: E711 - a query
            "Accepted clips, the one with the most doubtful label first",
        ),
        **{split: (accepted.match(field("split") == split), f"Accepted clips in {split}") for split in SPLITS},
    }
    if with_frames:
        shown = accepted.match_frames(field("filepath") != None)  # noqa: E711
        views["frames"] = (shown.to_frames(sample_frames=False), "The stored frame images, with their labels")
    for name, (view, description) in views.items():
        dataset.save_view(name, view, description=description, overwrite=True)
