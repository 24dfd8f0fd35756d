from pathlib import Path

import pytest
from publishers_inputs import STREET_BOXES, make_images, make_rows

from publishers.fiftyone_dataset import push_dataset, shown_version
from publishers.fiftyone_documents import ClipDocuments
from publishers.fiftyone_fields import attribute_field
from publishers.fiftyone_samples import to_relative
from publishers.fiftyone_session import fiftyone_session
from publishers.mongod import find_mongod_process, hold_mongod
from publishers.version import version_of
from schemas.errors import RecipeError


@pytest.fixture(scope="module")
def fiftyone(database):
    with fiftyone_session(database) as module:
        yield module


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "clip.mp4").write_bytes(b"not looked at here")
    return folder


def push(fiftyone, place, rows, name):
    if not (place / "images").exists():
        make_images(place / "images", make_rows(), stride=2)
    return push_dataset(
        fiftyone,
        rows,
        name,
        version_of(rows),
        media_path=lambda clip: place / "clip.mp4",
        stored_images=lambda clip: {frame: place / "images" / clip / f"{frame}.jpg" for frame in range(0, 8, 2)},
    )


@pytest.fixture(scope="module")
def street(fiftyone, place):
    counts = push(fiftyone, place, make_rows(), "street")
    assert (counts.added, counts.frames, counts.objects) == (4, 32, len(STREET_BOXES) - 8)
    return fiftyone.load_dataset("street")


def test_every_clip_is_a_video_sample_with_its_tracks(street):
    assert street.persistent
    clips = {sample["clip_id"]: sample for sample in street}

    a = clips["a"]
    assert (a.tags, a["split"], a["weather"], a["light"]) == (["train", "accepted"], "train", "fog", "night")
    assert (a.metadata.total_frame_count, a.metadata.frame_rate, a.metadata.frame_width) == (8, 8.0, 64)
    assert sorted(a.frames) == list(range(1, 9))
    vehicle, person = a.frames[5].detections.detections
    assert vehicle.bounding_box == [8 / 64, 10 / 48, 20 / 64, 12 / 48]
    assert (vehicle.label, vehicle.index, vehicle.tags, vehicle["source"]) == ("vehicle", 1, [], "detected")
    assert (person.label, person.tags, person["verdict"]) == ("person", ["ignore"], "ignore")
    assert a.frames[4].detections.detections[0]["score"] is None
    assert len({frame.detections.detections[0].instance.id for frame in a.frames.values()}) == 1
    assert len(street.distinct("frames.detections.detections.instance._id")) == 5

    d = clips["d"]
    assert (d["verdict"], d["rule"], d.tags) == ("rejected", "frozen", ["train", "rejected"])
    assert d["value"] == pytest.approx(0.9)
    assert len(d.frames[1].detections.detections) == 1


def test_saved_views_show_what_they_are_named_after(fiftyone, street):
    names = ("accepted", "rejected", "ignored", "lowest confidence", "train", "val", "test")
    assert {name: sorted(street.load_saved_view(name).values("clip_id")) for name in names} == {
        "accepted": ["a", "b", "c"],
        "rejected": ["d"],
        "ignored": ["a"],
        "lowest confidence": ["a", "b", "c"],
        "train": ["a", "b"],
        "val": ["c"],
        "test": [],
    }
    assert street.load_saved_view("ignored").count("frames.detections.detections") == 2
    frames = street.load_saved_view("frames")
    assert (frames.media_type, len(frames)) == ("image", 3 * 4)
    first = frames.match(fiftyone.ViewField("frame_number") == 3).first()
    assert Path(first.filepath).name == "2.jpg"
    assert [one.label for one in first.detections.detections] == ["vehicle", "person"]


def test_the_app_shows_fields_in_groups_and_classes_in_our_colours(street):
    groups = {group.name: group.paths for group in street.app_config.sidebar_groups}
    assert groups["scenario"] == ["light", "weather"]
    assert groups["decision"][:3] == ["verdict", "split", "rule"]
    assert "clip_id" in groups["primitives"]
    shown = [path for paths in groups.values() for path in paths]
    assert len(shown) == len(set(shown))
    colours = street.app_config.color_scheme.fields[0]["valueColors"]
    assert [one["value"] for one in colours] == ["person", "vehicle", "dog"]


def test_labels_in_fiftyone_are_those_of_the_rows(street):
    found = [
        (sample["clip_id"], number - 1, one.index, one.label, one["verdict"], one.bounding_box)
        for sample in street.load_saved_view("accepted")
        for number, frame in sample.frames.items()
        for one in frame.detections.detections
    ]
    expected = [
        (row["clip_id"], row["frame"], one["track"], one["class_name"], one["verdict"], to_relative(one, 64, 48))
        for row in make_rows().frames.to_pylist()
        for one in row["objects"]
    ]
    assert sorted(found) == sorted(expected)


def test_a_push_completes_what_was_interrupted_and_sends_only_what_differs(fiftyone, place, monkeypatch):
    def fail(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClipDocuments, "frames", fail)
        with pytest.raises(KeyboardInterrupt):
            push(fiftyone, place, make_rows(), "cut")
    assert shown_version(fiftyone, "cut") is None

    counts = push(fiftyone, place, make_rows(), "cut")
    assert (counts.added, counts.frames) == (4, 32)
    ids = clip_samples(fiftyone.load_dataset("cut"))
    assert shown_version(fiftyone, "cut") == version_of(make_rows())

    changed = [(*box[:3], "dog", *box[4:]) if box[:2] == ("c", 0) else box for box in STREET_BOXES]
    counts = push(fiftyone, place, make_rows(changed), "cut")
    assert (counts.added, counts.removed, counts.kept, counts.objects) == (1, 1, 3, len(changed) - 8)
    now = clip_samples(fiftyone.load_dataset("cut"))
    assert {clip for clip in ids if ids[clip] != now[clip]} == {"c"}
    assert shown_version(fiftyone, "cut") == version_of(make_rows(changed))


def clip_samples(dataset):
    return dict(zip(dataset.values("clip_id"), dataset.values("id"), strict=True))


def test_the_view_of_frames_is_drawn_up_when_it_is_opened_and_again_after_a_push(fiftyone, place):
    push(fiftyone, place, make_rows(), "drawn")
    dataset = fiftyone.load_dataset("drawn")
    before = drawn_datasets(fiftyone)
    frames = dataset.load_saved_view("frames")
    assert frames.count_values("detections.detections.label")["vehicle"] == 8
    assert len(drawn_datasets(fiftyone) - before) == 1
    assert len(dataset.load_saved_view("frames")) == 12
    assert len(drawn_datasets(fiftyone) - before) == 1

    changed = [(*box[:3], "dog", *box[4:]) if box[0] == "c" else box for box in STREET_BOXES]
    push(fiftyone, place, make_rows(changed), "drawn")
    assert drawn_datasets(fiftyone) == before
    dataset.reload()
    assert dataset.load_saved_view("frames").count_values("detections.detections.label")["vehicle"] == 4


def drawn_datasets(fiftyone):
    from fiftyone.core.odm import get_db_conn

    return {one["name"] for one in get_db_conn().datasets.find({"sample_collection_name": {"$regex": "^frames"}})}


def test_samples_are_made_anew_when_their_files_lie_elsewhere(fiftyone, place):
    def push_from(identity):
        return push_dataset(
            fiftyone, make_rows(), "moved", "v", media_path=lambda clip: place / "clip.mp4", files_identity=identity
        )

    assert push_from("/one").added == 4
    assert push_from("/one").added == 0
    assert push_from("/two").added == 4


def test_a_dataset_that_is_not_ours_is_left_alone(fiftyone, place):
    fiftyone.Dataset("theirs", persistent=True)
    with pytest.raises(RecipeError, match="'theirs' already, which Framefoundry did not write"):
        push(fiftyone, place, make_rows(), "theirs")
    fiftyone.delete_dataset("theirs")


def test_another_data_directory_is_another_database(fiftyone, street, tmp_path):
    with fiftyone_session(tmp_path / "other") as other:
        assert other.list_datasets() == []
        other.Dataset("street", persistent=True)
        other.Dataset("brief", persistent=True)
        other.delete_dataset("brief")
    assert find_mongod_process(tmp_path / "other") is None
    assert len(fiftyone.load_dataset("street")) == 4
    fiftyone.Dataset("brief", persistent=True)
    fiftyone.delete_dataset("brief")  # with the connection of this database, not of that which is gone


def test_a_database_of_the_users_own_wins_and_is_not_stopped(database, tmp_path, monkeypatch):
    with hold_mongod(database) as uri:
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", uri)
        monkeypatch.delenv("FRAMEFOUNDRY_DATABASE_URI", raising=False)
        with fiftyone_session(tmp_path / "unused") as module:
            assert module.config.database_uri == uri
        assert not (tmp_path / "unused").exists()
        assert find_mongod_process(database) is not None


def test_attribute_names_become_fields_that_collide_with_nothing():
    assert attribute_field("weather") == "weather"
    assert attribute_field("time of day") == "time_of_day"
    assert attribute_field("frames") == "axis_frames"
    assert attribute_field("360 view") == "axis_360_view"


def test_boxes_are_shares_of_the_frame():
    assert to_relative({"x": 16, "y": 12, "w": 32, "h": 24}, 64, 48) == [0.25, 0.25, 0.5, 0.5]
