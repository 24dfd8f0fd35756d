"""The real detector on real footage, where both lie beside the checkout."""

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from annotators.weights import resolve_weights
from annotators.yolo import YoloAnnotator
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord
from storage.store import Store
from storage.video import read_frames

pytestmark = pytest.mark.footage


@pytest.fixture(scope="module")
def label(
    tmp_path_factory: pytest.TempPathFactory,
    shared_weights: Path,
    shared_footage: Path,
    commit_video: Callable[..., ClipRecord],
) -> Callable[[str, range], pa.Table]:
    store = Store.open(tmp_path_factory.mktemp("footage") / "store")
    options = YoloOptions(weights=str(shared_weights))
    annotator = YoloAnnotator(options, resolve_weights(options.weights, store), store)

    def run(name: str, frames: range) -> pa.Table:
        images = [
            image for _, image in islice(read_frames(shared_footage / name), frames.start, frames.stop, frames.step)
        ]
        clip = commit_video(store, Path(name).stem, images)
        [(_, detections)] = annotator.detect([clip])
        return annotator.track([(clip, detections)])[0]

    return run


def believed(tracks: pa.Table) -> Counter[tuple[int, str]]:
    rows = tracks.to_pandas().query("confidence >= 0.6")
    return Counter(zip(rows.track, rows.class_name, strict=True))


def test_the_cat_is_one_cat_though_its_frames_say_dog(label: Callable[[str, range], pa.Table]):
    assert believed(label("cogvideox/cat.mp4", range(0, 49, 4))) == {(1, "cat"): 13}


def test_the_car_is_one_car(label: Callable[[str, range], pa.Table]):
    assert believed(label("cogvideox/suv.mp4", range(0, 49, 6))) == {(1, "car"): 9}


def test_the_ship_is_one_boat_and_no_sail_is_a_label(label: Callable[[str, range], pa.Table]):
    assert believed(label("cogvideox/ship.mp4", range(0, 49, 6))) == {(1, "boat"): 9}


def test_the_person_is_tracked(label: Callable[[str, range], pa.Table]):
    [((_, name), frames)] = believed(label("sintel_10s.mp4", range(20, 60, 4))).items()
    assert (name, frames) == ("person", 10)
