import numpy as np
import pytest

from annotators.detections import detections_from_frames
from annotators.trackers import CONFIG_FOLDER, OFFLINE, follow_objects, load_tracker_config
from schemas.annotator_options import Tracker
from schemas.errors import RecipeError

NAMES = sorted({*Tracker.__args__} - {OFFLINE})
SIZE = (320, 192)


def car(frame: int, score: float = 0.9, name: int = 0) -> list[float]:
    return [10 + 4 * frame, 20, 60 + 4 * frame, 60, score, name]


def seen(frames: dict[int, list[list[float]]], count: int):
    return detections_from_frames(
        [np.array(frames.get(frame, []), np.float32).reshape(-1, 6) for frame in range(count)]
    )


def test_there_are_settings_for_every_tracker_of_the_recipe_and_no_others():
    assert sorted(NAMES) == sorted(path.stem for path in CONFIG_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_versioned_and_need_no_other_model(name: str):
    config = load_tracker_config(name)
    assert config.settings["tracker_type"] == name
    assert config.settings["version"] >= 1
    assert not config.settings.get("with_reid", False)
    assert config.uses_images == (name == "botsort")


def test_an_unknown_tracker_is_refused_with_the_nearest_name():
    with pytest.raises(RecipeError, match="bytetrack"):
        load_tracker_config("bytetracker")


@pytest.mark.parametrize("name", NAMES)
def test_unconfirmed_tracks_count_from_their_first_sighting_when_asked_for(name: str):
    found = seen({frame: [car(frame)] for frame in range(2, 8)}, 8)
    config = load_tracker_config(name)
    images = [np.zeros((192, 320, 3), np.uint8) if config.uses_images else None] * 8
    plain = follow_objects(config, found, images, SIZE, unconfirmed=False)
    eager = follow_objects(config, found, images, SIZE, unconfirmed=True)
    assert eager.frame.tolist() == [2, 3, 4, 5, 6, 7]
    assert plain.frame.min() > 2
    assert set(eager.track.tolist()) == {1}


@pytest.mark.parametrize("name", NAMES)
def test_every_sighting_names_its_detection(name: str):
    noise = [200, 100, 230, 140, 0.06, 1]
    found = seen({frame: [noise, car(frame)] for frame in range(5)}, 5)
    config = load_tracker_config(name)
    images = [np.zeros((192, 320, 3), np.uint8) if config.uses_images else None] * 5
    observations = follow_objects(config, found, images, SIZE, unconfirmed=True)
    assert observations.detection.tolist() == [1, 3, 5, 7, 9]


def test_a_track_survives_an_occlusion_under_its_own_id():
    frames = {frame: [car(frame)] for frame in [*range(6), *range(12, 16)]}
    observations = follow_objects(load_tracker_config("ocsort"), seen(frames, 16), [None] * 16, SIZE, unconfirmed=True)
    assert set(observations.track.tolist()) == {1}
    assert observations.frame.tolist() == [*range(6), *range(12, 16)]


def test_ids_begin_at_one_for_each_call():
    found = seen({frame: [car(frame)] for frame in range(3)}, 3)
    for _ in range(2):
        observations = follow_objects(load_tracker_config("bytetrack"), found, [None] * 3, SIZE, unconfirmed=True)
        assert set(observations.track.tolist()) == {1}


def test_empty_frames_give_no_observations():
    assert len(follow_objects(load_tracker_config("ocsort"), seen({}, 4), [None] * 4, SIZE, unconfirmed=True)) == 0
