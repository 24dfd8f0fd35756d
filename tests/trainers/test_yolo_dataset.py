import pytest
from PIL import Image

from schemas.errors import RecipeError
from trainers.yolo_dataset import describe_dataset, link_training_tree


def make_dataset(folder, sizes=((64, 32),), extra=""):
    (folder / "images" / "train").mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.new("RGB", size).save(folder / "images" / "train" / f"{number}.jpg")
    path = folder / "data.yaml"
    path.write_text(f"train: images/train\nval: images/train\nnames: {{0: car, 1: dog}}\n{extra}")
    return path


def test_tells_classes_images_and_shape(tmp_path):
    dataset = describe_dataset(make_dataset(tmp_path, ((64, 32), (64, 32))))
    assert (dataset.class_names, len(dataset.images), dataset.uniform_shape) == (("car", "dog"), 2, True)


def test_frames_of_several_sizes_are_not_uniform(tmp_path):
    assert not describe_dataset(make_dataset(tmp_path, ((64, 32), (32, 64)))).uniform_shape


def test_a_download_key_is_refused_because_ultralytics_would_execute_it(tmp_path):
    with pytest.raises(RecipeError, match="download"):
        describe_dataset(make_dataset(tmp_path, extra="download: print('hello')\n"))


def test_a_dataset_without_training_images_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no training images"):
        describe_dataset(make_dataset(tmp_path, ()))


@pytest.mark.parametrize("text", ["", "- a\n", "names: [car]\n"])
def test_what_is_not_a_dataset_is_refused(tmp_path, text):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match="not a YOLO dataset"):
        describe_dataset(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"gone\.yaml"):
        describe_dataset(tmp_path / "gone.yaml")


def test_a_training_sees_links_and_the_published_folder_stays_as_it_is(tmp_path):
    path = make_dataset(tmp_path / "published", ((64, 32), (64, 32)))
    label = tmp_path / "published" / "labels" / "train" / "1.txt"
    label.parent.mkdir(parents=True)
    label.write_text("0 0.5 0.5 0.1 0.1\n")
    before = sorted((tmp_path / "published").rglob("*"))
    tree = tmp_path / "tree"
    described = describe_dataset(link_training_tree(describe_dataset(path), tree))
    assert (len(described.images), described.class_names) == (2, ("car", "dog"))
    assert (tree / "labels" / "train" / "0000001.txt").read_text() == "0 0.5 0.5 0.1 0.1\n"
    assert not (tree / "labels" / "train" / "0000000.txt").exists()
    assert len(list((tree / "images" / "val").iterdir())) == 1
    assert sorted((tmp_path / "published").rglob("*")) == before


def test_images_can_be_listed_in_a_text_file(tmp_path):
    path = make_dataset(tmp_path, ((64, 32), (64, 32)))
    (tmp_path / "train.txt").write_text("./images/train/1.jpg\n")
    path.write_text(path.read_text().replace("train: images/train", "train: train.txt"))
    assert [image.name for image in describe_dataset(path).images] == ["1.jpg"]
