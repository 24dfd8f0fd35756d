"""Reviewed frames from a FiftyOne dataset of ours: what people left, corrected and added there.

A clip is reviewed, all its frames, when its sample has the tag ``reviewed``; a single frame is when one of its labels
has that tag, or its field ``reviewed`` is true (for frames that show nothing). Labels with the tag ``ignore`` are
neither asked for nor held against a detector, as they were published.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa

from publishers.fiftyone_session import OWNER_KEY
from schemas.closest import closest_hint
from schemas.errors import RecipeError
from schemas.reviews import REVIEWS
from schemas.tables import IGNORE

REVIEWED = "reviewed"


def read_fiftyone_review(fiftyone: Any, name: str, class_names: Collection[str] = ()) -> pa.Table:
    """The reviewed frames of the FiftyOne dataset ``name`` as ``REVIEWS``; no rows where nothing was marked.

    Args:
        fiftyone: the connected module, see :mod:`publishers.fiftyone_session`.
        name: of the FiftyOne dataset.
        class_names: published classes; empty: any.

    Raises:
        RecipeError: there is no such dataset, it is not ours, or a label is of a class that is not published.
    """
    if not fiftyone.dataset_exists(name):
        raise RecipeError(f"FiftyOne has no dataset {name!r}.", "Run the recipe with `publish: {fiftyone: {}}` first.")
    dataset = fiftyone.load_dataset(name)
    if OWNER_KEY not in dataset.info:
        raise RecipeError(f"FiftyOne's dataset {name!r} was not written by Framefoundry.", "Review one that was.")
    frames = [frame for sample in _marked_samples(fiftyone, dataset) for frame in _reviewed_frames(sample)]
    for frame in frames:
        for one in frame["objects"]:
            if class_names and one["class_name"] not in class_names:
                raise RecipeError(
                    f"FiftyOne's dataset {name!r}, clip {frame['clip_id']}, frame {frame['frame']}: "
                    f"{one['class_name']!r} is not among the published classes"
                    f"{closest_hint(one['class_name'], class_names)}.",
                    "Correct the label.",
                )
    return pa.Table.from_pylist(frames, schema=REVIEWS)


def _marked_samples(fiftyone: Any, dataset: Any) -> Iterator[Any]:
    """Samples with a mark anywhere, each once."""
    views = [dataset.match_tags(REVIEWED), dataset.match_labels(tags=REVIEWED, fields="frames.detections")]
    if REVIEWED in dataset.get_frame_field_schema():
        views.append(dataset.match_frames(fiftyone.ViewField(REVIEWED) == True, omit_empty=True))  # noqa: E712 - a query
    ids = {sample_id for view in views for sample_id in view.values("id")}
    yield from dataset.select(sorted(ids))


def _reviewed_frames(sample: Any) -> Iterator[dict[str, Any]]:
    whole, size = REVIEWED in sample.tags, sample.metadata
    for number, frame in sample.frames.items():
        labels = frame["detections"].detections if frame["detections"] else []
        flagged = frame.has_field(REVIEWED) and bool(frame[REVIEWED])
        if whole or flagged or any(REVIEWED in one.tags for one in labels):
            objects = [_object(one, size.frame_width, size.frame_height) for one in labels]
            yield {"clip_id": sample["clip_id"], "frame": number - 1, "objects": objects}


def _object(label: Any, width: int, height: int) -> Mapping[str, Any]:
    x, y, w, h = label.bounding_box
    box = {"x": x * width, "y": y * height, "w": w * width, "h": h * height}
    return {"class_name": label.label, **box, "difficult": IGNORE in label.tags}
