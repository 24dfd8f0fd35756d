"""The saved views of our FiftyOne datasets."""

import json
from collections.abc import Mapping
from typing import Any

from bson import json_util

from publishers.image_export import SPLITS
from schemas.tables import ACCEPTED, IGNORE, REJECTED

FRAMES_VIEW = "frames"


def save_views(fiftyone: Any, dataset: Any) -> None:
    """Save the views that are not there yet, or were saved in another way."""
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
    saved = {view.name: [json.loads(stage) for stage in view.view_stages] for view in dataset._doc.get_saved_views()}
    for name, (view, description) in views.items():
        if saved.get(name) != [json.loads(json_util.dumps(stage)) for stage in view._serialize(include_uuids=False)]:
            dataset.save_view(name, view, description=description, overwrite=True)


def save_frames_view(fiftyone: Any, dataset: Any) -> None:
    """Save the view of the stored frame images with their labels; it is drawn up when it is opened first.

    FiftyOne copies every frame to draw it up, and does so at once when such a view is saved, overwritten or deleted
    through its public interface, whether anybody looks at it or not. Here only what it is to show is saved, and what
    was drawn up of an earlier version is dropped.
    """
    field = fiftyone.ViewField
    shown = dataset.match(field("verdict") == ACCEPTED).match_frames(field("filepath") != None)  # noqa: E711 - a query
    if FRAMES_VIEW not in dataset.list_saved_views():
        dataset.save_view(FRAMES_VIEW, shown, description="The stored frame images, with their labels")
    saved = dataset._get_saved_view_doc(FRAMES_VIEW)
    for drawn in filter(None, map(_drawn_up_as, saved.view_stages)):
        if fiftyone.dataset_exists(drawn):
            fiftyone.delete_dataset(drawn)
    stages = [*shown._serialize(include_uuids=False), _to_frames(fiftyone)]
    saved.view_stages = [json_util.dumps(stage) for stage in stages]
    saved.save()


def _to_frames(fiftyone: Any) -> Mapping[str, Any]:
    stage: Mapping[str, Any] = fiftyone.ToFrames(config={"sample_frames": False})._serialize(include_uuid=False)
    return stage


def _drawn_up_as(stage: str) -> str | None:
    """The name of the dataset that FiftyOne drew a saved stage up as, if it did."""
    arguments = dict(json.loads(stage)["kwargs"])
    return (arguments.get("_state") or {}).get("name")
