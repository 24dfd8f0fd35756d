import pytest
from publishers_inputs import make_rows

from publishers.fiftyone_dataset import push_dataset
from publishers.fiftyone_reviews import read_fiftyone_review
from publishers.fiftyone_session import fiftyone_session
from schemas.errors import RecipeError


@pytest.fixture(scope="module")
def fiftyone(database):
    with fiftyone_session(database) as module:
        yield module


@pytest.fixture
def clips(fiftyone, tmp_path):
    """A pushed dataset of its own for each test: samples by clip."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"not looked at here")
    push_dataset(fiftyone, make_rows(), "reviewed-street", "v", media_path=lambda clip: video)
    dataset = fiftyone.load_dataset("reviewed-street")
    yield {sample["clip_id"]: sample for sample in dataset}
    dataset.delete()


def frames_of(fiftyone, *class_names):
    review = read_fiftyone_review(fiftyone, "reviewed-street", class_names)
    return {(row["clip_id"], row["frame"]): row["objects"] for row in review.to_pylist()}


def test_nothing_is_reviewed_until_somebody_says_so(fiftyone, clips):
    assert frames_of(fiftyone) == {}


def test_a_tagged_clip_is_reviewed_in_all_frames(fiftyone, clips):
    clips["a"].tags.append("reviewed")
    clips["a"].save()
    frames = frames_of(fiftyone, "vehicle", "person")
    assert set(frames) == {("a", frame) for frame in range(8)}
    vehicle, person = frames["a", 4]
    assert vehicle == {"class_name": "vehicle", "x": 8, "y": 10, "w": 20, "h": 12, "difficult": False}
    assert person["class_name"] == "person" and person["difficult"]


def test_a_tagged_label_marks_its_frame_and_corrections_are_taken_as_they_are(fiftyone, clips):
    labels = clips["b"].frames[3].detections.detections
    labels[0].tags.append("reviewed")
    labels[0].label = "person"
    labels[0].bounding_box = [0.5, 0.5, 0.25, 0.25]
    labels.append(fiftyone.Detection(label="dog", bounding_box=[0, 0, 0.5, 0.5]))
    clips["b"].save()
    ((place, (person, dog)),) = frames_of(fiftyone).items()
    assert place == ("b", 2)
    assert person == {"class_name": "person", "x": 32, "y": 24, "w": 16, "h": 12, "difficult": False}
    assert (dog["class_name"], dog["w"]) == ("dog", 32)


def test_a_frame_without_labels_is_marked_by_its_field(fiftyone, clips):
    clips["b"].frames[8]["reviewed"] = True
    clips["b"].save()
    assert frames_of(fiftyone) == {("b", 7): []}


def test_a_class_that_is_not_published_is_refused_with_its_place(fiftyone, clips):
    clips["c"].tags.append("reviewed")
    clips["c"].save()
    with pytest.raises(RecipeError, match=r"clip c, frame 0: 'vehicle' is not among .* did you mean 'vehicles'"):
        frames_of(fiftyone, "vehicles")


def test_a_dataset_that_is_not_there_or_not_ours_is_refused(fiftyone):
    with pytest.raises(RecipeError, match="no dataset 'nowhere'"):
        read_fiftyone_review(fiftyone, "nowhere")
    theirs = fiftyone.Dataset("theirs")
    with pytest.raises(RecipeError, match="not written by Framefoundry"):
        read_fiftyone_review(fiftyone, "theirs")
    theirs.delete()
