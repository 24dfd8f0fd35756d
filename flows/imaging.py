"""The images stage as a Prefect task: frame images of labelled clips, ready before the version is written."""

from flows.batches import batch_task
from flows.lanes import BatchOutcome
from publishers.frame_images import asked_images
from schemas.errors import MediaError
from schemas.recipe import Recipe
from schemas.records import ClipRecord, Failure
from storage.images import store_frame_images
from storage.store import Store


@batch_task(name="images-batch", task_run_name="images of clips {label}")
def images_batch(recipe: Recipe, store: str, clips: list[ClipRecord], label: str) -> BatchOutcome:
    """Store the frame images of one batch. A clip that cannot be decoded is left to publication, which says so."""
    opened = Store.open(store)
    failures = []
    for clip in clips:
        try:
            for options in asked_images(recipe.publish):
                store_frame_images(opened, clip, stride=options.stride, quality=options.jpeg_quality)
        except MediaError as fault:
            failures.append(Failure(clip.clip_id, "images", "unreadable", str(fault)))
    return BatchOutcome(len(clips) - len(failures), failures)
