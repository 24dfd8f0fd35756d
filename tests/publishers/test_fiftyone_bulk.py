from datetime import datetime

import pytest
from bson import ObjectId
from publishers_inputs import make_images, make_recipe, make_rows

from publishers import fiftyone_bulk
from publishers.clip_rows import ClipRows
from publishers.fiftyone_bulk import add_clips, find_difference
from publishers.fiftyone_dataset import push_dataset
from publishers.fiftyone_documents import ClipDocuments, Stamp
from publishers.fiftyone_fields import declare_fields
from publishers.fiftyone_samples import ClipFiles, make_sample
from publishers.fiftyone_session import fiftyone_session

WRITTEN_AT = datetime(2026, 1, 2, 3, 4, 5)
BOXES = "frames.detections.detections"


@pytest.fixture(scope="module")
def fiftyone(database):
    with fiftyone_session(database) as module:
        yield module


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "clip.mp4").write_bytes(b"not looked at here")
    return ClipFiles(lambda clip: folder / "clip.mp4", make_images(folder / "images", make_rows(), stride=2))


def new_dataset(fiftyone, name):
    dataset = fiftyone.Dataset(name, persistent=True)
    dataset.media_type = "video"
    declare_fields(fiftyone, dataset, make_rows())
    return dataset


@pytest.fixture(scope="module")
def slow(fiftyone, files):
    """All clips through FiftyOne's public interface."""
    dataset, clips = new_dataset(fiftyone, "slow"), ClipRows(make_rows())
    dataset.add_samples([make_sample(fiftyone, clips, files, clip) for clip in "abcd"], progress=False)
    return dataset


@pytest.fixture(scope="module")
def fast(fiftyone, files):
    dataset = new_dataset(fiftyone, "fast")
    contents = dict.fromkeys("abcd", "unfinished")
    assert add_clips(fiftyone, dataset, ClipRows(make_rows()), files, contents, WRITTEN_AT)
    return dataset


def raw(dataset):
    """The documents as the database holds them, sorted, without what differs from one dataset to another."""

    def known(value):
        if isinstance(value, dict):
            identity = value.get("_cls") == "Instance"
            kept = {key: inner for key, inner in value.items() if key not in ("_sample_id", "_rand")}
            return {key: inner if identity else known(inner) for key, inner in kept.items()}
        if isinstance(value, list):
            return [known(inner) for inner in value]
        return type(value) if isinstance(value, ObjectId | datetime) else value

    samples = sorted(dataset._sample_collection.find(), key=lambda one: one["clip_id"])
    place = {one["_id"]: at for at, one in enumerate(samples)}
    frames = sorted(dataset._frame_collection.find(), key=lambda one: (place[one["_sample_id"]], one["frame_number"]))
    owners = [(samples[place[one["_sample_id"]]]["clip_id"], one["frame_number"]) for one in frames]
    return [known(one) for one in samples], owners, [known(one) for one in frames]


def test_documents_are_those_that_add_samples_makes(fast, slow):
    for ours, theirs in zip(raw(fast), raw(slow), strict=True):
        assert ours == theirs
    kinds = [[type(value) for value in one.values()] for one in raw(fast)[0]]
    assert kinds == [[type(value) for value in one.values()] for one in raw(slow)[0]]


def test_datasets_have_the_same_fields_and_indexes(fast, slow):
    for schema in ("get_field_schema", "get_frame_field_schema"):
        described = [
            {path: (str(field), field.name) for path, field in getattr(dataset, schema)(flat=True).items()}
            for dataset in (fast, slow)
        ]
        assert described[0] == described[1]
    assert set(fast.get_index_information()) == set(slow.get_index_information())


def answers(fiftyone, dataset):
    """What views and aggregations say that people use."""
    field = fiftyone.ViewField
    doubtful = dataset.filter_labels("frames.detections", field("confidence") < 0.5)
    tracks = dataset.filter_labels("frames.detections", field("index") == 1)
    frames = dataset.match_frames(field("filepath") != None).to_frames(sample_frames=False)  # noqa: E711 - a query
    patches = frames.to_patches("detections")
    found = {
        "labels": dataset.count_values(f"{BOXES}.label"),
        "tags": dataset.count_label_tags(),
        "sources": dataset.count_values(f"{BOXES}.source"),
        "unscored": dataset.filter_labels("frames.detections", field("score") == None).count(BOXES),  # noqa: E711
        "confidence": dataset.bounds(f"{BOXES}.confidence"),
        "area": dataset.mean(BOXES, expr=field("bounding_box")[2] * field("bounding_box")[3]),
        "splits": dataset.count_values("split"),
        "rejected": dataset.match(field("rule") == "frozen").values("clip_id"),
        "lowest": dataset.bounds("lowest_confidence"),
        "labelled": dataset.match_frames(field("use") == "labelled").count("frames"),
        "doubtful": [doubtful.values("clip_id"), doubtful.count(BOXES)],
        "track": sorted(tracks.distinct(f"{BOXES}.instance._id")),
        "ignored": dataset.match_labels(tags="ignore", fields="frames.detections").values("clip_id"),
        "frames": sorted(zip(frames.values("filepath"), frames.values("frame_number"), strict=True)),
        "patches": patches.count_values("detections.label"),
        "duration": dataset.sum("metadata.duration"),
    }
    evaluated = dataset.evaluate_detections("frames.detections", gt_field="frames.detections", progress=False)
    return {**found, "evaluated": evaluated.metrics()}


def test_views_aggregations_and_evaluation_give_the_same_answers(fiftyone, fast, slow):
    ours = answers(fiftyone, fast)
    assert ours == answers(fiftyone, slow)
    assert (ours["labels"]["vehicle"], len(ours["frames"]), ours["evaluated"]["fscore"]) == (16, 12, 1.0)


def test_a_sample_that_was_added_in_bulk_can_be_edited(fiftyone, fast):
    sample = fast.match(fiftyone.ViewField("clip_id") == "b").first()
    sample.frames[1].detections.detections[0].label = "person"
    sample.tags.append("seen")
    sample.save()
    fast.reload()
    again = fast[sample.id]
    assert again.frames[1].detections.detections[0].label == "person"
    assert "seen" in again.tags


@pytest.mark.parametrize(
    ("stray", "named"),
    [
        ({"_media_type": "image"}, "sample._media_type is 'video', not 'image'"),
        ({"tags": ("one", "two")}, r"sample.tags\[0\] is 'train', not 'one'"),
        ({"seed": 0.0}, "sample.seed is 0, not 0.0"),
        ({"brand_new": 1}, "sample has the keys"),
    ],
)
def test_a_document_that_is_not_as_fiftyone_makes_it_is_noticed(fiftyone, files, slow, monkeypatch, stray, named):
    clips, stamp = ClipRows(make_rows()), Stamp(slow._doc.id, WRITTEN_AT)
    before = len(slow)
    assert find_difference(fiftyone, slow, clips, files, stamp, "a") is None
    make = ClipDocuments._sample
    monkeypatch.setattr(ClipDocuments, "_sample", lambda *given: {**make(*given), **stray})
    with pytest.raises(AssertionError, match=named):
        raise AssertionError(find_difference(fiftyone, slow, clips, files, stamp, "a"))
    assert len(slow) == before
    assert slow._frame_collection.count_documents({}) == 8 * before


def test_when_fiftyone_keeps_documents_in_another_way_its_own_is_taken_and_said(fiftyone, files, monkeypatch, caplog):
    make = ClipDocuments._detections
    monkeypatch.setattr(
        ClipDocuments, "_detections", lambda *given: [{**one, "attributes": None} for one in make(*given)]
    )

    def push():
        return push_dataset(fiftyone, make_rows(), "changed-fiftyone", "v", media_path=files.video)

    counts = push()
    assert (counts.added, counts.in_bulk) == (4, False)
    assert "frame.detections.detections[0].attributes is {}, not None" in caplog.text
    assert fiftyone.load_dataset("changed-fiftyone").count(BOXES) == counts.objects
    again = push()  # what was added that way is known as ours
    assert (again.added, again.removed, again.kept) == (0, 0, 4)


def test_documents_come_in_parts_of_bounded_size(files):
    clips = ClipRows(make_rows())
    documents = ClipDocuments(clips, files, Stamp(ObjectId(), WRITTEN_AT), list("abcd"))
    (whole,) = documents.frames()
    parts = list(documents.frames(at_once=5))
    assert len(parts) > 5
    assert all(sum(1 + len(one["detections"]["detections"]) for one in part) <= 5 for part in parts)
    assert [(one["_sample_id"], one["frame_number"]) for part in parts for one in part] == [
        (one["_sample_id"], one["frame_number"]) for one in whole
    ]


def test_a_clip_without_any_object_is_shown_with_its_frames(fiftyone, files):
    rows = make_rows([], recipe=make_recipe())
    counts = push_dataset(fiftyone, rows, "bare", "v", media_path=files.video)
    dataset = fiftyone.load_dataset("bare")
    assert (counts.in_bulk, counts.objects, dataset.count("frames"), dataset.count(BOXES)) == (True, 0, 32, 0)
    assert dataset.values("lowest_confidence") == [None] * 4


def test_groups_are_bounded():
    groups = fiftyone_bulk._group(list("abcdef"), dict.fromkeys("abcdef", 1_500), 4)
    assert [len(group) for group in groups] == [3, 3]
    groups = fiftyone_bulk._group(list("abcdef"), dict.fromkeys("abcdef", 1), 4)
    assert [len(group) for group in groups] == [4, 2]
