"""The canonical rows of a dataset version: curated labels in the one form that every projection is written from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publishers.track_numbers import number_tracks
from schemas.errors import StoreError
from schemas.recipe import Recipe
from schemas.row_order import encode_names, find_order, place_names
from schemas.tables import (
    ACCEPT,
    ACCEPTED,
    BOX_DECISIONS,
    CLIP_DECISIONS,
    CLIP_SCORES,
    CLIPS,
    FRAMES,
    IGNORE,
    NAME,
    OBJECT,
    PUBLISHED_TRACKS,
    QUOTA_CELLS,
    table_from_columns,
)

LABELLED, BACKGROUND, IGNORED, SURPLUS = "labelled", "background", "ignore", "surplus_background"
NEAR_DUPLICATE, REJECTED_CLIP = "near_duplicate", "rejected"
_USES = (LABELLED, BACKGROUND, IGNORED, SURPLUS, REJECTED_CLIP, NEAR_DUPLICATE)

PUBLISHED_CLIPS = pa.schema(
    [*CLIPS, *list(CLIP_DECISIONS)[1:], *(field.with_nullable(True) for field in list(CLIP_SCORES)[1:])],
    metadata={**CLIPS.metadata, b"framefoundry.table": b"published_clips"},
)

KeepBackground = Callable[[pa.Array, pa.Array, int], np.ndarray]
"""(clip ids, frame indexes, number of labelled frames) -> bool, one for each frame that shows nothing: is it kept?"""

ThinFrames = Callable[[pa.Table, np.ndarray], np.ndarray]
"""(FRAMES, which of them can be exported) -> bool, one for each frame: is it too much like the last one kept?"""


class Decisions(Protocol):
    """What curation hands over: a verdict on each clip and on each box."""

    @property
    def clips(self) -> pa.Table: ...  # noqa: D102

    @property
    def boxes(self) -> pa.Table: ...  # noqa: D102


@dataclass(frozen=True)
class DatasetRows:
    """Everything that a dataset version says, sorted by clip, frame and track.

    Attributes:
        clips: PUBLISHED_CLIPS; every clip, the rejected ones too, with its verdict, split and scores.
        frames: FRAMES; every frame of every accepted clip, with its labels and ignore regions.
        rejected_frames: FRAMES of the rejected clips (``use`` is "rejected"): shown to people, never trained on.
        tracks: PUBLISHED_TRACKS; one row for each clip and track that has labels.
        box_decisions: BOX_DECISIONS on every stored box, in published track numbers.
        class_names: published classes in the order of their indexes.
        quota: QUOTA_CELLS; no rows without a quota. It follows from the other rows and the recipe.
    """

    clips: pa.Table
    frames: pa.Table
    rejected_frames: pa.Table
    tracks: pa.Table
    box_decisions: pa.Table
    class_names: tuple[str, ...]
    quota: pa.Table = field(default_factory=QUOTA_CELLS.empty_table)

    @property
    def clip_decisions(self) -> pa.Table:
        """CLIP_DECISIONS, one row a clip."""
        return self.clips.select(CLIP_DECISIONS.names).cast(CLIP_DECISIONS)


def build_rows(
    clips: pa.Table,
    tracks: pa.Table,
    curated: Decisions,
    recipe: Recipe,
    *,
    keep_background: KeepBackground,
    thin_frames: ThinFrames | None = None,
    clip_scores: pa.Table | None = None,
    detector_classes: Sequence[str] = (),
    quota: pa.Table | None = None,
) -> DatasetRows:
    """Join clips, tracks and decisions into the rows of a dataset version.

    Args:
        clips: CLIPS.
        tracks: TRACKS with ``clip_id`` in front; any order.
        curated: one decision for each clip and for each row of ``tracks``.
        recipe: names the published classes.
        keep_background: which of the frames that show nothing are kept.
        thin_frames: which frames are too much like others to be exported; None: none.
        clip_scores: CLIP_SCORES; null where a clip has none.
        detector_classes: the published classes when the recipe names none; default: those that occur.
        quota: QUOTA_CELLS, where the recipe has a quota.

    Raises:
        StoreError: a box lies in no known clip or behind its last frame, or occurs twice.
        ValueError: decisions and rows do not belong together.
    """
    clips = _join_clips(clips, curated.clips, clip_scores)
    boxes, place = _join_boxes(tracks, curated.boxes, clips)
    class_names, class_index = _publish_classes(boxes["class_name"], recipe, detector_classes)
    verdict = boxes["verdict"].combine_chunks()
    shown = pc.is_in(verdict, value_set=pa.array([ACCEPT, IGNORE])).to_numpy(zero_copy_only=False) & (class_index >= 0)
    numbers = number_tracks(
        sequence=encode_names(clips["sequence"])[1][place],
        segment=clips["segment"].to_numpy()[place],
        frame=boxes["frame"].to_numpy(),
        track=boxes["track"].to_numpy(),
        box=np.stack([boxes[side].to_numpy() for side in "xywh"], axis=1),
        shown=shown,
    )
    boxes = _set_column(boxes, "track", pa.array(numbers, pa.int32()))
    boxes = _set_column(boxes, "class_name", _names_at(class_names, class_index))
    order = find_order([place, boxes["frame"].to_numpy(), numbers])
    if order is not None:
        boxes, place, shown = boxes.take(pa.array(order)), place[order], shown[order]

    accepted = _equals(clips["verdict"], ACCEPTED)
    in_frames, in_rejected = shown & accepted[place], shown & ~accepted[place]
    frames = _gather_frames(clips, accepted, boxes.filter(pa.array(in_frames)), place[in_frames])
    rejected = _gather_frames(clips, ~accepted, boxes.filter(pa.array(in_rejected)), place[in_rejected])
    labels = in_frames & _equals(boxes["verdict"], ACCEPT)
    return DatasetRows(
        clips=clips,
        frames=_decide_use(frames, keep_background, thin_frames),
        rejected_frames=_set_column(rejected, "use", pa.array([REJECTED_CLIP] * len(rejected), pa.string()).cast(NAME)),
        tracks=_summarise_tracks(boxes.filter(pa.array(labels))),
        box_decisions=boxes.select(BOX_DECISIONS.names).cast(BOX_DECISIONS).combine_chunks(),
        class_names=class_names,
        quota=quota if quota is not None else QUOTA_CELLS.empty_table(),
    )


def _join_clips(clips: pa.Table, decisions: pa.Table, scores: pa.Table | None) -> pa.Table:
    clips = clips.take(pc.sort_indices(clips["clip_id"].cast(pa.string())))
    ids = clips["clip_id"].combine_chunks()
    if len(ids) != len(pc.unique(ids)):
        raise ValueError("clips: a clip_id occurs twice")
    if len(decisions) != len(ids):
        raise ValueError(f"{len(decisions)} clip decisions for {len(ids)} clips")
    at = pc.index_in(ids, value_set=decisions["clip_id"].combine_chunks())
    if at.null_count:
        raise ValueError(f"clip {ids.filter(at.is_null())[0]} has no decision")
    columns: dict[str, object] = {name: clips[name] for name in CLIPS.names}
    columns |= {name: decisions[name].take(at) for name in CLIP_DECISIONS.names[1:]}
    scores = scores if scores is not None else CLIP_SCORES.empty_table()
    at = pc.index_in(ids, value_set=scores["clip_id"].combine_chunks())
    columns |= {name: scores[name].take(at) for name in CLIP_SCORES.names[1:]}
    return table_from_columns(PUBLISHED_CLIPS, columns).combine_chunks()


def _join_boxes(tracks: pa.Table, decisions: pa.Table, clips: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Tracks with their decisions beside them, sorted by clip, frame and the tracker's number, and the clip's rows."""
    if len(tracks) != len(decisions):
        raise ValueError(f"{len(decisions)} box decisions for {len(tracks)} boxes")
    tracks, place = _sort_by_clip(tracks, clips)
    decisions, decided = _sort_by_clip(decisions, clips)
    same = np.ones(max(len(tracks) - 1, 0), dtype=bool)
    for key in ("clip_id", "frame", "track"):
        mine, theirs = (place, decided) if key == "clip_id" else (tracks[key].to_numpy(), decisions[key].to_numpy())
        if not np.array_equal(mine, theirs):
            raise ValueError(f"box decisions do not answer to the tracks: column {key!r} differs")
        same &= mine[1:] == mine[:-1]
    if same.any():
        row = tracks.select(["clip_id", "frame", "track"]).slice(int(same.argmax()), 1).to_pylist()[0]
        raise StoreError(f"clip {row['clip_id']}: track {row['track']} occurs twice in frame {row['frame']}.")
    _check_frames(tracks["frame"].to_numpy(), place, clips)
    for name in ("verdict", "rule", "value", "threshold"):
        tracks = tracks.append_column(BOX_DECISIONS.field(name), decisions[name])
    return tracks.combine_chunks(), place


def _sort_by_clip(table: pa.Table, clips: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """``table`` sorted by clip, frame and track, and for each row that of its clip."""
    ids = clips["clip_id"].combine_chunks()
    place = place_names(table["clip_id"], ids)
    if (place < 0).any():
        unknown = table["clip_id"][int((place < 0).argmax())]
        raise StoreError(f"clip {unknown} has boxes but is not among the clips.")
    order = find_order([place, table["frame"].to_numpy(), table["track"].to_numpy()])
    place = place if order is None else place[order]
    table = table if order is None else table.take(pa.array(order))
    return _set_column(table, "clip_id", pa.DictionaryArray.from_arrays(pa.array(place, pa.int32()), ids)), place


def _check_frames(frame: np.ndarray, place: np.ndarray, clips: pa.Table) -> None:
    length = clips["frames"].to_numpy()[place]
    outside = (frame < 0) | (frame >= length)
    if outside.any():
        row = int(outside.argmax())
        raise StoreError(
            f"clip {clips['clip_id'][int(place[row])]}: a box in frame {frame[row]}; "
            f"the clip has frames 0 to {length[row] - 1}.",
            "The stored labels belong to another file; label the clip again.",
        )


def _publish_classes(
    detected: pa.ChunkedArray, recipe: Recipe, detector_classes: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Published class names, and for each box its index among them; -1 where the recipe does not want the class."""
    known, codes = encode_names(detected)
    found = known.to_pylist()
    occurring = np.bincount(codes, minlength=len(found)) > 0
    names = (
        recipe.class_names
        or tuple(detector_classes)
        or tuple(sorted(name for name, occurs in zip(found, occurring, strict=True) if occurs))
    )
    published = [recipe.published_class(name) for name in found]
    index = np.array([names.index(name) if name in names else -1 for name in published], dtype=np.int64)
    return names, index[codes] if len(codes) else np.empty(0, dtype=np.int64)


def _names_at(names: Sequence[str], index: np.ndarray) -> pa.Array:
    """Class names by index; an empty name where the index is -1."""
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(index < 0, len(names), index), pa.int32()), pa.array([*names, ""])
    )


def _gather_frames(clips: pa.Table, chosen: np.ndarray, boxes: pa.Table, place: np.ndarray) -> pa.Table:
    """FRAMES of the ``chosen`` clips; ``boxes`` (in the clips at ``place``) are sorted by clip, frame and track."""
    rows = np.flatnonzero(chosen)
    lengths = clips["frames"].to_numpy()[rows].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    total = int(starts[-1])
    clip_of_frame = np.repeat(rows, lengths)
    frame = np.arange(total) - np.repeat(starts[:-1], lengths)
    start_of_clip = np.zeros(len(clips), dtype=np.int64)
    start_of_clip[rows] = starts[:-1]
    counts = np.bincount(start_of_clip[place] + boxes["frame"].to_numpy(), minlength=total)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    columns = [boxes[field.name].combine_chunks().cast(field.type) for field in OBJECT]
    objects = pa.StructArray.from_arrays(columns, fields=list(OBJECT))
    return table_from_columns(
        FRAMES,
        {
            "clip_id": clips["clip_id"].take(clip_of_frame),
            "frame": pa.array(frame, pa.int32()),
            "split": clips["split"].take(clip_of_frame),
            "use": pa.array([""] * total, pa.string()),
            "objects": pa.ListArray.from_arrays(offsets, objects, type=FRAMES.field("objects").type),
        },
    ).combine_chunks()


def _decide_use(frames: pa.Table, keep_background: KeepBackground, thin_frames: ThinFrames | None) -> pa.Table:
    """``frames`` with ``use`` filled in: an ignore region outweighs labels; what shows nothing may be surplus."""
    objects = frames["objects"].combine_chunks()
    parent = pc.list_parent_indices(objects).to_numpy()
    doubtful = pc.equal(pc.struct_field(objects.flatten(), "verdict"), IGNORE).to_numpy(zero_copy_only=False)
    shown = np.bincount(parent, minlength=len(frames))
    ignored = np.bincount(parent[doubtful], minlength=len(frames)) > 0
    thinned = thin_frames(frames, ~ignored) if thin_frames else np.zeros(len(frames), dtype=bool)
    use = np.full(len(frames), _USES.index(LABELLED), dtype=np.int32)
    use[ignored] = _USES.index(IGNORED)
    use[thinned] = _USES.index(NEAR_DUPLICATE)
    empty = np.flatnonzero((shown == 0) & ~thinned)
    labelled = int((use == _USES.index(LABELLED)).sum() - len(empty))
    kept = np.asarray(
        keep_background(
            frames["clip_id"].take(empty).combine_chunks(), frames["frame"].take(empty).combine_chunks(), labelled
        )
    )
    use[empty] = np.where(kept, _USES.index(BACKGROUND), _USES.index(SURPLUS))
    return _set_column(frames, "use", pa.DictionaryArray.from_arrays(pa.array(use), pa.array(_USES)))


def _summarise_tracks(labels: pa.Table) -> pa.Table:
    interpolated = pa.array(_equals(labels["source"], "interpolated").astype(np.int32))
    confidence = labels["confidence"].cast(pa.float64())
    labels = _set_column(labels, "class_name", labels["class_name"].cast(pa.string()))
    labels = labels.select(["clip_id", "track", "class_name", "frame"])
    labels = labels.append_column("interpolated", interpolated).append_column("confidence", confidence)
    # One thread: the order in which means are summed, and so their last bit, is then the order of the rows.
    tracks = labels.group_by(["clip_id", "track"], use_threads=False).aggregate(
        [
            ("class_name", "first"),
            ("frame", "min"),
            ("frame", "max"),
            ("frame", "count"),
            ("interpolated", "sum"),
            ("confidence", "mean"),
        ]
    )
    columns = {
        "clip_id": tracks["clip_id"],
        "track": tracks["track"],
        "class_name": tracks["class_name_first"],
        "first_frame": tracks["frame_min"],
        "last_frame": tracks["frame_max"],
        "boxes": tracks["frame_count"],
        "interpolated": tracks["interpolated_sum"],
        "confidence": tracks["confidence_mean"],
    }
    table = table_from_columns(PUBLISHED_TRACKS, columns)
    return table.sort_by([("clip_id", "ascending"), ("track", "ascending")]).combine_chunks()


def _equals(column: pa.ChunkedArray, value: str) -> np.ndarray:
    """bool, one a row: does it hold ``value``?"""
    names, codes = encode_names(column)
    holds: np.ndarray = np.asarray(pc.equal(names, value))[codes]
    return holds


def _set_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    index = table.schema.get_field_index(name)
    field = table.schema.field(index)
    return table.set_column(index, field.with_type(values.type), values)
