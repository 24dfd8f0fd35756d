"""Publish a dataset version: the same rows as Parquet, YOLO, COCO and FiftyOne, all of them or none."""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from publishers.card import write_card
from publishers.coco import write_coco
from publishers.contact_sheet import draw_contact_sheet
from publishers.fiftyone_dataset import push_dataset
from publishers.fiftyone_session import database_is_the_users, fiftyone_session, hold_database, read_shown_versions
from publishers.frame_images import asked_images, exports_with_images, images_for_people
from publishers.image_export import Progress, StoredImages, account_of
from publishers.mongod import find_mongod_binary
from publishers.parquet import write_manifest
from publishers.quota import MISSING_FILE, list_missing
from publishers.report import describe_version
from publishers.rows import DatasetRows
from publishers.summary import describe_quality, read_account, summarise
from publishers.version import version_of
from publishers.yolo import write_yolo
from schemas.budget import DeviceAccount
from schemas.calibration import LabelQuality
from schemas.errors import StoreError
from schemas.publish_options import ImageOptions
from schemas.recipe import Recipe
from schemas.records import ClipRecord
from schemas.tables import ACCEPTED
from storage.clips import find_clip, media_path
from storage.datasets import SUMMARY_FILE, DatasetVersion, find_version, is_published, publish_version, replace_files
from storage.images import store_frame_images
from storage.locks import hold
from storage.store import Store

Accounts = dict[str, Mapping[str, Any]]


@dataclass(frozen=True)
class PublishedVersion(DatasetVersion):
    """A version, and what publishing it took.

    Attributes:
        is_new: whether it did not exist before.
        rebuilt: projections of an existing version that were missing, or asked for in another way, and made again.
    """

    is_new: bool = True
    rebuilt: tuple[str, ...] = ()


def publish(
    store: Store,
    recipe: Recipe,
    rows: DatasetRows,
    *,
    annotator_fingerprint: str,
    weights_sha256: str = "",
    label_quality: LabelQuality | None = None,
    device_account: DeviceAccount | None = None,
    on_progress: Progress | None = None,
) -> PublishedVersion:
    """Write ``rows`` in every form that ``recipe.publish`` asks for, and make them the current version of the dataset.

    A version appears when all of it is written, FiftyOne included; a failure publishes nothing, and running again
    takes up what the store has already. Rows that were published before give the same version: nothing is written
    then, except a projection that is missing or was asked for with other options, or what the version says of the
    quality of its labels when more is known of it.

    Args:
        store: with the clips.
        recipe: which forms are asked for.
        rows: what is published.
        annotator_fingerprint: of whoever made the labels.
        weights_sha256: of the detector that did, if one did.
        label_quality: what may be said of the labels; default: unmeasured.
        device_account: what the run spent on devices; a version that exists keeps that of the run which made it.
        on_progress: told as images are written.

    Raises:
        EnvironmentFault: FiftyOne is asked for and cannot be used; said before anything is written.
        MediaError: a clip cannot be decoded.
        RecipeError: FiftyOne has a dataset of that name that is not ours, or in which people changed what would be
            replaced.
        StoreError: a clip is missing, or the disk is full.
    """
    quality = label_quality or LabelQuality()
    publication = _Publication(
        store,
        recipe,
        rows,
        version_of(rows),
        annotator_fingerprint,
        weights_sha256,
        quality,
        device_account,
        on_progress,
    )
    if recipe.publish.fiftyone is not None and not database_is_the_users():
        find_mongod_binary()
    with hold(store, f"publish-{recipe.name}", wait=True):
        if is_published(store, recipe.name, publication.version):
            return publication.renew()
        return publication.create()


def stored_images(store: Store, options: ImageOptions) -> StoredImages:
    """Clip id -> frame index -> image, for clips in ``store``; made at the first call for a clip."""

    def of_clip(clip_id: str) -> dict[int, Path]:
        record = _record(store, clip_id)
        keys = store_frame_images(store, record, stride=options.stride, quality=options.jpeg_quality)
        return dict(zip(keys, store.paths(list(keys.values())), strict=True))

    return of_clip


@dataclass(frozen=True)
class _Publication:
    """One call of :func:`publish`: what is published, where and how."""

    store: Store
    recipe: Recipe
    rows: DatasetRows
    version: str
    annotator_fingerprint: str
    weights_sha256: str
    label_quality: LabelQuality
    device_account: DeviceAccount | None
    on_progress: Progress | None

    def create(self) -> PublishedVersion:
        publish_version(self.store, self.recipe.name, self.version, self._build)
        return self._published(is_new=True)

    def renew(self) -> PublishedVersion:
        """Make the existing version current, after its projections were brought to what the recipe asks for."""
        existing = find_version(self.store, self.recipe.name, self.version)
        accounts: Accounts = dict(existing.summary["projections"])
        asked = exports_with_images(self.recipe.publish)
        exports = [name for name, options in asked.items() if not _is_as_asked(accounts.get(name), options)]
        told = self._fiftyone_account()
        says_the_same = self._says_the_same(existing.summary) and told.items() <= accounts.items()
        stale = [*exports, *([] if says_the_same else ["documents"])]
        hidden = self.recipe.publish.fiftyone is not None and not self._is_shown()
        if stale or hidden:
            self._extract_images()
        if hidden:
            self._push_fiftyone()
        if stale:
            with self.store.scratch("publish") as staging:
                accounts |= {**self._write_exports(staging, exports), **told}
                self._write_documents(staging, accounts, read_account(existing.summary))
                replace_files(existing, staging)
        stale += ["fiftyone"] if hidden else []
        publish_version(self.store, self.recipe.name, self.version, self._build)
        return self._published(is_new=False, rebuilt=tuple(stale))

    def _published(self, **how: Any) -> PublishedVersion:
        found = find_version(self.store, self.recipe.name, self.version)
        return PublishedVersion(found.name, found.version, found.summary, found.key, found.store, **how)

    def _build(self, folder: Path) -> None:
        self._extract_images()
        write_manifest(self.rows, folder / "manifest")
        accounts: Accounts = {"parquet": {"path": "manifest"}}
        accounts |= self._write_exports(folder, list(exports_with_images(self.recipe.publish)))
        accounts |= self._fiftyone_account()
        self._write_documents(folder, accounts, self.device_account)
        if self.recipe.publish.fiftyone is not None:
            self._push_fiftyone()

    def _write_exports(self, folder: Path, names: list[str]) -> Accounts:
        accounts: Accounts = {}
        asked = self.recipe.publish
        if "yolo" in names and asked.yolo:
            images = stored_images(self.store, asked.yolo)
            counts = write_yolo(self.rows, folder / "yolo", asked.yolo, images, self.on_progress)
            accounts["yolo"] = account_of(counts, "yolo/data.yaml", asked.yolo)
        if "coco" in names and asked.coco:
            images = stored_images(self.store, asked.coco)
            counts = write_coco(self.rows, folder / "coco", asked.coco, images, self.on_progress)
            accounts["coco"] = account_of(counts, "coco/annotations", asked.coco)
        return accounts

    def _says_the_same(self, summary: Mapping[str, Any]) -> bool:
        """Whether a stored summary says of the labels what is known of them now."""
        return describe_quality(self.label_quality).items() <= summary.items()

    def _write_documents(self, folder: Path, accounts: Accounts, spent: DeviceAccount | None) -> None:
        """The contact sheet, report, card and, last, dataset.json."""
        summary = summarise(
            self.rows, self.recipe, self.version, self.annotator_fingerprint, accounts, self.label_quality, spent,
            self.weights_sha256,
        )  # fmt: skip
        options = images_for_people(self.recipe.publish)
        sheet = draw_contact_sheet(self.rows, stored_images(self.store, options), stride=options.stride)
        if sheet is not None:
            sheet.save(folder / "contact_sheet.jpg", quality=90)
        (folder / "report.html").write_text(describe_version(self.rows, summary, sheet), encoding="utf-8")
        (folder / "CARD.md").write_text(write_card(summary), encoding="utf-8")
        if self.recipe.curation.quota is not None:
            missing = json.dumps(list_missing(self.rows.quota), indent=2, ensure_ascii=False)
            (folder / MISSING_FILE).write_text(missing + "\n", encoding="utf-8")
        (folder / SUMMARY_FILE).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _database(self) -> Path:
        return self.store.root / "fiftyone"

    def _fiftyone_name(self) -> str:
        asked = self.recipe.publish.fiftyone
        return (asked.name if asked else None) or self.recipe.name

    def _fiftyone_account(self) -> Accounts:
        return {} if self.recipe.publish.fiftyone is None else {"fiftyone": {"dataset": self._fiftyone_name()}}

    def _is_shown(self) -> bool:
        with hold_database(self._database()) as uri:
            return read_shown_versions(uri).get(self._fiftyone_name()) == self.version

    def _push_fiftyone(self) -> None:
        asked, images = self.recipe.publish.fiftyone, images_for_people(self.recipe.publish)
        with fiftyone_session(self._database()) as fiftyone:
            push_dataset(
                fiftyone,
                self.rows,
                self._fiftyone_name(),
                self.version,
                media_path=lambda clip_id: media_path(self.store, _record(self.store, clip_id)),
                stored_images=stored_images(self.store, images),
                files_identity=f"{self.store.root} {images.stride} {images.jpeg_quality}",
                overwrite_edits=asked is not None and asked.edits == "overwrite",
                on_progress=self.on_progress,
            )

    def _extract_images(self) -> None:
        """Put every image of the exports and of FiftyOne into the store, several clips at once.

        The contact sheet has its own few made: a manifest alone decodes no more than these.
        """
        accepted = pc.equal(self.rows.clips["verdict"].cast("string"), ACCEPTED)
        clips = self.rows.clips["clip_id"].filter(accepted).to_pylist()
        sources = [stored_images(self.store, options) for options in asked_images(self.recipe.publish)]
        work = [(source, clip) for source in sources for clip in clips]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
            for done, _ in enumerate(threads.map(lambda job: job[0](job[1]), work), start=1):
                if self.on_progress:
                    self.on_progress("images", done, len(work))


def _is_as_asked(account: Mapping[str, Any] | None, options: ImageOptions) -> bool:
    return account is not None and account.get("options") == options.model_dump(mode="json")


def _record(store: Store, clip_id: str) -> ClipRecord:
    record = find_clip(store, clip_id)
    if record is None:
        raise StoreError(f"clip {clip_id} is to be published but is not in the store.", "Run the recipe again.")
    return record
