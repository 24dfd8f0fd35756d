"""The whole path of the bundled diffusion model, from text to published labels, held against what prompts asked for."""

from pathlib import Path

import numpy as np
import pytest

from generators.shape_reading import read_motif
from generators.shapes import HELD_OUT, MOTIFS, Motif
from publishers.parquet import read_manifest
from schemas.tables import ACCEPT
from storage.clips import find_clip, media_path
from storage.store import Store
from storage.video import read_frames

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny-diffusion.yaml"

pytestmark = pytest.mark.slow  # renders and labels 48 clips


@pytest.fixture(scope="module")
def shown(prefect_server, tmp_path_factory):
    """What each clip's published labels say that it shows, by what its prompt asked for; None without labels."""
    from flows.build import build_dataset

    store = Store.open(tmp_path_factory.mktemp("store") / "foundry")
    report = build_dataset(str(RECIPE), str(store.root))
    rows = read_manifest(Path(report.path) / "manifest")
    frames = rows.frames.to_pandas()
    return {
        Motif(**dict(clip["attributes"])): read_labels(store, frames[frames["clip_id"] == clip["clip_id"]])
        for clip in rows.clips.to_pylist()
    }


def read_labels(store, frames):
    labels = [
        (one, row.frame) for row in frames.sort_values("frame").itertuples() for one in row.objects
        if one["verdict"] == ACCEPT
    ]  # fmt: skip
    if not labels:
        return None
    names = [one["class_name"] for one, _ in labels]
    boxes = np.array([[one[side] for side in "xywh"] for one, _ in labels])
    images = dict(read_frames(media_path(store, find_clip(store, frames["clip_id"].iloc[0]))))
    return read_motif(max(names, key=names.count), boxes, [images[frame] for _, frame in labels])


def agreement(wanted, seen):
    return float(np.mean([one == other for one, other in zip(wanted, seen, strict=True)]))


@pytest.mark.parametrize("prompts", [MOTIFS, HELD_OUT], ids=["all", "never trained on"])
def test_labels_agree_with_prompts(shown, prompts):
    assert agreement(prompts, [shown[prompt] for prompt in prompts]) >= 0.9


@pytest.mark.parametrize("prompts", [MOTIFS, HELD_OUT], ids=["all", "never trained on"])
def test_with_shuffled_prompts_agreement_falls_to_chance(shown, prompts):
    seen = [shown[prompt] for prompt in prompts]
    shuffled = [agreement(np.roll(np.array(prompts, object), turn), seen) for turn in range(len(prompts))]
    assert abs(np.mean(shuffled) - 1 / len(prompts)) <= 0.05
