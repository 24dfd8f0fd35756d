"""Curation and publication as one Prefect task over stored tables; both need all clips, and neither runs a model."""

from collections.abc import Sequence
from functools import partial
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from prefect import task
from prefect.cache_policies import NO_CACHE

from annotators.embeddings import read_embeddings, stream_embeddings
from annotators.labelling import ClipSequence, read_labels
from curators.background import keep_background
from curators.calibrated import calibrate_tracks
from curators.curate import curate
from curators.frame_thinning import thin_frames
from curators.near_duplicates import describe_clips
from flows.label_quality import assess_labels
from flows.residents import resident_annotator, resident_embedder
from flows.stopwatch import Stopwatch
from publishers.publish import PublishedVersion, publish
from publishers.quota import MISSING_FILE, describe_missing, list_missing
from publishers.rows import BACKGROUND, LABELLED, DatasetRows, ThinFrames, build_rows
from schemas.budget import DeviceAccount, Spending, account_for
from schemas.calibration import LabelQuality
from schemas.errors import EmptyResultError
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from schemas.strict_model import StrictModel
from schemas.tables import ACCEPT
from storage.clip_table import clips_table
from storage.clips import find_clips
from storage.store import Store

_SHOWN_CELLS = 3


class Published(StrictModel):
    """The version that a run ended in, and its counts; fields as in ``schemas.run_report.RunReport``."""

    dataset: str
    path: str
    new_version: bool
    boxes: dict[str, int]
    boxes_by_split: dict[str, dict[str, int]]
    box_verdicts: dict[str, int]
    clip_verdicts: dict[str, int]
    frame_uses: dict[str, int]
    warnings: list[str]
    weights_sha256: str
    label_quality: str
    device: DeviceAccount | None = None


def publish_version(
    recipe: Recipe, store: Store, records: Sequence[ClipSequence], watch: Stopwatch, spending: Spending | None = None
) -> Published:
    """Curate and publish the labelled sequences ``records``, on which ``spending`` was spent; called from a flow."""
    keys = [[record.clip_id for record in sequence] for sequence in records]
    published, seconds = curate_and_publish(recipe, store.location, keys, spending)
    watch.seconds.update(seconds)
    return published


@task(
    name="publish-version",
    task_run_name="curate and publish {recipe.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def curate_and_publish(
    recipe: Recipe, store: str, sequences: list[list[str]], spending: Spending | None = None
) -> tuple[Published, dict[str, float]]:
    """Read stored labels of the clips in ``sequences``, decide, and publish; the version and seconds by stage.

    Raises:
        EmptyResultError: nothing was accepted; nothing was published.
    """
    opened, watch = Store.open(store), Stopwatch()
    with watch.stage("curate"):
        rows, quality = curated_rows(recipe, opened, sequences)
        _refuse_nothing_accepted(recipe, rows)
    with watch.stage("publish"):
        annotator = resident_annotator(recipe, opened)
        account = _account(recipe, rows, spending)
        version = publish(
            opened, recipe, rows, annotator_fingerprint=annotator.fingerprint, weights_sha256=annotator.weights_sha256,
            label_quality=quality, device_account=account,
        )  # fmt: skip
    return _count(recipe, rows, version, account), watch.seconds


def curated_rows(recipe: Recipe, store: Store, sequences: Sequence[Sequence[str]]) -> tuple[DatasetRows, LabelQuality]:
    """The rows of the version that ``recipe`` makes of stored labels, and what may be said of these.

    Where their generator and detector were calibrated, confidence is calibrated before anything is decided on it.
    """
    annotator = resident_annotator(recipe, store)
    all_records = find_clips(store, chain.from_iterable(sequences))
    by_id = {record.clip_id: record for record in all_records}
    found = [[by_id[clip_id] for clip_id in sequence if clip_id in by_id] for sequence in sequences]
    clips = clips_table(all_records)
    labels = read_labels(store, annotator, found)
    worth = assess_labels(recipe, store, annotator, found)
    known = worth.calibration
    tracks = calibrate_tracks(labels.tracks, clips, known, recipe) if known else labels.tracks
    curated = curate(clips, tracks, labels.clip_scores, recipe, _clip_vectors(recipe, store, all_records))
    rows = build_rows(
        clips,
        tracks,
        curated,
        recipe,
        keep_background=partial(keep_background, share=recipe.curation.max_background, seed=recipe.seed),
        thin_frames=_frame_thinner(recipe, store, all_records),
        quota=curated.quota,
        clip_scores=labels.clip_scores,
        # Asking a detector for its classes loads it, which a run that labels nothing can do without.
        detector_classes=() if recipe.classes else annotator.class_names,
    )
    return rows, worth.quality


def _clip_vectors(recipe: Recipe, store: Store, records: Sequence[ClipRecord]) -> np.ndarray | None:
    """What each clip looks like; None where near-identical clips are left alone."""
    options = recipe.curation.near_duplicates
    if options is None or options.clips is None:
        return None
    return describe_clips(stream_embeddings(resident_embedder(recipe, store), store, records))


def _frame_thinner(recipe: Recipe, store: Store, records: Sequence[ClipRecord]) -> ThinFrames | None:
    options = recipe.curation.near_duplicates
    if options is None or options.frames is None:
        return None
    embedder = resident_embedder(recipe, store)
    by_id = {record.clip_id: record for record in records}

    def read(clip_ids: Sequence[str]) -> pa.Table:
        return read_embeddings(embedder, store, [by_id[clip_id] for clip_id in clip_ids])

    return partial(thin_frames, read_vectors=read, threshold=options.frames, every=options.every)


def _refuse_nothing_accepted(recipe: Recipe, rows: DatasetRows) -> None:
    if len(rows.tracks) == 0:
        reasons = {**_verdicts(rows.clip_decisions, "clips"), **_verdicts(rows.box_decisions, "boxes")}
        counted = ", ".join(f"{name}: {count}" for name, count in reasons.items())
        raise EmptyResultError(
            f"{recipe.name}: no box was accepted ({counted}); nothing was published.",
            "Lower curation.accept, or look at the clips: do they show these classes, and does the detector know them?",
        )


def _account(recipe: Recipe, rows: DatasetRows, spending: Spending | None) -> DeviceAccount | None:
    """What was spent on the accepted frames; None where no device was needed."""
    if spending is None or not (spending.seconds or spending.clips_left):
        return None
    uses = _counts(rows.frames["use"])
    accepted = uses.get(LABELLED, 0) + uses.get(BACKGROUND, 0)
    return account_for(spending, recipe.budget, sum(rows.clips["frames"].to_pylist()), accepted)


def _count(
    recipe: Recipe, rows: DatasetRows, version: PublishedVersion, account: DeviceAccount | None = None
) -> Published:
    labels = _labels_by_split(rows)
    totals = {name: sum(split.get(name, 0) for split in labels.values()) for name in rows.class_names}
    return Published(
        dataset=f"{version.name}@{version.version}",
        path=str(version.path),
        new_version=version.is_new,
        # A wanted class without a label is news; the other seventy-six of a detector's eighty are not.
        boxes={name: total for name, total in totals.items() if total or recipe.classes},
        boxes_by_split=labels,
        box_verdicts=_verdicts(rows.box_decisions),
        clip_verdicts=_verdicts(rows.clip_decisions),
        frame_uses=_counts(rows.frames["use"]),
        warnings=[*_partial(account), *find_lacks(recipe, labels), *_short_of_quota(rows)],
        weights_sha256=version.summary["annotator"].get("weights_sha256", ""),
        label_quality=str(version.summary["label_quality"]),
        device=account,
    )


def _partial(account: DeviceAccount | None) -> list[str]:
    return [account.partial] if account and account.partial else []


def _labels_by_split(rows: DatasetRows) -> dict[str, dict[str, int]]:
    objects = rows.frames["objects"].combine_chunks()
    split = rows.frames["split"].cast(pa.string()).take(pc.list_parent_indices(objects))
    flat = objects.flatten()
    table = pa.table(
        {"split": split, "name": pc.struct_field(flat, "class_name"), "verdict": pc.struct_field(flat, "verdict")}
    )
    counted = (
        table.filter(pc.equal(table["verdict"], ACCEPT)).group_by(["split", "name"]).aggregate([("name", "count")])
    )
    labels: dict[str, dict[str, int]] = {}
    for row in counted.sort_by([("split", "ascending"), ("name", "ascending")]).to_pylist():
        labels.setdefault(row["split"], {})[row["name"]] = row["name_count"]
    return labels


def _verdicts(decisions: pa.Table, suffix: str = "") -> dict[str, int]:
    """``{"accept": 12, "ignore: confidence": 3}``, most frequent first."""
    verdict, rule = decisions["verdict"].cast(pa.string()), decisions["rule"].cast(pa.string())
    named = pc.if_else(pc.equal(rule, ""), verdict, pc.binary_join_element_wise(verdict, rule, ": "))
    return {f"{name} {suffix}".strip(): count for name, count in _counts(named).items()}


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    counted = {row["values"]: row["counts"] for row in values.cast(pa.string()).value_counts().to_pylist()}
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _short_of_quota(rows: DatasetRows) -> list[str]:
    missing = list_missing(rows.quota)
    if not missing:
        return []
    objects, more = sum(cell["missing"] for cell in missing), "; …" if len(missing) > _SHOWN_CELLS else ""
    return [
        f"quota: {len(missing):,} of {len(rows.quota):,} cells lack {objects:,} objects "
        f"({describe_missing(missing[:_SHOWN_CELLS])}{more}); {MISSING_FILE} lists them for another round"
    ]


def find_lacks(recipe: Recipe, labels: dict[str, dict[str, int]]) -> list[str]:
    """What a user must know before training: splits without labels, classes that a split lacks."""
    lacks = []
    for split, share in (("train", recipe.split.train), ("val", recipe.split.val)):
        if not share:
            continue
        if split not in labels:
            lacks.append(f"split {split} has no labels: add scenarios, or change `split`")
        else:
            missing = [name for name in recipe.class_names if name not in labels[split]]
            if missing:
                lacks.append(f"split {split} lacks {', '.join(missing)}")
    return lacks
