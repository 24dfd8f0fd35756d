from datetime import UTC, datetime, timedelta

import pytest
from publishers_inputs import STREET_BOXES, make_rows

from publishers.fiftyone_dataset import push_dataset, shown_version
from publishers.fiftyone_edits import find_edited_samples, settle_reviews
from publishers.fiftyone_reviews import read_fiftyone_review
from publishers.fiftyone_session import OWNER_KEY, fiftyone_session
from schemas.errors import RecipeError

NAME = "edited"
MOVED = [(*box[:4], (1.0, *box[4][1:]), box[5]) if box[0] in "bc" else box for box in STREET_BOXES]


@pytest.fixture(scope="module")
def fiftyone(database):
    with fiftyone_session(database) as module:
        yield module


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "clip.mp4"
    path.write_bytes(b"not looked at here")
    return path


@pytest.fixture
def push(fiftyone, video):
    """Pushes rows into a dataset without edits in ``b`` and ``c``; these are the clips that are others in MOVED."""

    def push(boxes, version, **options):
        rows = make_rows(boxes)
        return push_dataset(fiftyone, rows, NAME, version, media_path=lambda clip: video, **options)

    push(STREET_BOXES, "1", overwrite_edits=True)
    yield push
    push(MOVED, "over", overwrite_edits=True)


def clips_of(fiftyone):
    return {sample["clip_id"]: sample for sample in fiftyone.load_dataset(NAME)}


def edited(fiftyone):
    dataset = fiftyone.load_dataset(NAME)
    names = dict(zip(dataset.values("_id"), dataset.values("clip_id"), strict=True))
    return sorted(names[one] for one in find_edited_samples(dataset))


def tag_sample(fiftyone, clips):
    clips["b"].tags.append("seen")
    clips["b"].save()


def move_box(fiftyone, clips):
    clips["b"].frames[2].detections.detections[0].bounding_box = [0, 0, 0.5, 0.5]
    clips["b"].save()


def tag_labels_in_the_app(fiftyone, clips):
    fiftyone.load_dataset(NAME).select(clips["b"].id).tag_labels("wrong", "frames.detections")


def delete_a_frame(fiftyone, clips):
    del clips["b"].frames[8]
    clips["b"].save()


def add_a_field(fiftyone, clips):
    fiftyone.load_dataset(NAME).set_values("stars", {clips["b"].id: 5}, key_field="id")


@pytest.mark.parametrize("edit", [tag_sample, move_box, tag_labels_in_the_app, delete_a_frame, add_a_field])
def test_a_push_refuses_to_run_over_edits_and_changes_nothing(fiftyone, push, edit):
    edit(fiftyone, clips_of(fiftyone))
    assert edited(fiftyone) == ["b"]
    before = sorted(fiftyone.load_dataset(NAME).values("id"))
    with pytest.raises(RecipeError, match=r"people changed 1 clips that this version replaces: b\. .*calibrate"):
        push(MOVED, "2")
    assert sorted(fiftyone.load_dataset(NAME).values("id")) == before
    assert shown_version(fiftyone, NAME) == "1"

    counts = push(MOVED, "2", overwrite_edits=True)
    assert (counts.added, counts.removed) == (2, 2)
    assert edited(fiftyone) == []


def test_our_own_pushes_are_no_edits(fiftyone, push):
    push(MOVED, "2")
    push(STREET_BOXES, "3")
    assert edited(fiftyone) == []
    # Clips of the first push and of the third are there; the second's are gone, and so is its time.
    assert len(fiftyone.load_dataset(NAME).info[OWNER_KEY]["pushes"]) == 2 + 1


def test_samples_of_somebody_else_are_not_removed_unasked(fiftyone, push, tmp_path):
    fiftyone.load_dataset(NAME).add_sample(fiftyone.Sample(filepath=str(tmp_path / "mine.mp4")))
    with pytest.raises(RecipeError, match=r"people changed 1 clips .*mine\.mp4"):
        push(MOVED, "2")
    push(MOVED, "2", overwrite_edits=True)
    assert sorted(clips_of(fiftyone)) == ["a", "b", "c", "d"]


def test_what_was_reviewed_and_taken_over_may_be_replaced(fiftyone, push):
    clips = clips_of(fiftyone)
    clips["b"].tags.append("reviewed")
    clips["b"].frames[2].detections.detections[0].label = "person"
    clips["b"].save()
    clips["c"].frames[5].detections.detections[0].tags.append("reviewed")
    clips["c"].save()
    dataset = fiftyone.load_dataset(NAME)
    settle_reviews(dataset, read_fiftyone_review(fiftyone, NAME), datetime.now(UTC))
    assert edited(fiftyone) == []
    assert (push(MOVED, "2").added, edited(fiftyone)) == (2, [])


def test_edits_that_were_not_marked_or_came_later_are_not_taken_over(fiftyone, push):
    read_at = datetime.now(UTC)
    clips = clips_of(fiftyone)
    clips["c"].frames[5].detections.detections[0].tags.append("reviewed")
    clips["c"].frames[6].detections.detections[0].label = "dog"
    clips["c"].save()
    dataset = fiftyone.load_dataset(NAME)
    review = read_fiftyone_review(fiftyone, NAME)
    settle_reviews(dataset, review, read_at - timedelta(seconds=1))
    assert edited(fiftyone) == ["c"]  # frame 4 was changed after that time
    settle_reviews(dataset, review, datetime.now(UTC))
    assert edited(fiftyone) == ["c"]  # frame 5 was changed and not marked
    with pytest.raises(RecipeError, match="people changed 1 clips"):
        push(MOVED, "2")


def test_an_interrupted_push_leaves_nothing_that_looks_like_an_edit(fiftyone, push, monkeypatch):
    from publishers import fiftyone_bulk

    def fail(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fiftyone_bulk, "_as_stored", fail)  # the exemplar is gone from the database by then
        with pytest.raises(KeyboardInterrupt):
            push(MOVED, "2")
    with monkeypatch.context() as patch:
        patch.setattr(fiftyone_bulk, "UpdateOne", fail)
        with pytest.raises(KeyboardInterrupt):
            push(MOVED, "2")
    assert shown_version(fiftyone, NAME) is None
    assert (push(MOVED, "2").added, edited(fiftyone)) == (2, [])
    assert fiftyone.load_dataset(NAME).count("frames") == 32


def test_edits_to_clips_that_stay_are_kept_and_stop_nothing(fiftyone, push):
    clip = clips_of(fiftyone)["a"]
    clip.frames[1].detections.detections[0].label = "dog"
    clip.save()
    counts = push(MOVED, "2")
    assert (counts.added, counts.kept) == (2, 2)
    assert clips_of(fiftyone)["a"].frames[1].detections.detections[0].label == "dog"
    assert edited(fiftyone) == ["a"]
    fiftyone.delete_dataset(NAME)
