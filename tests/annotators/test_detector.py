import zipfile
from pathlib import Path

import numpy as np
import pytest

from annotators.checkpoint import load_detection_model
from annotators.detector import Detector, View, _views, choose_device
from annotators.weights import Weights, resolve_weights
from schemas.errors import EnvironmentFault
from storage.store import Store


@pytest.fixture(scope="module")
def detector(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    store = Store.open(tmp_path_factory.mktemp("detector") / "store")
    return Detector(resolve_weights(str(random_weights), store), score_floor=0.2)


def test_it_knows_its_classes_and_the_size_it_was_trained_at(detector: Detector):
    assert detector.class_names == ("person", "car", "dog")
    assert detector.image_size == 128


def test_boxes_lie_in_the_frame_above_the_floor_best_first(detector: Detector, moving_blocks):
    for rows in detector.detect(list(moving_blocks(3))):
        assert rows.dtype == np.float32
        assert (rows[:, 4] > 0.2).all()
        assert (np.diff(rows[:, 4]) <= 0).all()
        assert (rows[:, :4] >= 0).all()
        assert (rows[:, [2, 3]] <= [160, 96]).all()


def test_a_frame_gets_the_same_boxes_alone_and_in_a_batch_but_for_rounding(detector: Detector, moving_blocks):
    frames = list(moving_blocks(4))
    together, alone = detector.detect(frames), [detector.detect([frame])[0] for frame in frames]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)


def test_colours_reach_the_network_in_its_own_order(
    in_torch: Detector, random_weights: Path, moving_blocks, tmp_path: Path
):
    frame = moving_blocks(1)[0]
    swapped = np.ascontiguousarray(frame[..., ::-1])
    model = load_detection_model(resolve_weights(str(random_weights), Store.open(tmp_path / "store")).path)
    from_bgr = model.predict([swapped], conf=0.2, iou=0.7, imgsz=128, verbose=False)[0].boxes.data.numpy()
    np.testing.assert_array_equal(in_torch.detect([frame])[0], from_bgr)


@pytest.fixture(scope="module")
def in_torch(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    store = Store.open(tmp_path_factory.mktemp("torch") / "store")
    return Detector(resolve_weights(str(random_weights), store), score_floor=0.2, engine="torch", batch=1)


@pytest.fixture(scope="module")
def looking_twice(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    store = Store.open(tmp_path_factory.mktemp("twice") / "store")
    return Detector(resolve_weights(str(random_weights), store), score_floor=0.2, boxes="two_views")


def test_the_second_view_is_mirrored_and_larger_by_whole_strides(looking_twice: Detector):
    assert [(view.image_size, view.mirrored) for view in looking_twice._views] == [(128, False), (192, True)]


def test_an_export_of_fixed_size_looks_at_the_mirror_image():
    first, second = _views("two_views", (384, 640), 32)
    assert (first.image_size, first.mirrored) == ((384, 640), False)
    assert (second.image_size, second.mirrored) == ((384, 640), True)


def test_boxes_of_a_mirrored_view_are_those_of_the_mirrored_frame_turned_back(detector: Detector, moving_blocks):
    frames = list(moving_blocks(2))
    straight = detector._candidates([frame[:, ::-1] for frame in frames], View(128))
    turned = detector._candidates(frames, View(128, mirrored=True))
    for a, b in zip(straight, turned, strict=True):
        np.testing.assert_array_equal(a[:, 4:], b[:, 4:])
        np.testing.assert_allclose(a[:, [0, 2]], 160 - b[:, [2, 0]], atol=1e-4)
        assert (b[:, 2] >= b[:, 0]).all()


def test_two_views_give_boxes_in_the_frame_above_the_floor_best_first(looking_twice: Detector, moving_blocks):
    found = looking_twice.detect(list(moving_blocks(2)))
    assert len(found) == 2
    for rows in found:
        assert rows.dtype == np.float32
        assert len(rows)
        assert (rows[:, 4] > 0.2).all()
        assert (np.diff(rows[:, 4]) <= 0).all()
        assert (rows[:, :4] >= 0).all()
        assert (rows[:, [2, 3]] <= [160, 96]).all()


def test_voted_boxes_are_as_many_and_as_sure_as_the_strongest(
    random_weights: Path, detector: Detector, moving_blocks, tmp_path
):
    weights = resolve_weights(str(random_weights), Store.open(tmp_path / "store"))
    voted = Detector(weights, score_floor=0.2, boxes="voted").detect(list(moving_blocks(1)))[0]
    strongest = detector.detect(list(moving_blocks(1)))[0]
    np.testing.assert_array_equal(voted[:, 4:], strongest[:, 4:])


def test_an_archive_that_is_no_checkpoint_is_refused(tmp_path: Path):
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"not a pickle")
    with pytest.raises(EnvironmentFault, match="cannot be loaded as a YOLO checkpoint"):
        Detector(Weights("weights.pt", path, ""), score_floor=0.1)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path):
    import torch

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / "weights.pt"
    torch.save({"model": Trap()}, path)
    with pytest.raises(EnvironmentFault, match="cannot be loaded"):
        Detector(Weights("weights.pt", path, ""), score_floor=0.1)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("device", "fault"), [("tpu", "not a device"), ("cuda:x", "not a device"), ("cuda:99", "is not there")]
)
def test_a_device_that_is_not_there_is_refused(device: str, fault: str, tmp_path: Path):
    with pytest.raises(EnvironmentFault, match=fault):
        choose_device(device, Weights("weights.pt", tmp_path / "weights.pt", ""))


def test_an_export_runs_on_the_cpu_only(tmp_path: Path):
    export = Weights("export", tmp_path, "")
    assert choose_device("auto", export) == "cpu"
    with pytest.raises(EnvironmentFault, match="runs on the CPU"):
        choose_device("cuda", export)
