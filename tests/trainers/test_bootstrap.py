import re
from pathlib import Path

import pytest

from storage.recipes import read_recipe
from trainers import bootstrap
from trainers.bootstrap import STARTER_NAME, STARTER_TRAINING, train_starter

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trainings(monkeypatch):
    made = []
    monkeypatch.setattr(bootstrap, "train_detector", lambda *arguments: made.append(arguments))
    return made


def test_the_starter_is_trained_from_scratch_with_its_own_settings(trainings, tmp_path):
    train_starter(tmp_path / "data.yaml", tmp_path / "out")
    assert trainings == [(tmp_path / "data.yaml", STARTER_TRAINING, tmp_path / "out", None)]
    assert STARTER_TRAINING.base is None


def test_a_trial_takes_fewer_epochs_and_nothing_else(trainings, tmp_path):
    train_starter(tmp_path / "data.yaml", tmp_path / "out", epochs=1)
    assert trainings[0][1].epochs == 1
    assert trainings[0][1].learning_rate == STARTER_TRAINING.learning_rate


def test_its_recipe_keeps_every_exact_label_and_every_empty_street():
    recipe = read_recipe(ROOT / "recipes" / "starter.yaml")
    assert recipe.annotator.kind == "truth"
    assert recipe.class_names == ("person", "bicycle", "car", "bus", "truck", "dog")
    assert (recipe.curation.min_track_frames, recipe.curation.min_box_side, recipe.curation.max_background) == (1, 0, 1)
    assert recipe.publish.yolo is not None


def test_the_bundled_weights_are_small_and_name_no_folder_of_the_machine_that_made_them():
    weights = ROOT / "annotators" / "starter" / STARTER_NAME
    content = weights.read_bytes()
    assert len(content) < 8_000_000
    assert not re.findall(rb"/(?:tmp|home|work|root)/", content)
    assert (weights.parent / "MODEL_CARD.md").is_file()
