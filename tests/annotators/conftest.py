"""A detector that sees much and knows nothing, and clips for it: real weights and videos, without training."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.records import ClipRecord, Origin, Scenario
from storage.clips import commit_clip
from storage.store import Store
from storage.video import write_clip

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture(scope="session")
def commit_video() -> Callable[..., ClipRecord]:
    """Encode frames and commit them as a clip of a store."""

    def commit(store: Store, clip_id: str, frames: np.ndarray, **changes: object) -> ClipRecord:
        with store.scratch("test") as folder:
            encoded = write_clip(folder / f"{clip_id}.mp4", frames, 12)
            record = ClipRecord(
                clip_id=clip_id, scenario=Scenario("scenario", "a street"), media_id=encoded.media_id,
                frames=encoded.frames, fps=encoded.fps, width=encoded.width, height=encoded.height, size=encoded.size,
                origin=Origin("procedural", "1"),
            )  # fmt: skip
            return commit_clip(store, replace(record, **changes), encoded.path, None)

    return commit


@pytest.fixture(scope="session")
def moving_blocks() -> Callable[..., np.ndarray]:
    """Frames of two blocks that cross before a chequered ground."""

    def draw(frames: int, seed: int = 0, height: int = 96, width: int = 160) -> np.ndarray:
        tiles = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
        clip = np.repeat(tiles.repeat(8, 0).repeat(8, 1)[None], frames, axis=0)
        for index, image in enumerate(clip):
            image[20:60, 10 + 2 * index : 50 + 2 * index] = (200, 30, 30)
            image[50:90, 90 - index : 120 - index] = (20, 200, 60)
        return clip

    return draw


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """torch on one thread, in ultralytics' own set-up too: scores differ in the fifth digit between thread counts."""
    import torch

    from annotators.offline import prepare_ultralytics

    prepare_ultralytics()
    from ultralytics.utils import torch_utils

    before, torch_utils.NUM_THREADS = torch_utils.NUM_THREADS, 1
    torch.set_num_threads(1)
    yield
    torch_utils.NUM_THREADS = before


@pytest.fixture(scope="session")
def random_weights(
    tmp_path_factory: pytest.TempPathFactory, moving_blocks: Callable[..., np.ndarray], one_thread: None
) -> Path:
    """A YOLO26n checkpoint with random weights whose scores spread over 0 to 1: its boxes are noise, and plenty."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network = DetectionModel("yolo26n.yaml", nc=3, verbose=False)
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # one pass sets the statistics, or the signal fades on its way
    images = torch.from_numpy(moving_blocks(8)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        network.train()(images)
        network.eval()
        head = network.model[-1]
        for boxes, classes in zip(head.cv2, head.cv3, strict=True):
            boxes[-1].weight.mul_(0.05)
            boxes[-1].bias.fill_(2.0)
            classes[-1].bias.fill_(-3.0)
    network.names = {0: "person", 1: "car", 2: "dog"}
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    torch.save({"model": network.half(), "train_args": {"imgsz": 128, "task": "detect"}}, path)
    return path
