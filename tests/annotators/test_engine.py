"""The forward pass: exports, precisions, and labels that depend on neither cores nor neighbours."""

import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from annotators import yolo
from annotators.checkpoint import load_detection_model
from annotators.engine import exports, network
from annotators.engine.calibration import calibration_inputs
from annotators.engine.exports import provide_export
from annotators.engine.network import open_network
from annotators.engine.openvino_network import OpenVinoNetwork
from annotators.weights import STARTER_PATH, Weights, resolve_weights
from annotators.yolo import YoloAnnotator
from schemas.annotator_options import YoloOptions
from schemas.errors import EnvironmentFault
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.store import Store


@pytest.fixture(scope="module")
def weights(random_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return resolve_weights(str(random_weights), Store.open(tmp_path_factory.mktemp("engine") / "store"))


@pytest.fixture(scope="module")
def export(weights: Weights) -> Path:
    return provide_export(weights, "f32", None)


@pytest.fixture
def images(moving_blocks: Callable[..., np.ndarray]) -> np.ndarray:
    return np.ascontiguousarray(moving_blocks(8, height=96, width=128))


def test_f32_is_torch_but_for_rounding(weights: Weights, images: np.ndarray):
    raw = {
        engine: open_network(
            weights, engine=engine, precision="f32", device="cpu", image_size=None, batch=8
        ).run(images).copy()
        for engine in ("torch", "openvino")
    }  # fmt: skip
    np.testing.assert_allclose(raw["openvino"][:, :4], raw["torch"][:, :4], atol=0.05)
    np.testing.assert_allclose(raw["openvino"][:, 4:], raw["torch"][:, 4:], atol=1e-3)


@pytest.mark.parametrize("precision", ["f32", "auto"])
def test_a_frame_has_the_same_figures_on_any_number_of_cores_in_any_batch(
    export: Path, images: np.ndarray, precision: str
):
    alone = OpenVinoNetwork(export, precision=precision, batch=1, cores=1)
    expected = np.concatenate([alone.run(image[None]).copy() for image in images])
    together = OpenVinoNetwork(export, precision=precision, batch=8, cores=2)
    np.testing.assert_array_equal(together.run(images), expected)
    np.testing.assert_array_equal(together.run(np.ascontiguousarray(images[::-1])), expected[::-1])


def test_threads_may_run_it_at_the_same_time(export: Path, images: np.ndarray):
    network = OpenVinoNetwork(export, precision="f32", batch=8, cores=2)
    expected, answers = network.run(images).copy(), []
    threads = [threading.Thread(target=lambda: answers.append(network.run(images).copy())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    for answer in answers:
        np.testing.assert_array_equal(answer, expected)


def test_a_model_is_exported_once_even_if_two_ask_at_the_same_time(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path))
    made = []

    def make(_: Weights, folder: Path) -> None:
        made.append(folder)
        (folder / "model.xml").touch()

    monkeypatch.setattr(exports, "_export", make)
    threads = [threading.Thread(target=provide_export, args=(weights, "f32", None)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (provide_export(weights, "auto", None) / "model.xml").is_file()
    assert len(made) == 1


def test_an_export_that_fails_leaves_nothing_that_looks_finished(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FRAMEFOUNDRY_CACHE", str(tmp_path))

    def fail(_: Weights, folder: Path) -> None:
        (folder / "model.xml").touch()
        raise OSError("disk full")

    monkeypatch.setattr(exports, "_export", fail)
    with pytest.raises(OSError, match="disk full"):
        provide_export(weights, "f32", None)
    assert not list(tmp_path.rglob("*.xml"))


def test_int8_without_nncf_is_refused_before_anything_is_loaded(
    street: tuple[Store, ClipRecord], export: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(network, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentFault, match="int8 needs nncf"):
        street_annotator(street[0], precision="int8")
    network.check_engine(Weights("mine", export, ""), "auto", "int8")  # an export is quantised already


@pytest.mark.parametrize(
    ("engine", "precision", "device", "fault"),
    [("openvino", "auto", "cuda:0", "runs on the CPU"), ("torch", "int8", "cpu", "int8 runs in OpenVINO")],
)
def test_what_an_engine_cannot_do_is_refused(weights: Weights, engine: str, precision: str, device: str, fault: str):
    with pytest.raises(EnvironmentFault, match=fault):
        open_network(weights, engine=engine, precision=precision, device=device, image_size=None, batch=1)


def test_an_export_does_not_run_in_torch(export: Path):
    with pytest.raises(EnvironmentFault, match="does not run in torch"):
        open_network(
            Weights("x", export, ""), engine="torch", precision="auto", device="cpu", image_size=None, batch=1
        )  # fmt: skip


def test_calibration_frames_are_inputs_of_the_size_asked_for():
    inputs = calibration_inputs(128, 32)
    assert len(inputs) >= 16
    assert {(one.shape, one.dtype.name) for one in inputs} == {((1, 3, 96, 128), "float32")}
    assert max(one.max() for one in inputs) <= 1


@pytest.fixture(scope="module")
def street(
    tmp_path_factory: pytest.TempPathFactory, commit_video: Callable[..., ClipRecord]
) -> tuple[Store, ClipRecord]:
    from generators.procedural.render import render_pictures
    from generators.procedural.scene import SceneRequest

    store = Store.open(tmp_path_factory.mktemp("street") / "store")
    request = SceneRequest({"weather": "clear", "light": "day"}, {"car": 2, "person": 3}, 3, 12)
    return store, commit_video(store, "street", list(render_pictures(request)))


def street_annotator(store: Store, **changes: object) -> YoloAnnotator:
    options = YoloOptions.model_validate(
        {"tracker": "bytetrack", "score_floor": 0.1, "boxes": "strongest", "refine": None, **changes}
    )
    return YoloAnnotator(options, resolve_weights("starter", store), store)


def test_in_f32_tracks_are_those_of_the_plain_loop(street: tuple[Store, ClipRecord], one_thread: None):
    from annotators.trackers import load_tracker_config

    store, clip = street
    annotator = street_annotator(store, precision="f32")
    [(_, detections)] = annotator.detect([clip])
    [tracks] = annotator.track([(clip, detections)])
    ours = tracks.to_pandas().sort_values(["frame", "track"])
    model = load_detection_model(STARTER_PATH)
    loop = model.track(
        str(media_path(store, clip)), stream=True, conf=0.1, verbose=False,
        tracker=str(load_tracker_config("bytetrack").path),
    )  # fmt: skip
    theirs = np.array(
        sorted(
            (frame, *row[[4, 0, 1, 2, 3, 6]])
            for frame, result in enumerate(loop)
            if result.boxes.is_track
            for row in result.boxes.data.numpy()
        )
    )
    assert len(theirs) > 20
    np.testing.assert_array_equal(ours[["frame", "track"]], theirs[:, :2])
    names = [annotator.class_names[int(index)] for index in theirs[:, 6]]
    assert ours["class_name"].astype(str).tolist() == names
    corners = np.column_stack([ours.x, ours.y, ours.x + ours.w, ours.y + ours.h])
    np.testing.assert_allclose(corners, theirs[:, 2:6], atol=0.01)


@pytest.mark.slow
def test_int8_finds_what_f32_finds(street: tuple[Store, ClipRecord]):
    pytest.importorskip("nncf", reason="INT8 is quantised by nncf")
    store, clip = street
    found = {}
    for precision in ("f32", "int8"):
        [(_, table)] = street_annotator(store, precision=precision, score_floor=0.5).detect([clip])
        found[precision] = table.num_rows
    assert found["f32"] > 20
    assert abs(found["int8"] - found["f32"]) <= 0.1 * found["f32"]


def test_precision_and_engine_are_part_of_what_a_detection_is(street: tuple[Store, ClipRecord]):
    store, _ = street
    prints = {
        street_annotator(store, **changes).detection_fingerprint
        for changes in ({}, {"precision": "f32"}, {"engine": "torch"})
    }
    assert len(prints) == 3
    assert len({str(exports.export_identity(precision)) for precision in ("auto", "f32", "int8")}) == 3


def test_a_long_clip_is_never_in_memory_as_a_whole(street: tuple[Store, ClipRecord], monkeypatch: pytest.MonkeyPatch):
    store, clip = street
    alive = most = 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def read_many(path: Path) -> Iterator[tuple[int, np.ndarray]]:
        nonlocal alive, most
        for index in range(400):
            image = np.zeros((64, 64, 3), np.uint8)
            weakref.finalize(image, gone)
            alive += 1
            most = max(most, alive)
            yield index, image

    class BlindDetector:
        batch, workers, class_names = 4, 2, ("car",)

        def detect(self, frames: list[np.ndarray]) -> list[np.ndarray]:
            return [np.zeros((0, 6), np.float32) for _ in frames]

    monkeypatch.setattr(yolo, "read_frames", read_many)
    annotator = street_annotator(store)
    annotator.detector = BlindDetector()
    assert len(list(annotator.detect([clip, clip]))) == 2
    in_batches = BlindDetector.batch * (BlindDetector.workers + yolo.WAITING_BATCHES + 2)
    assert most <= in_batches
