"""The files behind what FiftyOne shows of a version, on this machine."""

import pyarrow.parquet as pq

from publishers.frame_images import images_for_people
from publishers.publish import stored_images
from schemas.errors import StoreError
from schemas.publish_options import PublishOptions
from schemas.tables import ACCEPTED
from storage.clips import find_clips
from storage.datasets import DatasetVersion


def fetch_shown_files(version: DatasetVersion) -> None:
    """Fetch what is not here any more of the videos and frame images of ``version``; a local store has them all.

    Raises:
        StoreError: the version's manifest, or a clip of it, is missing.
    """
    store = version.store
    if not store.address:
        return
    manifest = version.find_file("manifest/clips.parquet")
    if manifest is None:
        raise StoreError(f"{version.location} has no manifest.", "Publish the version again.")
    rows = pq.read_table(manifest, columns=["clip_id", "verdict"]).to_pylist()
    store.paths([record.media_key for record in find_clips(store, [row["clip_id"] for row in rows])])
    options = PublishOptions.model_validate(version.summary["recipe"]["publish"])
    images = stored_images(store, images_for_people(options))
    for row in rows:
        if row["verdict"] == ACCEPTED:
            images(row["clip_id"])
