"""With the strongest boxes and no refinement, our labels are those of the loop that everybody writes first."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from annotators.boxes import sizes_to_corners
from annotators.trackers import load_tracker_config
from annotators.weights import STARTER_PATH, resolve_weights
from annotators.yolo import YoloAnnotator
from generators.procedural.render import render_pictures
from generators.procedural.scene import SceneRequest
from schemas.annotator_options import YoloOptions
from schemas.records import ClipRecord
from storage.clips import media_path
from storage.store import Store
from storage.video import read_frames


@dataclass(frozen=True)
class Scene:
    """Clips, what our detector sees in them, and the model of the plain loop."""

    store: Store
    weights: Path
    seen: list[tuple[ClipRecord, pa.Table]]
    names: tuple[str, ...]
    model: Any


def annotator_for(store: Store, weights: Path, tracker: str) -> YoloAnnotator:
    engine = "openvino" if weights.is_dir() else "torch"
    options = YoloOptions(
        weights=str(weights), tracker=tracker, score_floor=0.1, batch=1, boxes="strongest", refine=None, engine=engine
    )
    return YoloAnnotator(options, resolve_weights(options.weights, store), store)


def look_at(store: Store, weights: Path, clips: list[ClipRecord]) -> Scene:
    from ultralytics.models import YOLO

    annotator = annotator_for(store, weights, "bytetrack")
    return Scene(store, weights, list(annotator.detect(clips)), annotator.class_names, YOLO(weights, task="detect"))


def plain_loop(scene: Scene, clip: ClipRecord, tracker: str) -> list[np.ndarray]:
    """For each frame rows of x1, y1, x2, y2, id, score, class, by id."""
    frames = []
    source, config = str(media_path(scene.store, clip)), str(load_tracker_config(tracker).path)
    for result in scene.model.track(source=source, stream=True, tracker=config, conf=0.1, verbose=False):
        rows = result.boxes.data.numpy() if result.boxes.is_track else np.zeros((0, 7), np.float32)
        frames.append(rows[np.argsort(rows[:, 4])])
    return frames


def rows_of(tracks: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """The same columns from a ``TRACKS`` table."""
    corners = sizes_to_corners(np.stack([tracks[side].to_numpy() for side in "xywh"], axis=1))
    classes = np.array([names.index(name) for name in tracks["class_name"].to_pylist()])
    columns = (tracks["track"].to_numpy(), tracks["score"].to_numpy(), classes)
    return np.concatenate([corners, *(column.reshape(-1, 1) for column in columns)], axis=1, dtype=np.float32)


def count_equal_boxes(scene: Scene, tracker: str, pixels: float = 0.0) -> int:
    """Compare frame by frame, bit by bit or with boxes up to ``pixels`` apart; the number of boxes."""
    annotator = annotator_for(scene.store, scene.weights, tracker)
    annotator.class_names = scene.names
    for clip, detections in scene.seen:
        [tracks] = annotator.track([(clip, detections)])
        ours, frames = rows_of(tracks, scene.names), tracks["frame"].to_numpy()
        theirs = plain_loop(scene, clip, tracker)
        assert len(theirs) == clip.frames
        for frame, rows in enumerate(theirs):
            where = f"{clip.clip_id}, frame {frame}"
            np.testing.assert_allclose(ours[frames == frame], rows, rtol=0, atol=pixels, err_msg=where)
    return len(ours)


@pytest.fixture(scope="module")
def noisy_scene(
    tmp_path_factory: pytest.TempPathFactory,
    commit_video: Callable[..., ClipRecord],
    moving_blocks: Callable[..., np.ndarray],
    random_weights: Path,
) -> Scene:
    store = Store.open(tmp_path_factory.mktemp("noisy") / "store")
    clips = [commit_video(store, "one", moving_blocks(9)), commit_video(store, "two", moving_blocks(6, seed=1))]
    return look_at(store, random_weights, clips)


@pytest.mark.parametrize("tracker", ["bytetrack", "ocsort", "botsort", "deepocsort", "fasttrack"])
def test_without_refinement_our_tracks_are_exactly_those_of_the_plain_loop(noisy_scene: Scene, tracker: str) -> None:
    assert count_equal_boxes(noisy_scene, tracker) > 50


@pytest.mark.footage
@pytest.mark.parametrize("tracker", ["bytetrack", "ocsort", "tracktrack"])
def test_the_same_holds_for_the_real_detector_on_real_footage(real_scene: Scene, tracker: str) -> None:
    # Its INT8 export rounds each input: bytes that become floats within the model and before it may differ by a level.
    assert count_equal_boxes(real_scene, tracker, pixels=0.9) > 20


@pytest.fixture(scope="module")
def real_scene(
    tmp_path_factory: pytest.TempPathFactory,
    shared_weights: Path,
    shared_footage: Path,
    commit_video: Callable[..., ClipRecord],
) -> Scene:
    store = Store.open(tmp_path_factory.mktemp("real") / "store")
    images = [image for _, image in islice(read_frames(shared_footage / "cogvideox" / "ship.mp4"), 8)]
    return look_at(store, shared_weights, [commit_video(store, "ship", images)])


@pytest.mark.parametrize("tracker", ["bytetrack", "ocsort", "botsort"])
def test_the_same_holds_for_the_starter_on_a_street(street_scene: Scene, tracker: str) -> None:
    assert count_equal_boxes(street_scene, tracker) > 20


@pytest.fixture(scope="module")
def street_scene(
    tmp_path_factory: pytest.TempPathFactory, commit_video: Callable[..., ClipRecord], one_thread: None
) -> Scene:
    store = Store.open(tmp_path_factory.mktemp("street") / "store")
    pictures = list(render_pictures(SceneRequest({"weather": "clear", "light": "day"}, {"car": 2, "person": 3}, 3, 12)))
    return look_at(store, STARTER_PATH, [commit_video(store, "street", pictures)])
